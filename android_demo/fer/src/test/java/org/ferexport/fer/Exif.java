package org.ferexport.fer;

import android.graphics.Bitmap;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** JPEG files as cameras write them. */
public final class Exif {
    private static final short ORIENTATION = 0x112;
    private static final short UNSIGNED_SHORT = 3;

    private Exif() {}

    public static byte[] jpeg(Bitmap bitmap) {
        ByteArrayOutputStream file = new ByteArrayOutputStream();
        bitmap.compress(Bitmap.CompressFormat.JPEG, 95, file);
        return file.toByteArray();
    }

    /** Puts a segment of Exif with that orientation behind the file's first marker. */
    public static byte[] with(int orientation, byte[] jpeg) {
        ByteBuffer result = ByteBuffer.allocate(jpeg.length + 36);
        result.put(jpeg, 0, 2);
        result.putShort((short) 0xFFE1).putShort((short) 34);
        result.put("Exif\0\0MM\0*".getBytes(StandardCharsets.US_ASCII));
        result.putInt(8).putShort((short) 1);
        result.putShort(ORIENTATION).putShort(UNSIGNED_SHORT).putInt(1);
        result.putShort((short) orientation).putShort((short) 0);
        result.putInt(0);
        result.put(jpeg, 2, jpeg.length - 2);
        return result.array();
    }
}
