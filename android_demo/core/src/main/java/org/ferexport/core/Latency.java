package org.ferexport.core;

import java.util.Arrays;
import java.util.List;

/** Percentiles of measured times, interpolated linearly between the two nearest. */
final class Latency {
    private final long[] ordered;

    /** Times in nanoseconds, at least one. */
    Latency(long[] nanoseconds) {
        ordered = nanoseconds.clone();
        Arrays.sort(ordered);
    }

    /**
     * Times single inferences, the inputs in turn.
     *
     * @param inputs uint8 [1, size, size, 1] each, at least one
     * @param warmUp runs before the first that counts: a network just loaded is slow at first
     * @param timed runs that count, at least one
     */
    static Latency of(EmotionModel model, List<byte[]> inputs, int warmUp, int timed) {
        long[] nanoseconds = new long[timed];
        for (int at = -warmUp; at < timed; at++) {
            byte[] gray = inputs.get((at + warmUp) % inputs.size());
            long start = System.nanoTime();
            model.run(gray);
            if (at >= 0) {
                nanoseconds[at] = System.nanoTime() - start;
            }
        }
        return new Latency(nanoseconds);
    }

    /** The percentile, from 0 to 100, in milliseconds to five decimals. */
    double milliseconds(double percentile) {
        double place = percentile / 100 * (ordered.length - 1);
        int below = (int) place;
        int above = Math.min(below + 1, ordered.length - 1);
        double nanoseconds = ordered[below] + (place - below) * (ordered[above] - ordered[below]);
        return Math.round(nanoseconds / 10) / 1e5;
    }
}
