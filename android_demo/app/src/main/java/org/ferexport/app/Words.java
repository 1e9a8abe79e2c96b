package org.ferexport.app;

import android.content.Context;
import org.ferexport.fer.FerEmotion;

/** Labels and figures in the user's language. */
final class Words {
    private Words() {}

    /** Such as "happiness 93%". */
    static String emotion(Context context, FerEmotion emotion) {
        return context.getString(R.string.emotion, emotion.getName(context), emotion.getPercent());
    }
}
