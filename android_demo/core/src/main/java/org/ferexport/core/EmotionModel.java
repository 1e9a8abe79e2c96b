package org.ferexport.core;

import java.io.Closeable;

/** A variant of the emotion network, loaded by a runtime; used by one thread at a time. */
public interface EmotionModel extends Closeable {
    /**
     * Runs the file.
     *
     * @param gray uint8 [1, size, size, 1]
     * @return the probability of every label
     */
    float[] run(byte[] gray);

    @Override
    void close();
}
