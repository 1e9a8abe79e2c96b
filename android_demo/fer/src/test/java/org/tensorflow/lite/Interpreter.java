package org.tensorflow.lite;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import org.ferexport.core.Desktop;

/**
 * The part of TensorFlow Lite's class that the app calls, on the desktop's LiteRT: the library in the .aar only runs
 * on a phone.
 */
public final class Interpreter implements AutoCloseable {
    private final Desktop.Model model;

    public Interpreter(ByteBuffer file, Options options) {
        if (!file.isDirect() || file.order() != ByteOrder.nativeOrder()) {
            throw new IllegalArgumentException("the file is in no direct buffer of native order");
        }
        ByteBuffer content = file.duplicate();
        content.rewind();
        byte[] bytes = new byte[content.remaining()];
        content.get(bytes);
        model = Desktop.load(bytes);
    }

    public Tensor getInputTensor(int at) {
        return model::inputBytes;
    }

    public int getOutputTensorCount() {
        return model.outputs().length;
    }

    public Tensor getOutputTensor(int at) {
        return () -> model.outputs()[at].length * Float.BYTES;
    }

    public void runForMultipleInputsOutputs(Object[] inputs, Map<Integer, Object> outputs) {
        ByteBuffer image = (ByteBuffer) inputs[0];
        if (image.remaining() != model.inputBytes()) {
            throw new IllegalArgumentException(image.remaining() + " bytes for an input of " + model.inputBytes());
        }
        model.run(image.duplicate().order(ByteOrder.nativeOrder()));
        for (Map.Entry<Integer, Object> output : outputs.entrySet()) {
            ((ByteBuffer) output.getValue()).asFloatBuffer().put(model.outputs()[output.getKey()]);
        }
    }

    @Override
    public void close() {
        model.close();
    }

    public static class Options {
        public Options setNumThreads(int threads) {
            return this;
        }

        public Options setUseXNNPACK(boolean use) {
            return this;
        }
    }
}
