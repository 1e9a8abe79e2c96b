package org.ferexport.core;

import java.io.IOException;

/** What runs model files: TensorFlow Lite on a phone, LiteRT or ONNX Runtime on a desktop. */
public interface ModelRuntime {
    /** Name and version, such as {@code tensorflow-lite 2.16.1}. */
    String name();

    /** The set of kernels, as golden vectors name it: {@code litert-xnnpack}, {@code litert-builtin} or another. */
    String kernels();

    /** Threads that one inference uses. */
    int threads();

    /** Whether it runs files of a format: {@code tflite} or {@code onnx}. */
    boolean runs(String format);

    /**
     * Loads a detector's file.
     *
     * @throws IOException where the runtime refuses it
     */
    FaceModel faces(byte[] file) throws IOException;

    /**
     * Loads a variant's file.
     *
     * @throws IOException where the runtime refuses it
     */
    EmotionModel emotions(byte[] file) throws IOException;
}
