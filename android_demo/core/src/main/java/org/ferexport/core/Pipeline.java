package org.ferexport.core;

import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Photo to faces to emotions, with one variant of a bundle; used by one thread at a time. */
public final class Pipeline implements Closeable {
    /** Together too few to be waited for; the median of nine is not moved by a run that the phone interrupts. */
    private static final int WARM_UP = 3;

    private static final int TIMED = 9;

    private final Contract contract;
    private final FaceDetector detector;
    private final ModelRuntime runtime;
    private final Bundle bundle;
    private EmotionModel model;

    /**
     * Loads the detectors and a variant.
     *
     * @throws IOException where a file is not the bundle's, or the runtime refuses it
     */
    public Pipeline(Bundle bundle, Manifest.Variant variant, ModelRuntime runtime) throws IOException {
        this.bundle = bundle;
        this.runtime = runtime;
        contract = bundle.contract;
        detector = new FaceDetector(bundle, runtime);
        try {
            model = runtime.emotions(bundle.model(variant));
        } catch (IOException failed) {
            detector.close();
            throw failed;
        }
    }

    /**
     * Changes to another variant; the detectors stay.
     *
     * @throws IOException where its file is not the bundle's, or the runtime refuses it: the former one stays
     */
    public void use(Manifest.Variant variant) throws IOException {
        EmotionModel next = runtime.emotions(bundle.model(variant));
        model.close();
        model = next;
    }

    /** The faces of an upright photo with their emotions, the largest first; an empty list where there is no face. */
    public List<Prediction> predict(Picture photo) {
        List<Prediction> result = new ArrayList<Prediction>();
        for (Face face : detector.faces(photo)) {
            result.add(predict(photo, face));
        }
        return result;
    }

    /**
     * What the variant in use takes for one face, in milliseconds: the median of some runs on the faces in turn, after
     * some that do not count. It is the network alone; detectors and crop are not in it.
     *
     * @param faces what {@link #predict} found, at least one
     */
    public double latency(List<Prediction> faces) {
        List<byte[]> inputs = new ArrayList<byte[]>();
        for (Prediction face : faces) {
            inputs.add(face.gray);
        }
        return latencyOf(inputs);
    }

    /** As {@link #latency}, for the faces' inputs. */
    public double latencyOf(List<byte[]> inputs) {
        return Latency.of(model, inputs, WARM_UP, TIMED).milliseconds(50);
    }

    private Prediction predict(Picture photo, Face face) {
        Square square = Crop.square(face.box, photo.width(), photo.height(), contract.crop);
        byte[] gray = Crop.face(photo, square, contract);
        return new Prediction(face, square, gray, model.run(gray), contract.labels);
    }

    @Override
    public void close() {
        detector.close();
        model.close();
    }
}
