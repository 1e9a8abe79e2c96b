package org.ferexport.fer;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Steadies the emotions of a live camera: each face's probabilities are averaged with those that the same face had in
 * the frames before, the newest counting most. Boxes are those of the newest frame. Used by one thread at a time.
 */
public final class FerSmoother {
    /** Intersection over union from which a box is the face of the frame before. */
    private static final float SAME = 0.3f;

    private final float newest;
    private List<FerFace> last = Collections.emptyList();

    /** With a weight of 0.4 for the newest frame: after five frames a change shows to nine tenths. */
    public FerSmoother() {
        this(0.4f);
    }

    /**
     * With another weight.
     *
     * @param newest what the newest frame counts, above 0 and up to 1; 1 changes nothing
     */
    public FerSmoother(float newest) {
        if (!(newest > 0 && newest <= 1)) {
            throw new IllegalArgumentException("newest is " + newest + "; it must be above 0 and at most 1");
        }
        this.newest = newest;
    }

    /** The faces of the next frame with steady probabilities, in the same order; a new face keeps its own. */
    public List<FerFace> smooth(List<FerFace> faces) {
        List<FerFace> before = new ArrayList<FerFace>(last);
        List<FerFace> result = new ArrayList<FerFace>();
        for (FerFace face : faces) {
            FerFace former = nearest(face, before);
            if (former == null || !former.labels().equals(face.labels())) {
                result.add(face);
            } else {
                before.remove(former);
                result.add(face.with(average(former.probabilities(), face.probabilities())));
            }
        }
        last = Collections.unmodifiableList(result);
        return last;
    }

    /** Forgets the frames so far, as for another camera. */
    public void reset() {
        last = Collections.emptyList();
    }

    private static @Nullable FerFace nearest(FerFace face, List<FerFace> among) {
        FerFace result = null;
        float most = SAME;
        for (FerFace other : among) {
            float overlap = face.overlap(other);
            if (overlap >= most) {
                most = overlap;
                result = other;
            }
        }
        return result;
    }

    private float[] average(float[] former, float[] latest) {
        for (int at = 0; at < former.length; at++) {
            former[at] += newest * (latest[at] - former[at]);
        }
        return former;
    }
}
