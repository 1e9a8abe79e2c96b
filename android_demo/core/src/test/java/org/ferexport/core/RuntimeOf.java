package org.ferexport.core;

import java.io.IOException;

/** Another runtime under its own name, for a test to change in one point. */
class RuntimeOf implements ModelRuntime {
    private final ModelRuntime runtime;

    RuntimeOf(ModelRuntime runtime) {
        this.runtime = runtime;
    }

    @Override
    public String name() {
        return runtime.name();
    }

    @Override
    public String kernels() {
        return runtime.kernels();
    }

    @Override
    public int threads() {
        return runtime.threads();
    }

    @Override
    public boolean runs(String format) {
        return runtime.runs(format);
    }

    @Override
    public FaceModel faces(byte[] file) throws IOException {
        return runtime.faces(file);
    }

    @Override
    public EmotionModel emotions(byte[] file) throws IOException {
        return runtime.emotions(file);
    }
}
