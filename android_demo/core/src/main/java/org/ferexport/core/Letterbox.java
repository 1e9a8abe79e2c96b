package org.ferexport.core;

/**
 * A photo in the middle of a black square, as a detector takes it.
 *
 * <p>The longer side becomes the square's, the other one keeps the shape, rounded, and is at least 1.
 */
final class Letterbox {
    private final Picture photo;
    private final int size;
    final int width;
    final int height;
    final int left;
    final int top;

    Letterbox(Picture photo, int size) {
        this.photo = photo;
        this.size = size;
        long longer = Math.max(photo.width(), photo.height());
        width = shrunk(photo.width(), longer);
        height = shrunk(photo.height(), longer);
        left = (size - width) / 2;
        top = (size - height) / 2;
    }

    private int shrunk(long side, long longer) {
        return (int) Math.max(1, (2 * side * size + longer) / (2 * longer));
    }

    /** The square's bytes, [size, size, 3]. */
    byte[] bytes() {
        AreaAverage.Rows rows = new AreaAverage.Rows() {
            private final int[] pixels = new int[photo.width()];

            @Override
            public void read(int row, int[] values) {
                photo.read(row, 0, pixels.length, pixels);
                for (int at = 0; at < pixels.length; at++) {
                    values[at * 3] = pixels[at] >> 16 & 255;
                    values[at * 3 + 1] = pixels[at] >> 8 & 255;
                    values[at * 3 + 2] = pixels[at] & 255;
                }
            }
        };
        byte[] small = new AreaAverage(rows, photo.width(), photo.height(), 3, width, height).average();
        byte[] result = new byte[size * size * 3];
        for (int row = 0; row < height; row++) {
            System.arraycopy(small, row * width * 3, result, ((top + row) * size + left) * 3, width * 3);
        }
        return result;
    }

    /** The detector's input, [size, size, 3] from -1 (black) to 1. */
    float[] input() {
        byte[] bytes = bytes();
        float[] result = new float[bytes.length];
        for (int at = 0; at < result.length; at++) {
            result[at] = (bytes[at] & 255) / 127.5f - 1f;
        }
        return result;
    }

    /** A horizontal position, 0 to 1 of the square, as a whole pixel of the photo. */
    int x(double position) {
        return rounded((position * size - left) / width * photo.width());
    }

    /** A vertical position, 0 to 1 of the square, as a whole pixel of the photo. */
    int y(double position) {
        return rounded((position * size - top) / height * photo.height());
    }

    private static int rounded(double value) {
        return (int) Math.floor(value + 0.5);
    }
}
