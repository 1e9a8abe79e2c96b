package org.ferexport.core;

import java.util.ArrayList;
import java.util.List;

/**
 * A photo in the middle of a black square, of which a detector looks at windows.
 *
 * <p>The longer side becomes the square's less two borders, the other one keeps the shape, rounded, and is at least 1.
 * The border on each side mirrors the photo at its edge, as far as the photo goes.
 */
final class Letterbox {
    private final Picture photo;
    private final int side;
    private final int border;
    final int width;
    final int height;
    final int left;
    final int top;

    Letterbox(Picture photo, int side, int border) {
        this.photo = photo;
        this.side = side;
        this.border = border;
        long longer = Math.max(photo.width(), photo.height());
        width = shrunk(photo.width(), longer);
        height = shrunk(photo.height(), longer);
        left = (side - width) / 2;
        top = (side - height) / 2;
    }

    private int shrunk(long length, long longer) {
        return (int) Math.max(1, (2 * length * (side - 2 * border) + longer) / (2 * longer));
    }

    /** The square's bytes, [side, side, 3]. */
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
        byte[] result = new byte[side * side * 3];
        int across = Math.min(border, width);
        int down = Math.min(border, height);
        for (int row = -down; row < height + down; row++) {
            int from = mirrored(row, height) * width;
            int to = (top + row) * side + left;
            for (int column = -across; column < width + across; column++) {
                System.arraycopy(small, (from + mirrored(column, width)) * 3, result, (to + column) * 3, 3);
            }
        }
        return result;
    }

    /** The position in the photo, 0 to length - 1, of one that may lie up to `length` outside. */
    private static int mirrored(int at, int length) {
        return at < 0 ? -1 - at : at < length ? at : 2 * length - 1 - at;
    }

    /** Every part of that size, in steps of half of it and row by row, which shows some of the photo. */
    List<Window> windows(int size) {
        byte[] bytes = bytes();
        List<Window> result = new ArrayList<Window>();
        int steps = 2 * (side / size) - 1;
        for (int down = 0; down < steps; down++) {
            for (int across = 0; across < steps; across++) {
                Window window = new Window(bytes, size, across * size / 2, down * size / 2);
                if (window.showsPhoto()) {
                    result.add(window);
                }
            }
        }
        return result;
    }

    /** A part of the letterbox, as a detector takes it. */
    final class Window {
        private final byte[] bytes;
        private final int size;
        final int fromLeft;
        final int fromTop;

        private Window(byte[] bytes, int size, int fromLeft, int fromTop) {
            this.bytes = bytes;
            this.size = size;
            this.fromLeft = fromLeft;
            this.fromTop = fromTop;
        }

        private boolean showsPhoto() {
            return fromLeft < left + width && left < fromLeft + size && fromTop < top + height && top < fromTop + size;
        }

        /** The detector's input, [size, size, 3] from -1 (black) to 1. */
        float[] input() {
            float[] result = new float[size * size * 3];
            for (int row = 0; row < size; row++) {
                int from = ((fromTop + row) * side + fromLeft) * 3;
                for (int at = 0; at < size * 3; at++) {
                    result[row * size * 3 + at] = (bytes[from + at] & 255) / 127.5f - 1f;
                }
            }
            return result;
        }

        /** A horizontal position, 0 to 1 of the window, as a whole pixel of the photo. */
        int x(double position) {
            return rounded((position * size - (left - fromLeft)) / width * photo.width());
        }

        /** A vertical position, 0 to 1 of the window, as a whole pixel of the photo. */
        int y(double position) {
            return rounded((position * size - (top - fromTop)) / height * photo.height());
        }

        private int rounded(double value) {
            return (int) Math.floor(value + 0.5);
        }
    }
}
