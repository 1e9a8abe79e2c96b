package org.ferexport.core;

import java.io.IOException;
import java.io.InputStream;

/** Where a bundle's files lie: a folder, or an app's assets. */
public interface Source {
    /**
     * Opens a file for reading; the caller closes it.
     *
     * @param path relative to the bundle, with slashes, such as {@code golden/golden.json}
     * @throws IOException where there is no such file
     */
    InputStream open(String path) throws IOException;
}
