package org.ferexport.core;

import java.util.Arrays;
import java.util.List;

/** Results for pictures of the screens; core itself makes them only with a runtime. */
public final class Results {
    private static final List<String> LABELS =
            Arrays.asList("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral");

    private Results() {}

    /** A face in a box, with one probability for every label. */
    public static Prediction prediction(Box box, float... probabilities) {
        Square square = new Square(box.left, box.top, box.right - box.left);
        Face face = new Face(box, 0.9, "face_detection_short_range.tflite");
        return new Prediction(face, square, new byte[48 * 48], probabilities, LABELS, 1_300_000);
    }
}
