package org.ferexport.core;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;

/** Core's LiteRT on the desktop for the app's tests, one model file at a time. */
public final class Desktop {
    private static final ModelRuntime RUNTIME = new LiteRt(Setting.library(), true);

    private Desktop() {}

    /**
     * Loads a file of the bundle: a detector takes floats, every other file bytes.
     *
     * @throws IllegalArgumentException for a file of neither kind, as TensorFlow Lite does
     */
    public static Model load(byte[] file) {
        try {
            Bundle bundle = Bundle.open(new Folder(Setting.bundle()));
            for (Contract.DetectorRule rule : bundle.contract.detectors) {
                if (Arrays.equals(bundle.detector(rule), file)) {
                    return new Detector(RUNTIME.faces(file), rule.size);
                }
            }
            return new Emotions(RUNTIME.emotions(file), bundle.contract.size);
        } catch (IOException refused) {
            throw new IllegalArgumentException(refused);
        }
    }

    /** One loaded file; its outputs are those of the last run, at first of a blank input. */
    public abstract static class Model {
        private final int inputBytes;
        private float[][] outputs;

        Model(int inputBytes) {
            this.inputBytes = inputBytes;
        }

        public int inputBytes() {
            return inputBytes;
        }

        public float[][] outputs() {
            if (outputs == null) {
                run(ByteBuffer.allocate(inputBytes));
            }
            return outputs;
        }

        public void run(ByteBuffer image) {
            outputs = answer(image);
        }

        abstract float[][] answer(ByteBuffer image);

        public abstract void close();
    }

    private static final class Detector extends Model {
        private final FaceModel model;

        Detector(FaceModel model, int size) {
            super(size * size * 3 * Float.BYTES);
            this.model = model;
        }

        @Override
        float[][] answer(ByteBuffer image) {
            float[] values = new float[inputBytes() / Float.BYTES];
            image.asFloatBuffer().get(values);
            return model.run(values);
        }

        @Override
        public void close() {
            model.close();
        }
    }

    private static final class Emotions extends Model {
        private final EmotionModel model;

        Emotions(EmotionModel model, int size) {
            super(size * size);
            this.model = model;
        }

        @Override
        float[][] answer(ByteBuffer image) {
            byte[] gray = new byte[inputBytes()];
            image.get(gray);
            return new float[][] {model.run(gray)};
        }

        @Override
        public void close() {
            model.close();
        }
    }
}
