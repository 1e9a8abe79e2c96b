package org.ferexport.example

import android.content.Context
import android.graphics.Bitmap
import org.ferexport.fer.FerAnalyzer
import org.ferexport.fer.FerCallback
import org.ferexport.fer.FerException
import org.ferexport.fer.FerFace

/** The lines that `fer-export bundle --android` prints, so that they are compiled. */
internal fun printEmotions(context: Context, bitmap: Bitmap) {
    val analyzer = FerAnalyzer.open(context) // reads assets/bundle
    analyzer.analyseAsync(bitmap, 0, object : FerCallback { // 0: the bitmap is upright
        override fun onFaces(faces: List<FerFace>) {
            for (face in faces) println("${face.box}: ${face.emotion.getName(context)}, ${face.emotion.percent} %")
            analyzer.close()
        }
        override fun onError(error: FerException) {
            println(error.getSentence(context))
        }
    })
}
