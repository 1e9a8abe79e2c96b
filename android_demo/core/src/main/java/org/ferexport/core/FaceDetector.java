package org.ferexport.core;

import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The detectors of a contract, loaded; used by one thread at a time. */
public final class FaceDetector implements Closeable {
    private static final Comparator<Face> LARGEST_FIRST = new Comparator<Face>() {
        @Override
        public int compare(Face one, Face other) {
            int order = Long.compare(other.box.area(), one.box.area());
            order = order != 0 ? order : Integer.compare(one.box.left, other.box.left);
            return order != 0 ? order : Integer.compare(one.box.top, other.box.top);
        }
    };

    private final Contract contract;
    private final List<BlazeFace> detectors = new ArrayList<BlazeFace>();
    private final Map<String, FaceModel> models = new HashMap<String, FaceModel>();

    /**
     * Loads the bundle's detectors.
     *
     * @throws IOException where a file is not the bundle's, or the runtime refuses it
     */
    public FaceDetector(Bundle bundle, ModelRuntime runtime) throws IOException {
        this(bundle.contract);
        try {
            for (Contract.DetectorRule rule : contract.detectors) {
                // A file with several rules is loaded once.
                if (!models.containsKey(rule.file)) {
                    models.put(rule.file, runtime.faces(bundle.detector(rule)));
                }
            }
        } catch (IOException failed) {
            close();
            throw failed;
        }
    }

    /** With models that are already loaded, by the contract's file names. */
    FaceDetector(Contract contract, Map<String, FaceModel> loaded) {
        this(contract);
        models.putAll(loaded);
    }

    private FaceDetector(Contract contract) {
        this.contract = contract;
        for (Contract.DetectorRule rule : contract.detectors) {
            detectors.add(new BlazeFace(rule));
        }
    }

    /** The faces of a photo, the largest first, then from the left, then from the top; none is a result too. */
    public List<Face> faces(Picture photo) {
        List<Face> kept = new ArrayList<Face>();
        for (BlazeFace detector : detectors) {
            // One window's faces are told apart already; two windows may show the same one.
            List<Face> others = detector.rule.windows == 1 ? new ArrayList<Face>(kept) : kept;
            for (Face face : detector.faces(photo, models.get(detector.rule.file))) {
                if (touched(face.box, photo) && !covered(face.box, others)) {
                    kept.add(face);
                }
            }
        }
        Collections.sort(kept, LARGEST_FIRST);
        return kept;
    }

    /** Whether the crop of a box shows any of it. */
    private boolean touched(Box box, Picture photo) {
        return box.shared(Crop.square(box, photo.width(), photo.height(), contract.crop).box()) > 0;
    }

    private boolean covered(Box box, List<Face> others) {
        for (Face face : others) {
            if (box.shared(face.box) * 1000 > contract.merge * Math.min(box.area(), face.box.area())) {
                return true;
            }
        }
        return false;
    }

    @Override
    public void close() {
        for (FaceModel model : models.values()) {
            model.close();
        }
        models.clear();
    }
}
