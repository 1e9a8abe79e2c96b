package org.ferexport.core;

import java.util.List;

/** One face of a photo and what the network says of it. */
public final class Prediction {
    /** What the detector found. */
    public final Face face;

    /** The part of the photo that the network saw. */
    public final Square square;

    /** The network's input: size * size grey levels. */
    public final byte[] gray;

    /** In the order of the contract's labels. */
    public final float[] probabilities;

    /** The most probable first. */
    public final List<Emotion> emotions;

    Prediction(Face face, Square square, byte[] gray, float[] probabilities, List<String> labels) {
        this.face = face;
        this.square = square;
        this.gray = gray;
        this.probabilities = probabilities;
        this.emotions = Emotion.ranked(labels, probabilities);
    }
}
