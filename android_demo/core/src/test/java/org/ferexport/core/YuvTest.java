package org.ferexport.core;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Arrays;
import java.util.Random;
import org.junit.Test;

/** Frames to pixels: every colour against exact decimals, every layout and rotation against the plain definition. */
public class YuvTest {
    private static final int WHOLE = 256;

    @Test
    public void everyColourIsRoundedExactly() {
        BigDecimal[] red = products("1.402");
        BigDecimal[] blue = products("1.772");
        BigDecimal[] greenU = products("-0.344136");
        BigDecimal[] greenV = products("-0.714136");
        byte[] luma = new byte[WHOLE * 2];
        for (int level = 0; level < WHOLE; level++) {
            luma[level] = (byte) level;
            luma[WHOLE + level] = (byte) level;
        }
        byte[] chroma = new byte[WHOLE / 2];
        for (int u = 0; u < WHOLE; u++) {
            for (int v = 0; v < WHOLE; v++) {
                int[] found = Yuv.upright(WHOLE, 2, new Yuv.Plane(luma, WHOLE, 1), filled(chroma, u),
                        filled(new byte[WHOLE / 2], v), 0);
                int redOffset = rounded(red[v]);
                int greenOffset = rounded(greenU[u].add(greenV[v]));
                int blueOffset = rounded(blue[u]);
                for (int y = 0; y < WHOLE; y++) {
                    int expected = 255 << 24 | clamped(y + redOffset) << 16 | clamped(y + greenOffset) << 8
                            | clamped(y + blueOffset);
                    if (expected != found[y] || expected != found[WHOLE + y]) {
                        assertEquals("y " + y + ", u " + u + ", v " + v,
                                Integer.toHexString(expected), Integer.toHexString(found[y]));
                    }
                }
            }
        }
    }

    @Test
    public void knowsTheColoursByName() {
        assertArrayEquals(new int[] {0xFF000000}, one(0, 128, 128));
        assertArrayEquals(new int[] {0xFFFFFFFF}, one(255, 128, 128));
        assertArrayEquals(new int[] {0xFF808080}, one(128, 128, 128));
        assertArrayEquals(new int[] {0xFFFE0000}, one(76, 85, 255));
        assertArrayEquals(new int[] {0xFF0000FE}, one(29, 255, 107));
    }

    @Test
    public void everyLayoutAndRotationGivesTheSamePicture() {
        Random random = new Random(7);
        for (int[] size : new int[][] {{6, 4}, {5, 3}, {1, 1}, {2, 7}, {7, 2}}) {
            int width = size[0];
            int height = size[1];
            int wide = (width + 1) / 2;
            int high = (height + 1) / 2;
            int[][] y = levels(random, width, height);
            int[][] u = levels(random, wide, high);
            int[][] v = levels(random, wide, high);
            for (int pixelStride = 1; pixelStride <= 2; pixelStride++) {
                for (int gap = 0; gap <= 3; gap += 3) {
                    for (int rotation = 0; rotation < 360; rotation += 90) {
                        int[] found = Yuv.upright(width, height, plane(y, 1, gap), plane(u, pixelStride, gap),
                                plane(v, pixelStride, gap), rotation);
                        String which = width + " x " + height + ", " + pixelStride + ", " + gap + ", " + rotation;
                        assertArrayEquals(which, turned(y, u, v, rotation), found);
                    }
                }
            }
        }
    }

    @Test
    public void refusesWhatIsNotAFrame() {
        Yuv.Plane four = new Yuv.Plane(new byte[4], 2, 1);
        Yuv.Plane one = new Yuv.Plane(new byte[1], 1, 1);
        assertEquals(4, Yuv.upright(2, 2, four, one, one, 90).length);
        refused("rotation is 45", () -> Yuv.upright(2, 2, four, one, one, 45));
        refused("rotation is 360", () -> Yuv.upright(2, 2, four, one, one, 360));
        refused("plane Y has 1 bytes", () -> Yuv.upright(2, 2, one, one, one, 0));
        refused("plane U has 1 bytes", () -> Yuv.upright(4, 1, four, one, four, 0));
        refused("plane V has 4 bytes", () -> Yuv.upright(2, 2, four, one, new Yuv.Plane(new byte[4], 0, 1), 0));
        refused("0 x 2", () -> Yuv.upright(0, 2, four, one, one, 0));
    }

    private static void refused(String why, org.junit.function.ThrowingRunnable call) {
        String message = assertThrows(IllegalArgumentException.class, call).getMessage();
        assertTrue(message, message.contains(why));
    }

    private static int[] one(int y, int u, int v) {
        return Yuv.upright(1, 1, filled(new byte[1], y), filled(new byte[1], u), filled(new byte[1], v), 0);
    }

    private static Yuv.Plane filled(byte[] bytes, int level) {
        Arrays.fill(bytes, (byte) level);
        return new Yuv.Plane(bytes, bytes.length, 1);
    }

    private static int[][] levels(Random random, int width, int height) {
        int[][] result = new int[height][width];
        for (int[] row : result) {
            for (int at = 0; at < width; at++) {
                row[at] = random.nextInt(256);
            }
        }
        return result;
    }

    /** As cameras do, nothing stands after the last sample. */
    private static Yuv.Plane plane(int[][] levels, int pixelStride, int gap) {
        int rowStride = levels[0].length * pixelStride + gap;
        byte[] bytes = new byte[(levels.length - 1) * rowStride + (levels[0].length - 1) * pixelStride + 1];
        for (int row = 0; row < levels.length; row++) {
            for (int at = 0; at < levels[0].length; at++) {
                bytes[row * rowStride + at * pixelStride] = (byte) levels[row][at];
            }
        }
        return new Yuv.Plane(bytes, rowStride, pixelStride);
    }

    /** Pixel by pixel of the upright picture, from where the turned frame shows it. */
    private static int[] turned(int[][] y, int[][] u, int[][] v, int rotation) {
        int height = y.length;
        int width = y[0].length;
        boolean aside = rotation % 180 != 0;
        int across = aside ? height : width;
        int down = aside ? width : height;
        int[] result = new int[width * height];
        for (int row = 0; row < down; row++) {
            for (int at = 0; at < across; at++) {
                int fromX = rotation == 0 ? at : rotation == 90 ? row : rotation == 180 ? width - 1 - at : width - 1 - row;
                int fromY = rotation == 0 ? row : rotation == 90 ? height - 1 - at : rotation == 180 ? height - 1 - row : at;
                result[row * across + at] =
                        one(y[fromY][fromX], u[fromY / 2][fromX / 2], v[fromY / 2][fromX / 2])[0];
            }
        }
        return result;
    }

    private static BigDecimal[] products(String factor) {
        BigDecimal[] result = new BigDecimal[WHOLE];
        for (int level = 0; level < WHOLE; level++) {
            result[level] = new BigDecimal(factor).multiply(BigDecimal.valueOf(level - 128));
        }
        return result;
    }

    /** To the nearest, halves up. */
    private static int rounded(BigDecimal value) {
        return value.add(new BigDecimal("0.5")).setScale(0, RoundingMode.FLOOR).intValueExact();
    }

    private static int clamped(int level) {
        return Math.max(0, Math.min(255, level));
    }
}
