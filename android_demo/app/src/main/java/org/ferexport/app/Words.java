package org.ferexport.app;

import android.content.res.Resources;
import java.util.Locale;
import org.ferexport.core.Emotion;
import org.ferexport.core.Manifest;

/** Labels and figures in the user's language. */
final class Words {
    private Words() {}

    /** The name of a contract's label; the label itself where the app has no name for it. */
    static String emotion(Resources resources, String label) {
        int id = resources.getIdentifier(
                "emotion_" + label.toLowerCase(Locale.ROOT).replace(' ', '_'), "string", "org.ferexport.app");
        return id == 0 ? label : resources.getString(id);
    }

    /** Such as "happy 93%". */
    static String emotion(Resources resources, Emotion emotion) {
        return resources.getString(R.string.emotion, emotion(resources, emotion.label), percent(emotion));
    }

    static int percent(Emotion emotion) {
        return Math.round(100 * emotion.probability);
    }

    /** What its numbers are, such as "int8". */
    static String variant(Manifest.Variant variant) {
        if ("none".equals(variant.precision)) {
            return "float32";
        }
        return "fp16".equals(variant.precision) ? "float16" : variant.precision;
    }
}
