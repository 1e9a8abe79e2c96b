package org.ferexport.fer;

import android.graphics.Bitmap;
import android.graphics.BitmapFactory;
import java.io.IOException;
import org.ferexport.core.Picture;
import org.ferexport.core.PictureReader;

/** Android's own decoder, pixel by pixel as the file has them. */
final class BitmapReader implements PictureReader {
    @Override
    public Picture decode(byte[] png) throws IOException {
        Bitmap bitmap = BitmapFactory.decodeByteArray(png, 0, png.length, options());
        if (bitmap == null) {
            throw new IOException("Android cannot decode a picture of the bundle");
        }
        return new BitmapPicture(bitmap);
    }

    /** Neither scaled for the screen nor cut to fewer bits. */
    static BitmapFactory.Options options() {
        BitmapFactory.Options options = new BitmapFactory.Options();
        options.inScaled = false;
        options.inPreferredConfig = Bitmap.Config.ARGB_8888;
        return options;
    }
}
