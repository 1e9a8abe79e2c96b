package org.ferexport.core;

import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;

/** A bundle in a folder of the file system. */
public final class Folder implements Source {
    private final File root;

    public Folder(File root) {
        this.root = root;
    }

    @Override
    public InputStream open(String path) throws IOException {
        return new FileInputStream(new File(root, path));
    }

    @Override
    public String toString() {
        return root.toString();
    }
}
