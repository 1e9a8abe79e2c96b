package org.ferexport.core;

import java.util.Arrays;

/**
 * Area average of bytes to any larger or smaller size, in exact integer arithmetic, one input row at a time.
 *
 * <p>Output pixel i of n covers [i * length / n, (i + 1) * length / n) of the input; every input pixel counts by the
 * area covered, and a half is rounded up.
 */
final class AreaAverage {
    /** The input. */
    interface Rows {
        /** Fills in one row: columns * channels values from 0 to 255. */
        void read(int row, int[] values);
    }

    private final Rows input;
    private final int channels;
    private final Spans across;
    private final Spans down;
    private final int[] values;
    private final int[] sums;
    private int summed = -1;

    /** Averages columns x rows pixels of so many channels to width x height ones. */
    AreaAverage(Rows input, int columns, int rows, int channels, int width, int height) {
        this.input = input;
        this.channels = channels;
        across = new Spans(columns, width);
        down = new Spans(rows, height);
        values = new int[columns * channels];
        sums = new int[width * channels];
    }

    /** The output, [height, width, channels], each byte from 0 to 255. */
    byte[] average() {
        byte[] result = new byte[down.parts * sums.length];
        long[] band = new long[sums.length];
        long total = (long) across.length * down.length;
        for (int part = 0; part < down.parts; part++) {
            Arrays.fill(band, 0);
            for (int row = down.first[part]; row <= down.last[part]; row++) {
                sum(row);
                long share = down.share(part, row);
                for (int at = 0; at < band.length; at++) {
                    band[at] += share * sums[at];
                }
            }
            for (int at = 0; at < band.length; at++) {
                result[part * band.length + at] = (byte) ((2 * band[at] + total) / (2 * total));
            }
        }
        return result;
    }

    /** Adds one input row up for every output column; two output rows may ask for the same one in turn. */
    private void sum(int row) {
        if (row == summed) {
            return;
        }
        input.read(row, values);
        for (int at = 0; at < sums.length; at++) {
            int part = at / channels;
            int channel = at % channels;
            int first = across.first[part] * channels + channel;
            int last = across.last[part] * channels + channel;
            int inner = 0;
            for (int value = first + channels; value < last; value += channels) {
                inner += values[value];
            }
            // At most 255 * columns.
            int sum = across.head[part] * values[first] + across.parts * inner;
            sums[at] = last == first ? sum : sum + across.tail[part] * values[last];
        }
        summed = row;
    }

    /** Which input pixels lie under every output pixel, and how much of each, in 1/parts pixels. */
    private static final class Spans {
        private final int length;
        private final int parts;
        private final int[] first;
        private final int[] last;
        private final int[] head;
        private final int[] tail;

        Spans(int length, int parts) {
            this.length = length;
            this.parts = parts;
            first = new int[parts];
            last = new int[parts];
            head = new int[parts];
            tail = new int[parts];
            for (int part = 0; part < parts; part++) {
                long start = (long) part * length;
                long end = start + length;
                first[part] = (int) (start / parts);
                last[part] = (int) ((end - 1) / parts);
                head[part] = (int) (Math.min((first[part] + 1L) * parts, end) - start);
                tail[part] = (int) (end - (long) last[part] * parts);
            }
        }

        /** The share of a pixel under a part; the inner ones count whole. */
        int share(int part, int pixel) {
            return pixel == first[part] ? head[part] : pixel == last[part] ? tail[part] : parts;
        }
    }
}
