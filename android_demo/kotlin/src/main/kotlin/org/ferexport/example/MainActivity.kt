package org.ferexport.example

import android.app.Activity
import android.content.Intent
import android.graphics.ImageDecoder
import android.os.Bundle
import android.widget.TextView
import org.ferexport.fer.FerAnalyzer
import org.ferexport.fer.FerCallback
import org.ferexport.fer.FerException
import org.ferexport.fer.FerFace

/** Choose a photo; read its emotions. */
class MainActivity : Activity(), FerCallback {
    private lateinit var analyzer: FerAnalyzer
    private lateinit var text: TextView

    override fun onCreate(saved: Bundle?) {
        super.onCreate(saved)
        text = TextView(this).apply { textSize = 20f; setPadding(48, 160, 48, 48) }
        setContentView(text)
        analyzer = FerAnalyzer.open(this)
        startActivityForResult(Intent(Intent.ACTION_GET_CONTENT).setType("image/*"), 1)
    }

    override fun onActivityResult(request: Int, result: Int, data: Intent?) {
        val uri = data?.data ?: return
        val photo = ImageDecoder.decodeBitmap(ImageDecoder.createSource(contentResolver, uri)) { decoder, _, _ ->
            decoder.allocator = ImageDecoder.ALLOCATOR_SOFTWARE
        }
        analyzer.analyseAsync(photo, 0, this)
    }

    override fun onFaces(faces: List<FerFace>) {
        text.text = faces.joinToString("\n") { "${it.emotion.getName(this)}, ${it.emotion.percent} %" }
            .ifEmpty { "No face" }
    }

    override fun onError(error: FerException) {
        text.text = error.getSentence(this)
    }

    override fun onDestroy() {
        analyzer.close()
        super.onDestroy()
    }
}
