package org.ferexport.core;

/** The part of a photo that becomes the face, in pixels; always inside the picture. */
public final class Square {
    public final int left;
    public final int top;
    public final int side;

    public Square(int left, int top, int side) {
        this.left = left;
        this.top = top;
        this.side = side;
    }

    /** The same pixels as a box. */
    public Box box() {
        return new Box(left, top, left + side, top + side);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Square && box().equals(((Square) other).box());
    }

    @Override
    public int hashCode() {
        return box().hashCode();
    }

    @Override
    public String toString() {
        return "[" + left + ", " + top + ", " + side + "]";
    }
}
