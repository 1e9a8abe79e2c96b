package org.ferexport.app;

import java.io.IOException;

/** A photo that cannot be shown, with the text that tells why. */
final class PhotoException extends IOException {
    private static final long serialVersionUID = 1L;

    /** A string of the app's resources. */
    final int text;

    PhotoException(int text, Throwable cause) {
        super(cause);
        this.text = text;
    }
}
