package org.ferexport.fer;

import java.io.IOException;
import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.HashMap;
import java.util.Map;
import org.ferexport.core.EmotionModel;
import org.ferexport.core.FaceModel;
import org.ferexport.core.ModelRuntime;
import org.tensorflow.lite.Interpreter;
import org.tensorflow.lite.TensorFlowLite;

/** TensorFlow Lite on the processor, with XNNPACK, on one thread: these networks are too small to gain from more. */
final class TfliteRuntime implements ModelRuntime {
    private static final int THREADS = 1;

    @Override
    public String name() {
        try {
            return "tensorflow-lite " + TensorFlowLite.runtimeVersion();
        } catch (LinkageError missing) {
            return "tensorflow-lite";
        }
    }

    @Override
    public String kernels() {
        return "tensorflow-lite";
    }

    @Override
    public int threads() {
        return THREADS;
    }

    @Override
    public boolean runs(String format) {
        return "tflite".equals(format);
    }

    @Override
    public FaceModel faces(byte[] file) throws IOException {
        final Loaded loaded = new Loaded(file);
        return new FaceModel() {
            @Override
            public float[][] run(float[] image) {
                rewind(loaded.input);
                loaded.input.asFloatBuffer().put(image);
                return loaded.run();
            }

            @Override
            public void close() {
                loaded.interpreter.close();
            }
        };
    }

    @Override
    public EmotionModel emotions(byte[] file) throws IOException {
        final Loaded loaded = new Loaded(file);
        return new EmotionModel() {
            @Override
            public float[] run(byte[] gray) {
                rewind(loaded.input);
                loaded.input.put(gray);
                return loaded.run()[0];
            }

            @Override
            public void close() {
                loaded.interpreter.close();
            }
        };
    }

    /** By the superclass: Android 7's ByteBuffer has no such method of its own. */
    private static void rewind(Buffer buffer) {
        buffer.rewind();
    }

    private static ByteBuffer buffer(int bytes) {
        return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
    }

    /** One file with buffers for its only input and its outputs, which are float32. */
    private static final class Loaded {
        private final Interpreter interpreter;
        private final ByteBuffer input;
        private final ByteBuffer[] outputs;

        Loaded(byte[] file) throws IOException {
            ByteBuffer content = buffer(file.length);
            content.put(file);
            try {
                interpreter = new Interpreter(
                        content, new Interpreter.Options().setNumThreads(THREADS).setUseXNNPACK(true));
            } catch (IllegalArgumentException refused) {
                throw new IOException("TensorFlow Lite refuses the file: " + refused.getMessage(), refused);
            } catch (LinkageError missing) {
                throw new IOException("TensorFlow Lite's library does not load: " + missing.getMessage(), missing);
            }
            input = buffer(interpreter.getInputTensor(0).numBytes());
            outputs = new ByteBuffer[interpreter.getOutputTensorCount()];
            for (int at = 0; at < outputs.length; at++) {
                outputs[at] = buffer(interpreter.getOutputTensor(at).numBytes());
            }
        }

        float[][] run() {
            rewind(input);
            Map<Integer, Object> into = new HashMap<Integer, Object>();
            for (int at = 0; at < outputs.length; at++) {
                rewind(outputs[at]);
                into.put(at, outputs[at]);
            }
            interpreter.runForMultipleInputsOutputs(new Object[] {input}, into);
            float[][] result = new float[outputs.length][];
            for (int at = 0; at < outputs.length; at++) {
                rewind(outputs[at]);
                FloatBuffer values = outputs[at].asFloatBuffer();
                result[at] = new float[values.remaining()];
                values.get(result[at]);
            }
            return result;
        }
    }
}
