package org.ferexport.fer;

import android.graphics.Bitmap;
import java.nio.ByteBuffer;

/** Pictures as a camera gives them: in YUV 4:2:0, turned as its sensor lies, its chroma interleaved. */
public final class Frames {
    private static final int GAP = 16;

    private Frames() {}

    /** The frame that a sensor gives which must be turned clockwise by so many degrees, turned back upright. */
    public static FerFrame of(Bitmap upright, int rotation) {
        boolean aside = rotation % 180 != 0;
        int width = aside ? upright.getHeight() : upright.getWidth();
        int height = aside ? upright.getWidth() : upright.getHeight();
        int rowStride = width + GAP;
        byte[] luma = new byte[rowStride * height];
        byte[] chroma = new byte[rowStride * ((height + 1) / 2) + GAP];
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                int pixel = upright.getPixel(
                        rotation == 0 ? x : rotation == 90 ? height - 1 - y : rotation == 180 ? width - 1 - x : y,
                        rotation == 0 ? y : rotation == 90 ? x : rotation == 180 ? height - 1 - y : width - 1 - x);
                double red = pixel >> 16 & 255;
                double green = pixel >> 8 & 255;
                double blue = pixel & 255;
                luma[y * rowStride + x] = level(0.299 * red + 0.587 * green + 0.114 * blue);
                if (x % 2 == 0 && y % 2 == 0) {
                    int at = y / 2 * rowStride + x;
                    chroma[at] = level(128 - 0.168736 * red - 0.331264 * green + 0.5 * blue);
                    chroma[at + 1] = level(128 + 0.5 * red - 0.418688 * green - 0.081312 * blue);
                }
            }
        }
        ByteBuffer v = ByteBuffer.wrap(chroma);
        v.position(1);
        return FerFrame.copy(width, height, new FerFrame.Plane(ByteBuffer.wrap(luma), rowStride, 1),
                new FerFrame.Plane(ByteBuffer.wrap(chroma), rowStride, 2), new FerFrame.Plane(v, rowStride, 2),
                rotation);
    }

    private static byte level(double value) {
        return (byte) Math.max(0, Math.min(255, Math.round(value)));
    }
}
