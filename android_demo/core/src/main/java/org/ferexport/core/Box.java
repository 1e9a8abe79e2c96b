package org.ferexport.core;

/**
 * A face in a photo, in whole pixels of the upright picture; right and bottom are the first pixels outside.
 *
 * <p>May lie beyond the picture's border, partly or wholly.
 */
public final class Box {
    public final int left;
    public final int top;
    public final int right;
    public final int bottom;

    public Box(int left, int top, int right, int bottom) {
        this.left = left;
        this.top = top;
        this.right = right;
        this.bottom = bottom;
    }

    /** Pixels that the box covers, beyond the picture too. */
    public long area() {
        return ((long) right - left) * ((long) bottom - top);
    }

    /** The longer side, at least 1. */
    public int side() {
        return (int) Math.max(1, Math.max((long) right - left, (long) bottom - top));
    }

    /** Whether the centre lies in a picture of that size. */
    boolean centredIn(int width, int height) {
        long across = (long) left + right;
        long down = (long) top + bottom;
        return across >= 0 && across < 2L * width && down >= 0 && down < 2L * height;
    }

    /** Pixels that both boxes cover. */
    public long shared(Box other) {
        long width = (long) Math.min(right, other.right) - Math.max(left, other.left);
        long height = (long) Math.min(bottom, other.bottom) - Math.max(top, other.top);
        return Math.max(width, 0) * Math.max(height, 0);
    }

    /** The largest difference of any edge, in pixels. */
    public long distance(Box other) {
        long across = Math.max(Math.abs((long) left - other.left), Math.abs((long) right - other.right));
        long down = Math.max(Math.abs((long) top - other.top), Math.abs((long) bottom - other.bottom));
        return Math.max(across, down);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Box && distance((Box) other) == 0;
    }

    @Override
    public int hashCode() {
        return ((left * 31 + top) * 31 + right) * 31 + bottom;
    }

    @Override
    public String toString() {
        return "[" + left + ", " + top + ", " + right + ", " + bottom + "]";
    }
}
