package org.ferexport.core;

import java.io.IOException;

/** A bundle that cannot be used; the message is one line: what, why, and the command that fixes it. */
public final class BundleException extends IOException {
    private static final long serialVersionUID = 1L;

    private static final String REMEDY = "make the bundle again with `fer-export bundle`";

    public BundleException(String message) {
        super(message);
    }

    /** The complaint, followed by how to make a sound bundle. */
    static BundleException broken(String complaint) {
        return new BundleException(complaint + "; " + REMEDY);
    }
}
