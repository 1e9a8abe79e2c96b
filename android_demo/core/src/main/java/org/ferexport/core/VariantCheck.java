package org.ferexport.core;

import java.util.LinkedHashMap;
import java.util.Map;

/** How one variant's answers compare with its golden ones, and how long they took. */
public final class VariantCheck {
    public final Manifest.Variant variant;

    /** Vectors compared. */
    public final int vectors;

    /** Largest difference of any probability. */
    public final double largestDifference;

    /** Largest difference that is allowed here. */
    public final double tolerance;

    /** Proportion of vectors with the same most probable label. */
    public final double agreement;

    /** Median and 95th percentile of one inference, in milliseconds. */
    public final double p50;

    public final double p95;

    /**
     * Whether no probability is further off than allowed, and the most probable label is the same wherever it leads
     * by more than that.
     */
    public final boolean withinTolerance;

    VariantCheck(
            Manifest.Variant variant, Golden.Answers expected, String kernels, float[][] answers, Latency latency) {
        this.variant = variant;
        this.vectors = answers.length;
        this.tolerance = expected.kernels.equals(kernels) ? expected.tolerance : expected.elsewhere;
        this.p50 = latency.milliseconds(50);
        this.p95 = latency.milliseconds(95);
        double largest = 0;
        int same = 0;
        boolean within = true;
        for (int vector = 0; vector < vectors; vector++) {
            float[] wanted = expected.probabilities[vector];
            double difference = difference(wanted, answers[vector]);
            boolean agrees = top(wanted) == top(answers[vector]);
            largest = Math.max(largest, difference);
            same += agrees ? 1 : 0;
            within &= difference <= tolerance && (agrees || lead(wanted) <= tolerance);
        }
        this.largestDifference = largest;
        this.agreement = (double) same / vectors;
        this.withinTolerance = within;
    }

    /** JSON-safe, as `fer-export device` reads it. */
    Map<String, Object> toMap() {
        Map<String, Object> fields = new LinkedHashMap<String, Object>();
        fields.put("file", variant.file);
        fields.put("format", variant.format);
        fields.put("precision", variant.precision);
        fields.put("vectors", vectors);
        fields.put("largest_difference", largestDifference);
        fields.put("agreement", agreement);
        fields.put("p50_ms", p50);
        fields.put("p95_ms", p95);
        fields.put("within_tolerance", withinTolerance);
        return fields;
    }

    /** Largest difference of two rows of probabilities; the largest double where one is NaN or lacks a label. */
    static double difference(float[] wanted, float[] answer) {
        double largest = wanted.length == answer.length ? 0 : Double.MAX_VALUE;
        for (int at = 0; at < wanted.length && at < answer.length; at++) {
            double difference = Math.abs((double) wanted[at] - answer[at]);
            largest = Math.max(largest, Double.isNaN(difference) ? Double.MAX_VALUE : difference);
        }
        return largest;
    }

    private static int top(float[] probabilities) {
        int top = 0;
        for (int at = 1; at < probabilities.length; at++) {
            top = probabilities[at] > probabilities[top] ? at : top;
        }
        return top;
    }

    /** By how much the most probable label leads the next one. */
    private static double lead(float[] probabilities) {
        int top = top(probabilities);
        double next = 0;
        for (int at = 0; at < probabilities.length; at++) {
            next = at == top ? next : Math.max(next, probabilities[at]);
        }
        return probabilities[top] - next;
    }
}
