package org.ferexport.core;

/** A face that a detector found. */
public final class Face {
    public final Box box;

    /** How sure the detector is, from 0 to 1. */
    public final double score;

    /** The detector's file name. */
    public final String detector;

    public Face(Box box, double score, String detector) {
        this.box = box;
        this.score = score;
        this.detector = detector;
    }

    @Override
    public String toString() {
        return box + " " + score + " " + detector;
    }
}
