package org.ferexport.app;

import java.util.ArrayDeque;

/** How often something happened in the last two seconds. Used by one thread. */
final class Rate {
    private static final long WINDOW = 2_000_000_000L;

    private final ArrayDeque<Long> times = new ArrayDeque<Long>();

    /** Counts one more, at a time in nanoseconds. */
    void tick(long now) {
        times.addLast(now);
        forget(now);
    }

    /** Times a second, between the first and the last; 0 before there are two. */
    double perSecond(long now) {
        forget(now);
        return times.size() < 2 ? 0 : (times.size() - 1) * 1e9 / (times.getLast() - times.getFirst());
    }

    void reset() {
        times.clear();
    }

    private void forget(long now) {
        while (!times.isEmpty() && now - times.getFirst() > WINDOW) {
            times.removeFirst();
        }
    }
}
