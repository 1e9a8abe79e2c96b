package org.ferexport.fer;

import android.content.Context;
import java.util.Locale;
import org.ferexport.core.Emotion;

/** One emotion and its probability. */
public final class FerEmotion {
    private final String label;
    private final float probability;

    FerEmotion(String label, float probability) {
        this.label = label;
        this.probability = probability;
    }

    static FerEmotion of(Emotion emotion) {
        return new FerEmotion(emotion.label, emotion.probability);
    }

    /** The network's own word, such as {@code happy}. */
    public String getLabel() {
        return label;
    }

    /** From 0 to 1. */
    public float getProbability() {
        return probability;
    }

    /** The probability in whole per cent. */
    public int getPercent() {
        return Math.round(100 * probability);
    }

    /** The name in the user's language, such as {@code happiness}; the label where the library has no name for it. */
    public String getName(Context context) {
        return name(context, label);
    }

    /** The name of a label in the user's language. */
    static String name(Context context, String label) {
        int id = resource(label.toLowerCase(Locale.ROOT));
        return id == 0 ? label : context.getString(id);
    }

    private static int resource(String label) {
        switch (label) {
            case "angry":
            case "anger":
                return R.string.fer_emotion_angry;
            case "contempt":
                return R.string.fer_emotion_contempt;
            case "disgust":
                return R.string.fer_emotion_disgust;
            case "fear":
                return R.string.fer_emotion_fear;
            case "happy":
            case "happiness":
                return R.string.fer_emotion_happy;
            case "sad":
            case "sadness":
                return R.string.fer_emotion_sad;
            case "surprise":
                return R.string.fer_emotion_surprise;
            case "neutral":
                return R.string.fer_emotion_neutral;
            default:
                return 0;
        }
    }

    @Override
    public String toString() {
        return label + " " + getPercent() + "%";
    }
}
