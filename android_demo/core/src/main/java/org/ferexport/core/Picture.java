package org.ferexport.core;

/** An upright photo, read row by row so that a large one needs no second copy in memory. */
public interface Picture {
    /** Pixels across, at least 1. */
    int width();

    /** Pixels down, at least 1. */
    int height();

    /**
     * Copies a part of one row.
     *
     * @param row from 0 at the top
     * @param left first pixel
     * @param count how many pixels
     * @param pixels receives them from index 0 on, each as 0xAARRGGBB; the alpha is not looked at
     */
    void read(int row, int left, int count, int[] pixels);
}
