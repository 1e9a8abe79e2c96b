package org.ferexport.core;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** A label with its probability; sorts the most probable first. */
public final class Emotion implements Comparable<Emotion> {
    /** The label, as the contract writes it. */
    public final String label;

    /** From 0 to 1. */
    public final float probability;

    public Emotion(String label, float probability) {
        this.label = label;
        this.probability = probability;
    }

    /**
     * The emotions, the most probable first; equal ones keep the order of the labels.
     *
     * @throws IllegalArgumentException where there are not as many probabilities as labels
     */
    public static List<Emotion> ranked(List<String> labels, float[] probabilities) {
        if (labels.size() != probabilities.length) {
            throw new IllegalArgumentException(
                    probabilities.length + " probabilities for " + labels.size() + " labels");
        }
        List<Emotion> result = new ArrayList<Emotion>();
        for (int at = 0; at < probabilities.length; at++) {
            result.add(new Emotion(labels.get(at), probabilities[at]));
        }
        Collections.sort(result);
        return result;
    }

    @Override
    public int compareTo(Emotion other) {
        return Float.compare(other.probability, probability);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Emotion && label.equals(((Emotion) other).label)
                && probability == ((Emotion) other).probability;
    }

    @Override
    public int hashCode() {
        return label.hashCode() * 31 + Float.floatToIntBits(probability);
    }

    @Override
    public String toString() {
        return label + " " + probability;
    }
}
