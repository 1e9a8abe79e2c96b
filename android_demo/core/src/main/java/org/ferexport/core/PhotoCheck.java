package org.ferexport.core;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** How this machine's pixels, crops and faces compare with the golden ones. */
public final class PhotoCheck {
    /** Pixels that the edge of a found box may be off. */
    static final int BOX_TOLERANCE = 1;

    private int photos;
    private int equalPhotos;
    private int crops;
    private int equalCrops;
    private int faces;
    private int missingFaces;
    private int foreignFaces;
    private long boxDistance;

    PhotoCheck() {}

    /** Replays one photo. */
    void add(Golden.Photo golden, Picture picture, Contract contract, FaceDetector detector) {
        photos++;
        equalPhotos += Hash.sha256(picture).equals(golden.sha256) ? 1 : 0;
        for (Golden.Cut crop : golden.crops) {
            Square square = Crop.square(crop.box, picture.width(), picture.height(), contract.crop);
            boolean equal = square.equals(crop.square)
                    && Arrays.equals(Crop.face(picture, square, contract), crop.gray);
            crops++;
            equalCrops += equal ? 1 : 0;
        }
        compare(golden.faces, detector.faces(picture));
    }

    private void compare(List<Face> wanted, List<Face> found) {
        faces += wanted.size();
        missingFaces += Math.max(0, wanted.size() - found.size());
        foreignFaces += Math.max(0, found.size() - wanted.size());
        for (Face face : found.isEmpty() ? found : wanted) {
            long nearest = Long.MAX_VALUE;
            for (Face one : found) {
                nearest = Math.min(nearest, face.box.distance(one.box));
            }
            boxDistance = Math.max(boxDistance, nearest);
        }
    }

    /** Whether all but the boxes is the very same, and no edge of a box is off by more than a pixel. */
    public boolean passed() {
        return equalPhotos == photos && equalCrops == crops && missingFaces == 0 && foreignFaces == 0
                && boxDistance <= BOX_TOLERANCE;
    }

    /** Photos replayed. */
    public int photos() {
        return photos;
    }

    /** Photos that this machine decodes to the very bytes. */
    public int equalPhotos() {
        return equalPhotos;
    }

    /** Boxes cut out. */
    public int crops() {
        return crops;
    }

    /** Boxes whose square and grey levels are the very same. */
    public int equalCrops() {
        return equalCrops;
    }

    /** Faces that Python finds. */
    public int faces() {
        return faces;
    }

    /** Faces that are not found here. */
    public int missingFaces() {
        return missingFaces;
    }

    /** Faces that are only found here. */
    public int foreignFaces() {
        return foreignFaces;
    }

    /** Largest difference of any edge of a box, in pixels. */
    public long boxDistance() {
        return boxDistance;
    }

    /** JSON-safe, as `fer-export device` reads it. */
    Map<String, Object> toMap() {
        Map<String, Object> fields = new LinkedHashMap<String, Object>();
        fields.put("photos", photos);
        fields.put("equal_photos", equalPhotos);
        fields.put("crops", crops);
        fields.put("equal_crops", equalCrops);
        fields.put("faces", faces);
        fields.put("missing_faces", missingFaces);
        fields.put("foreign_faces", foreignFaces);
        fields.put("box_distance", boxDistance);
        return fields;
    }
}
