package org.ferexport.fer;

import android.graphics.Rect;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.ferexport.core.Emotion;
import org.ferexport.core.Prediction;

/** One face of a picture and what the network says of it. Never changes. */
public final class FerFace {
    private final Rect box;
    private final float score;
    private final byte[] gray;
    private final List<String> labels;
    private final float[] probabilities;
    private final List<FerEmotion> emotions;

    FerFace(Rect box, float score, byte[] gray, List<String> labels, float[] probabilities) {
        this.box = box;
        this.score = score;
        this.gray = gray;
        this.labels = labels;
        this.probabilities = probabilities;
        List<FerEmotion> ranked = new ArrayList<FerEmotion>();
        for (Emotion emotion : Emotion.ranked(labels, probabilities)) {
            ranked.add(FerEmotion.of(emotion));
        }
        emotions = Collections.unmodifiableList(ranked);
    }

    static FerFace of(Prediction found, List<String> labels) {
        Rect box = new Rect(found.face.box.left, found.face.box.top, found.face.box.right, found.face.box.bottom);
        return new FerFace(box, (float) found.face.score, found.gray, labels, found.probabilities);
    }

    /** Where the face is, in pixels of the upright picture; may reach beyond its border. */
    public Rect getBox() {
        return new Rect(box);
    }

    /** How sure the detector is that it is a face, from 0 to 1. */
    public float getScore() {
        return score;
    }

    /** The most probable emotion. */
    public FerEmotion getEmotion() {
        return emotions.get(0);
    }

    /** All emotions, the most probable first. */
    public List<FerEmotion> getEmotions() {
        return emotions;
    }

    /** The probability of every label, in the network's own order; they add up to 1. */
    public Map<String, Float> getProbabilities() {
        Map<String, Float> result = new LinkedHashMap<String, Float>();
        for (int at = 0; at < probabilities.length; at++) {
            result.put(labels.get(at), probabilities[at]);
        }
        return result;
    }

    /** The network's input. */
    byte[] gray() {
        return gray;
    }

    /** The same face with other probabilities. */
    FerFace with(float[] other) {
        return new FerFace(box, score, gray, labels, other);
    }

    float[] probabilities() {
        return Arrays.copyOf(probabilities, probabilities.length);
    }

    List<String> labels() {
        return labels;
    }

    /** Pixels that both boxes cover, of those that one of them covers; from 0 to 1. */
    float overlap(FerFace other) {
        Rect shared = new Rect();
        if (!shared.setIntersect(box, other.box)) {
            return 0;
        }
        double both = area(shared);
        return (float) (both / (area(box) + area(other.box) - both));
    }

    private static double area(Rect rect) {
        return (double) rect.width() * rect.height();
    }

    @Override
    public String toString() {
        return box.toShortString() + " " + getEmotion();
    }
}
