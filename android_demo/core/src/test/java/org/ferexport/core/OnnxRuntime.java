package org.ferexport.core;

import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Collections;

/** ONNX Runtime on the desktop, on one thread. */
final class OnnxRuntime implements ModelRuntime {
    private final OrtEnvironment environment = OrtEnvironment.getEnvironment();

    @Override
    public String name() {
        return "onnxruntime " + environment.getVersion();
    }

    @Override
    public String kernels() {
        return "onnxruntime";
    }

    @Override
    public int threads() {
        return 1;
    }

    @Override
    public boolean runs(String format) {
        return format.equals("onnx");
    }

    @Override
    public FaceModel faces(byte[] file) {
        throw new UnsupportedOperationException("the detectors are TFLite files");
    }

    @Override
    public EmotionModel emotions(byte[] file) throws IOException {
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            options.setIntraOpNumThreads(1);
            return new Session(environment, environment.createSession(file, options));
        } catch (OrtException refused) {
            throw new IOException(refused);
        }
    }

    private static final class Session implements EmotionModel {
        private final OrtEnvironment environment;
        private final OrtSession session;
        private final String input;
        private final long[] shape;

        Session(OrtEnvironment environment, OrtSession session) throws OrtException {
            this.environment = environment;
            this.session = session;
            input = session.getInputNames().iterator().next();
            shape = ((TensorInfo) session.getInputInfo().get(input).getInfo()).getShape();
        }

        @Override
        public float[] run(byte[] gray) {
            ByteBuffer bytes = ByteBuffer.allocateDirect(gray.length).order(ByteOrder.nativeOrder());
            bytes.put(gray).rewind();
            try (OnnxTensor image = OnnxTensor.createTensor(environment, bytes, shape, OnnxJavaType.UINT8);
                    OrtSession.Result result = session.run(Collections.singletonMap(input, image))) {
                return ((float[][]) result.get(0).getValue())[0];
            } catch (OrtException failed) {
                throw new IllegalStateException(failed);
            }
        }

        @Override
        public void close() {
            try {
                session.close();
            } catch (OrtException failed) {
                throw new IllegalStateException(failed);
            }
        }
    }
}
