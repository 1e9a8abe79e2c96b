package org.ferexport.app;

import android.graphics.Bitmap;
import org.ferexport.core.Picture;

/** A bitmap, read in place. */
final class BitmapPicture implements Picture {
    private final Bitmap bitmap;

    BitmapPicture(Bitmap bitmap) {
        this.bitmap = bitmap;
    }

    @Override
    public int width() {
        return bitmap.getWidth();
    }

    @Override
    public int height() {
        return bitmap.getHeight();
    }

    @Override
    public void read(int row, int left, int count, int[] pixels) {
        bitmap.getPixels(pixels, 0, count, left, row, count, 1);
    }
}
