package org.ferexport.core;

import java.io.Closeable;

/** A detector's file, loaded by a runtime; used by one thread at a time. */
public interface FaceModel extends Closeable {
    /**
     * Runs the file.
     *
     * @param image [1, size, size, 3] from -1 to 1
     * @return its two outputs in any order: regressors [1, N, 16] and scores [1, N, 1]
     */
    float[][] run(float[] image);

    @Override
    void close();
}
