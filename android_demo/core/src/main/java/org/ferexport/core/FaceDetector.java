package org.ferexport.core;

import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The detectors of a contract, loaded; used by one thread at a time. */
public final class FaceDetector implements Closeable {
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

    /** The faces of a photo, in the order of the contract's version; none is a result too. */
    public List<Face> faces(Picture photo) {
        List<List<Face>> found = new ArrayList<List<Face>>();
        for (BlazeFace detector : detectors) {
            found.add(detector.faces(photo, models.get(detector.rule.file)));
        }
        return Merging.merged(found, photo.width(), photo.height(), contract);
    }

    @Override
    public void close() {
        for (FaceModel model : models.values()) {
            model.close();
        }
        models.clear();
    }
}
