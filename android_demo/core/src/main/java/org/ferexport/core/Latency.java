package org.ferexport.core;

import java.util.Arrays;

/** Percentiles of measured times, interpolated linearly between the two nearest. */
final class Latency {
    private final long[] ordered;

    /** Times in nanoseconds, at least one. */
    Latency(long[] nanoseconds) {
        ordered = nanoseconds.clone();
        Arrays.sort(ordered);
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
