package org.ferexport.core;

import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;

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
    private final List<FaceModel> models = new ArrayList<FaceModel>();

    /**
     * Loads the bundle's detectors.
     *
     * @throws IOException where a file is not the bundle's, or the runtime refuses it
     */
    public FaceDetector(Bundle bundle, ModelRuntime runtime) throws IOException {
        contract = bundle.contract;
        try {
            for (Contract.DetectorRule rule : contract.detectors) {
                models.add(runtime.faces(bundle.detector(rule)));
                detectors.add(new BlazeFace(rule));
            }
        } catch (IOException failed) {
            close();
            throw failed;
        }
    }

    /** With models that are already loaded, one for every rule of the contract. */
    FaceDetector(Contract contract, List<FaceModel> loaded) {
        this.contract = contract;
        for (int at = 0; at < loaded.size(); at++) {
            models.add(loaded.get(at));
            detectors.add(new BlazeFace(contract.detectors.get(at)));
        }
    }

    /** The faces of a photo, the largest first, then from the left, then from the top; none is a result too. */
    public List<Face> faces(Picture photo) {
        List<Face> kept = new ArrayList<Face>();
        for (int at = 0; at < models.size(); at++) {
            List<Face> earlier = new ArrayList<Face>(kept);
            for (Face face : detectors.get(at).faces(photo, models.get(at))) {
                if (touched(face.box, photo) && !covered(face.box, earlier)) {
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

    private boolean covered(Box box, List<Face> earlier) {
        for (Face face : earlier) {
            if (box.shared(face.box) * 1000 > contract.merge * Math.min(box.area(), face.box.area())) {
                return true;
            }
        }
        return false;
    }

    @Override
    public void close() {
        for (FaceModel model : models) {
            model.close();
        }
        models.clear();
    }
}
