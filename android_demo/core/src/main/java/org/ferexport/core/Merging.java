package org.ferexport.core;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Makes faces of the candidates of all detectors and windows, as Python's photo.merging does, which has the rule.
 *
 * <p>Candidates with their centre outside the photo are dropped. The surest candidate leads all that overlap with it;
 * its box is a face, and its score the mean, over the detector files, of the best score among them, or, of a small face,
 * its own. A face that covers a surer one is dropped. Where none is left, the surest candidate of a whole photo may be one alone.
 */
final class Merging {
    private static final Comparator<Face> SUREST_FIRST = new Comparator<Face>() {
        @Override
        public int compare(Face one, Face other) {
            return Double.compare(other.score, one.score);
        }
    };

    private static final Comparator<Face> LARGEST_FIRST = new Comparator<Face>() {
        @Override
        public int compare(Face one, Face other) {
            int order = Long.compare(other.box.area(), one.box.area());
            order = order != 0 ? order : Integer.compare(one.box.left, other.box.left);
            return order != 0 ? order : Integer.compare(one.box.top, other.box.top);
        }
    };

    private static final Comparator<Face> SUREST_THEN_LARGEST = new Comparator<Face>() {
        @Override
        public int compare(Face one, Face other) {
            int order = Double.compare(other.score, one.score);
            return order != 0 ? order : LARGEST_FIRST.compare(one, other);
        }
    };

    private Merging() {}

    /** The faces of a photo of that size, of what each rule found, the surest first. */
    static List<Face> merged(List<List<Face>> found, int width, int height, Contract contract) {
        if (contract.version <= Contract.FIRST_COME) {
            return firstCome(found, width, height, contract);
        }
        List<Face> candidates = new ArrayList<Face>();
        List<Face> ofWholePhotos = new ArrayList<Face>();
        for (int at = 0; at < found.size(); at++) {
            for (Face face : found.get(at)) {
                if (face.box.centredIn(width, height)) {
                    candidates.add(face);
                    if (contract.detectors.get(at).windows == 1) {
                        ofWholePhotos.add(face);
                    }
                }
            }
        }
        Collections.sort(candidates, SUREST_FIRST);
        int longer = Math.max(width, height);
        List<Face> faces = apart(confirmed(candidates, contract, longer), contract.merge);
        return faces.isEmpty() ? alone(ofWholePhotos, contract.merge) : faces;
    }

    /** The surest candidate of whole photos, if it counts without another network. */
    private static List<Face> alone(List<Face> candidates, Contract.MergeRule rule) {
        Collections.sort(candidates, SUREST_FIRST);
        List<Face> faces = new ArrayList<Face>();
        if (!candidates.isEmpty()) {
            Face surest = candidates.get(0);
            if (surest.score * 1000 >= Math.max(rule.score, rule.alone) && surest.box.side() >= rule.size) {
                faces.add(surest);
            }
        }
        return faces;
    }

    /** Each candidate that leads others, with its score as a face of a photo whose longer side is {@code longer}. */
    private static List<Face> confirmed(List<Face> candidates, Contract contract, int longer) {
        List<Face> faces = new ArrayList<Face>();
        List<Face> rest = candidates;
        while (!rest.isEmpty()) {
            Face first = rest.get(0);
            List<Face> others = new ArrayList<Face>();
            Map<String, Double> best = new LinkedHashMap<String, Double>();
            for (Contract.DetectorRule rule : contract.detectors) {
                best.put(rule.file, 0.0);
            }
            for (Face one : rest) {
                if (one == first || same(first.box, one.box, contract.merge.same)) {
                    best.put(one.detector, Math.max(best.get(one.detector), one.score));
                } else {
                    others.add(one);
                }
            }
            double sum = 0;
            for (double score : best.values()) {
                sum += score;
            }
            faces.add(small(first, longer, contract.merge)
                    ? first : new Face(first.box, sum / best.size(), first.detector));
            rest = others;
        }
        return faces;
    }

    /** Whether a candidate is a face by its own score, as few windows show faces of its size. */
    private static boolean small(Face face, int longer, Contract.MergeRule rule) {
        return face.box.side() * 1000L < (long) rule.small * longer && face.score * 1000 >= rule.smallAlone;
    }

    /** The faces that count, none of which covers a surer one. */
    private static List<Face> apart(List<Face> faces, Contract.MergeRule rule) {
        Collections.sort(faces, SUREST_THEN_LARGEST);
        List<Face> kept = new ArrayList<Face>();
        for (Face face : faces) {
            boolean counts = face.score * 1000 >= rule.score && face.box.side() >= rule.size;
            if (counts && !covered(face.box, kept, rule.cover)) {
                kept.add(face);
            }
        }
        return kept;
    }

    /** Versions 1 and 2: a kept box stays, whatever the score of a later one; the largest first. */
    private static List<Face> firstCome(List<List<Face>> found, int width, int height, Contract contract) {
        List<Face> kept = new ArrayList<Face>();
        for (int at = 0; at < found.size(); at++) {
            // One window's faces are told apart already; two windows may show the same one.
            boolean whole = contract.detectors.get(at).windows == 1;
            List<Face> others = whole ? new ArrayList<Face>(kept) : kept;
            for (Face face : found.get(at)) {
                boolean touched = face.box.shared(Crop.square(face.box, width, height, contract.crop).box()) > 0;
                if (touched && !covered(face.box, others, contract.merge.cover)) {
                    kept.add(face);
                }
            }
        }
        Collections.sort(kept, LARGEST_FIRST);
        return kept;
    }

    private static boolean same(Box box, Box other, int thousandths) {
        long shared = box.shared(other);
        return shared * 1000 > thousandths * (box.area() + other.area() - shared);
    }

    private static boolean covered(Box box, List<Face> others, int thousandths) {
        for (Face face : others) {
            if (box.shared(face.box) * 1000 > thousandths * Math.min(box.area(), face.box.area())) {
                return true;
            }
        }
        return false;
    }
}
