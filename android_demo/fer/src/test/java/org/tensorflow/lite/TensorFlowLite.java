package org.tensorflow.lite;

/** The part of TensorFlow Lite's class that the library calls. */
public final class TensorFlowLite {
    private TensorFlowLite() {}

    public static String runtimeVersion() {
        return "2.16.1";
    }
}
