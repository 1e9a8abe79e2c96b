package org.ferexport.core;

/** A face that a detector found. */
public final class Face {
    public final Box box;

    /** How sure it is a face, from 0 to 1. */
    public final double score;

    /** The file name of the detector whose box it is. */
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
