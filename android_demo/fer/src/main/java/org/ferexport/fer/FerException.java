package org.ferexport.fer;

import android.content.Context;
import org.jspecify.annotations.Nullable;

/** What keeps faces from being analysed. The message is for developers, {@link #getSentence} for people. */
public abstract class FerException extends Exception {
    private static final long serialVersionUID = 1L;

    private final int sentence;

    FerException(int sentence, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.sentence = sentence;
    }

    /** One sentence in the user's language: what happened, and what helps. */
    public final String getSentence(Context context) {
        return context.getString(sentence, getMessage());
    }

    /** The bundle is missing, incomplete, changed, or of another version. */
    public static final class Bundle extends FerException {
        private static final long serialVersionUID = 1L;

        Bundle(Throwable cause) {
            super(R.string.fer_bundle_broken, said(cause), cause);
        }
    }

    /** LiteRT's library does not load on this phone, or it refuses or fails to run a model. */
    public static final class Runtime extends FerException {
        private static final long serialVersionUID = 1L;

        Runtime(Throwable cause) {
            super(R.string.fer_runtime_failed, said(cause), cause);
        }
    }

    /** The picture is too large for the phone's memory. */
    public static final class Memory extends FerException {
        private static final long serialVersionUID = 1L;

        Memory(Throwable cause) {
            super(R.string.fer_too_large, "too little memory for the picture", cause);
        }
    }

    /** A photo cannot be read: it is gone, denied, or not a picture. */
    public static final class Photo extends FerException {
        private static final long serialVersionUID = 1L;

        Photo(int sentence, String message, @Nullable Throwable cause) {
            super(sentence, message, cause);
        }
    }

    /** The analyzer was closed before. */
    public static final class Closed extends FerException {
        private static final long serialVersionUID = 1L;

        Closed() {
            super(R.string.fer_closed, "this FerAnalyzer is closed", null);
        }
    }

    private static String said(Throwable cause) {
        String message = cause.getMessage();
        return message == null ? cause.toString() : message;
    }
}
