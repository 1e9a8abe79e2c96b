package org.ferexport.core;

import java.io.IOException;
import java.util.List;

/** What the bundle says that must come out of its golden photos. */
public final class GoldenAnswers {
    private GoldenAnswers() {}

    /** Of a variant for the photo's first face, the most probable first. */
    public static List<Emotion> of(Bundle bundle, String photo, Manifest.Variant variant) throws IOException {
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

    /** Of the photo's first face. */
    public static Box box(Bundle bundle, String photo) throws IOException {
        for (Golden.Photo each : bundle.golden().photos) {
            if (each.file.equals(photo)) {
                return each.faces.get(0).box;
            }
        }
        throw new IllegalArgumentException("the bundle has no " + photo);
    }
}
