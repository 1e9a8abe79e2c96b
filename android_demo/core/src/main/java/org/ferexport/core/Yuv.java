package org.ferexport.core;

/**
 * A camera's frame in YUV 4:2:0 to upright colours, by JFIF's equations (BT.601, all 256 levels), rounded exactly.
 *
 * <p>R = Y + 1.402 V', G = Y - 0.344136 U' - 0.714136 V', B = Y + 1.772 U', where U' and V' are the plane's bytes less
 * 128; each is rounded to the nearest level, halves up, and clamped to 0 to 255. A chroma byte counts for the four
 * pixels of its square.
 */
public final class Yuv {
    private static final int MILLION = 1_000_000;
    private static final int[] RED_OF_V = offsets(1_402_000);
    private static final int[] BLUE_OF_U = offsets(1_772_000);

    /** One plane of a frame, as a camera lays it out. */
    public static final class Plane {
        final byte[] bytes;
        final int rowStride;
        final int pixelStride;

        /**
         * Takes the array as it is, without a copy.
         *
         * @param rowStride bytes from a row's start to the next one's
         * @param pixelStride bytes from a sample to the next one of its row
         */
        public Plane(byte[] bytes, int rowStride, int pixelStride) {
            this.bytes = bytes;
            this.rowStride = rowStride;
            this.pixelStride = pixelStride;
        }

        private void require(String name, int width, int height) {
            long last = (long) (height - 1) * rowStride + (long) (width - 1) * pixelStride;
            if (rowStride < 1 || pixelStride < 1 || last >= bytes.length) {
                throw new IllegalArgumentException("plane " + name + " has " + bytes.length + " bytes, too few for "
                        + width + " x " + height + " samples at strides " + rowStride + " and " + pixelStride);
            }
        }
    }

    private Yuv() {}

    /**
     * The frame's pixels, each as 0xFFRRGGBB, row by row, turned upright.
     *
     * @param width of the frame as the sensor gives it, in pixels
     * @param height likewise
     * @param rotation clockwise degrees that turn the frame upright: 0, 90, 180 or 270; with 90 and 270 a row of the
     *     result has {@code height} pixels
     * @throws IllegalArgumentException for another rotation, or a plane that is too short
     */
    public static int[] upright(int width, int height, Plane y, Plane u, Plane v, int rotation) {
        if (width < 1 || height < 1) {
            throw new IllegalArgumentException("a frame of " + width + " x " + height + " pixels");
        }
        y.require("Y", width, height);
        u.require("U", (width + 1) / 2, (height + 1) / 2);
        v.require("V", (width + 1) / 2, (height + 1) / 2);
        int first = start(width, height, rotation);
        int across = rotation == 0 ? 1 : rotation == 90 ? height : rotation == 180 ? -1 : -height;
        int down = rotation == 0 ? width : rotation == 90 ? -1 : rotation == 180 ? -width : 1;
        int[] result = new int[width * height];
        for (int row = 0; row < height; row++) {
            int lumaAt = row * y.rowStride;
            int uAt = row / 2 * u.rowStride;
            int vAt = row / 2 * v.rowStride;
            int to = first + row * down;
            int red = 0;
            int green = 0;
            int blue = 0;
            for (int at = 0; at < width; at++) {
                if ((at & 1) == 0) {
                    int uLevel = u.bytes[uAt] & 255;
                    int vLevel = v.bytes[vAt] & 255;
                    red = RED_OF_V[vLevel];
                    green = green(uLevel, vLevel);
                    blue = BLUE_OF_U[uLevel];
                    uAt += u.pixelStride;
                    vAt += v.pixelStride;
                }
                int luma = y.bytes[lumaAt] & 255;
                result[to] = 255 << 24 | level(luma + red) << 16 | level(luma + green) << 8 | level(luma + blue);
                lumaAt += y.pixelStride;
                to += across;
            }
        }
        return result;
    }

    /** Where the frame's first pixel goes. */
    private static int start(int width, int height, int rotation) {
        switch (rotation) {
            case 0:
                return 0;
            case 90:
                return height - 1;
            case 180:
                return width * height - 1;
            case 270:
                return (width - 1) * height;
            default:
                throw new IllegalArgumentException("rotation is " + rotation + "; it must be 0, 90, 180 or 270");
        }
    }

    private static int green(int u, int v) {
        return Math.floorDiv(-344_136 * (u - 128) - 714_136 * (v - 128) + MILLION / 2, MILLION);
    }

    private static int[] offsets(int millionths) {
        int[] result = new int[256];
        for (int level = 0; level < 256; level++) {
            result[level] = Math.floorDiv(millionths * (level - 128) + MILLION / 2, MILLION);
        }
        return result;
    }

    private static int level(int value) {
        return value < 0 ? 0 : Math.min(value, 255);
    }
}
