package org.ferexport.core;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;

/** Results for pictures of the screens, which core itself makes only with a runtime, and those that must come out. */
public final class Results {
    private static final List<String> LABELS =
            Arrays.asList("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral");

    private Results() {}

    /** A face in a box, with one probability for every label. */
    public static Prediction prediction(Box box, float... probabilities) {
        Square square = new Square(box.left, box.top, box.right - box.left);
        Face face = new Face(box, 0.9, "face_detection_short_range.tflite");
        return new Prediction(face, square, new byte[48 * 48], probabilities, LABELS);
    }

    /** What a variant must say of the first face of one of the bundle's golden photos, the most probable first. */
    public static List<Emotion> golden(Bundle bundle, String photo, Manifest.Variant variant) throws IOException {
        Golden golden = bundle.golden();
        int vector = 0;
        for (Golden.Photo each : golden.photos) {
            if (each.file.equals(photo)) {
                float[] answer = golden.of(variant, "litert-xnnpack").probabilities[vector];
                return Emotion.ranked(bundle.contract.labels, answer);
            }
            vector += each.crops.size();
        }
        throw new IllegalArgumentException("the bundle has no " + photo);
    }
}
