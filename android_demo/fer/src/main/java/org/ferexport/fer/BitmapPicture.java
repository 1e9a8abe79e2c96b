package org.ferexport.fer;

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
        if (bitmap.hasAlpha()) {
            for (int at = 0; at < count; at++) {
                pixels[at] = onWhite(pixels[at]);
            }
        }
    }

    /** What Python sees of a transparent pixel: the picture lies on white. */
    static int onWhite(int pixel) {
        int alpha = pixel >>> 24;
        int red = blended(pixel >> 16 & 255, alpha);
        int green = blended(pixel >> 8 & 255, alpha);
        return 255 << 24 | red << 16 | green << 8 | blended(pixel & 255, alpha);
    }

    private static int blended(int level, int alpha) {
        return (level * alpha + 255 * (255 - alpha) + 127) / 255;
    }
}
