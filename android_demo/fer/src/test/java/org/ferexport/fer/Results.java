package org.ferexport.fer;

import android.content.Context;
import android.graphics.Rect;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.ferexport.core.Box;
import org.ferexport.core.Bundle;
import org.ferexport.core.Emotion;
import org.ferexport.core.GoldenAnswers;

/** Faces for pictures of the screens, which the library itself makes only from a picture, and those that must come. */
public final class Results {
    private static final List<String> LABELS =
            Arrays.asList("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral");

    private Results() {}

    /** A face in a box, with one probability for every label. */
    public static FerFace face(Rect box, float... probabilities) {
        return new FerFace(box, 0.9f, new byte[48 * 48], LABELS, probabilities);
    }

    /** What a variant must say of the first face of one of the bundle's golden photos, the most probable first. */
    public static List<FerEmotion> golden(Context context, String photo, FerVariant variant) throws IOException {
        Bundle bundle = Bundle.open(new AssetSource(context.getAssets(), FerAnalyzer.ASSETS));
        List<FerEmotion> result = new ArrayList<>();
        for (Emotion emotion : GoldenAnswers.of(bundle, photo, variant.variant)) {
            result.add(FerEmotion.of(emotion));
        }
        return result;
    }

    /** The box that Python found for the first face of one of the bundle's golden photos. */
    public static Rect goldenBox(Context context, String photo) throws IOException {
        Box box = GoldenAnswers.box(
                Bundle.open(new AssetSource(context.getAssets(), FerAnalyzer.ASSETS)), photo);
        return new Rect(box.left, box.top, box.right, box.bottom);
    }
}
