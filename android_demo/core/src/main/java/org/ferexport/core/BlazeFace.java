package org.ferexport.core;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;

/**
 * One detector of the contract: its input, its anchors and what its outputs mean, in double precision.
 *
 * <p>Decoding and weighted non-maximum suppression are those of BlazeFace (Bazarevsky et al., 2019).
 */
final class BlazeFace {
    /** Raw scores are clipped to this, either way, before the sigmoid. */
    private static final double RAW_LIMIT = 100;

    /** Values that the regressor gives for an anchor: centre, size, and six landmarks that are not used here. */
    private static final int VALUES = 16;

    private static final Comparator<Face> SUREST_FIRST = new Comparator<Face>() {
        @Override
        public int compare(Face one, Face other) {
            return Double.compare(other.score, one.score);
        }
    };

    final Contract.DetectorRule rule;
    private final double[] centres;

    BlazeFace(Contract.DetectorRule rule) {
        this.rule = rule;
        this.centres = anchors(rule);
    }

    /** The faces of one photo, the surest first. */
    List<Face> faces(Picture photo, FaceModel model) {
        List<Face> faces = new ArrayList<Face>();
        int side = rule.windows * rule.size;
        Letterbox letterbox = new Letterbox(photo, side, (int) ((long) side * rule.margin / 1000));
        for (Letterbox.Window window : letterbox.windows(rule.size)) {
            for (Found found : suppressed(decoded(model.run(window.input())))) {
                Box box = new Box(window.x(found.left), window.y(found.top), window.x(found.right),
                        window.y(found.bottom));
                faces.add(new Face(box, found.score, rule.file));
            }
        }
        Collections.sort(faces, SUREST_FIRST);
        return faces;
    }

    /** Centres as x, y, x, y ... from 0 to 1, in the order of the detector's outputs. */
    static double[] anchors(Contract.DetectorRule rule) {
        int count = 0;
        for (Contract.Grid grid : rule.grids) {
            count += grid.cells * grid.cells * grid.anchors;
        }
        double[] centres = new double[2 * count];
        int at = 0;
        for (Contract.Grid grid : rule.grids) {
            for (int cell = 0; cell < grid.cells * grid.cells; cell++) {
                for (int anchor = 0; anchor < grid.anchors; anchor++) {
                    centres[at++] = (cell % grid.cells + 0.5) / grid.cells;
                    centres[at++] = (cell / grid.cells + 0.5) / grid.cells;
                }
            }
        }
        return centres;
    }

    /** The boxes above the threshold, the surest first, then in the order of the anchors. */
    List<Found> decoded(float[][] outputs) {
        int count = centres.length / 2;
        float[] regressors = output(outputs, count * VALUES);
        float[] scores = output(outputs, count);
        List<Found> result = new ArrayList<Found>();
        for (int at = 0; at < count; at++) {
            double raw = Math.min(Math.max(scores[at], -RAW_LIMIT), RAW_LIMIT);
            double score = 1 / (1 + Math.exp(-raw));
            double halfWidth = value(regressors, at, 2) / 2;
            double halfHeight = value(regressors, at, 3) / 2;
            if (score * 1000 >= rule.threshold && halfWidth > 0 && halfHeight > 0) {
                double x = value(regressors, at, 0) + centres[2 * at];
                double y = value(regressors, at, 1) + centres[2 * at + 1];
                result.add(new Found(x - halfWidth, y - halfHeight, x + halfWidth, y + halfHeight, score));
            }
        }
        Collections.sort(result);
        return result;
    }

    /**
     * Weighted non-maximum suppression of boxes in the order of their scores: those whose intersection over union with
     * the surest is above the rule's overlap become one, the mean of their edges weighted by their scores.
     */
    List<Found> suppressed(List<Found> ordered) {
        List<Found> rest = new ArrayList<Found>(ordered);
        List<Found> faces = new ArrayList<Found>();
        while (!rest.isEmpty()) {
            Found surest = rest.get(0);
            double[] edges = new double[4];
            double weight = 0;
            for (Iterator<Found> each = rest.iterator(); each.hasNext();) {
                Found one = each.next();
                if (one == surest || surest.overlap(one) * 1000 > rule.overlap) {
                    edges[0] += one.left * one.score;
                    edges[1] += one.top * one.score;
                    edges[2] += one.right * one.score;
                    edges[3] += one.bottom * one.score;
                    weight += one.score;
                    each.remove();
                }
            }
            faces.add(new Found(edges[0] / weight, edges[1] / weight, edges[2] / weight, edges[3] / weight,
                    surest.score));
        }
        return faces;
    }

    private double value(float[] regressors, int anchor, int which) {
        return (double) regressors[anchor * VALUES + which] / rule.size;
    }

    private float[] output(float[][] outputs, int length) {
        for (float[] output : outputs) {
            if (output.length == length) {
                return output;
            }
        }
        throw new IllegalStateException(rule.file + " has no output of " + length + " values, as its rule says");
    }

    /** A box in the letterbox, edges from 0 to 1; sorts the surest first. */
    static final class Found implements Comparable<Found> {
        final double left;
        final double top;
        final double right;
        final double bottom;
        final double score;

        Found(double left, double top, double right, double bottom, double score) {
            this.left = left;
            this.top = top;
            this.right = right;
            this.bottom = bottom;
            this.score = score;
        }

        /** Intersection over union. */
        double overlap(Found other) {
            double width = Math.min(right, other.right) - Math.max(left, other.left);
            double height = Math.min(bottom, other.bottom) - Math.max(top, other.top);
            double shared = Math.max(width, 0) * Math.max(height, 0);
            return shared / (area() + other.area() - shared);
        }

        private double area() {
            return (right - left) * (bottom - top);
        }

        @Override
        public int compareTo(Found other) {
            return Double.compare(other.score, score);
        }
    }
}
