package org.ferexport.core;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/** What to do with a photo before and after the network, read from a bundle's {@code contract.json}. */
public final class Contract {
    static final String FORMAT = "fer-export photo contract";
    static final int VERSION = 3;

    /** Up to this version, a box of an earlier detector is kept whatever the scores. */
    static final int FIRST_COME = 2;

    /** The document's version; it chooses the rule that merges. */
    public final int version;

    /** Emotions in the order of the probabilities. */
    public final List<String> labels;

    /** Side of the grey face that the network takes, in pixels. */
    public final int size;

    /** From a box to a square. */
    public final CropRule crop;

    /** From a colour to a grey level. */
    public final GreyRule grey;

    /** Detectors, in the order in which they run. */
    public final List<DetectorRule> detectors;

    /** How the candidates of all detectors become faces. */
    public final MergeRule merge;

    private Contract(Fields fields) throws BundleException {
        version = fields.whole("version", 1);
        labels = Collections.unmodifiableList(fields.texts("labels"));
        size = fields.whole("size", 1);
        crop = new CropRule(fields.any("crop"));
        grey = new GreyRule(fields.any("grey"));
        List<DetectorRule> rules = new ArrayList<DetectorRule>();
        for (Object rule : fields.list("detectors")) {
            rules.add(new DetectorRule(rule, version));
        }
        detectors = Collections.unmodifiableList(rules);
        merge = version > FIRST_COME ? new MergeRule(fields.any("merge")) : new MergeRule(fields.whole("merge", 0));
    }

    /**
     * Reads the document.
     *
     * @throws BundleException for a newer version, a missing, foreign or misshapen field, or a rule unknown here
     */
    public static Contract read(String json) throws BundleException {
        Fields fields = Fields.document(Json.read(json, "contract.json"), "contract.json", FORMAT, 1, VERSION,
                "labels", "size", "crop", "grey", "detectors", "merge",
                "input_name", "input_type", "output_name", "output_type", "resize");
        require(fields, "input_type", "uint8");
        require(fields, "output_type", "float32");
        require(fields, "resize", "area");
        fields.text("input_name");
        fields.text("output_name");
        Contract contract = new Contract(fields);
        if (contract.labels.isEmpty()) {
            throw BundleException.broken("labels of contract.json is empty");
        }
        return contract;
    }

    private static void require(Fields fields, String name, String known) throws BundleException {
        if (!known.equals(fields.text(name))) {
            throw BundleException.broken(name + " of contract.json is " + fields.text(name) + ", known is " + known);
        }
    }

    /** The square around a face box, in thousandths of the box's longer side. */
    public static final class CropRule {
        /** Side of the square. */
        public final int scale;

        /** The square's centre from the box's, to the right. */
        public final int shiftX;

        /** The square's centre from the box's, down. */
        public final int shiftY;

        /** The rule with these figures, all in thousandths. */
        public CropRule(int scale, int shiftX, int shiftY) {
            this.scale = scale;
            this.shiftX = shiftX;
            this.shiftY = shiftY;
        }

        private CropRule(Object document) throws BundleException {
            Fields fields = Fields.of(document, "crop", "scale", "shift_x", "shift_y");
            scale = fields.whole("scale", 1);
            shiftX = fields.whole("shift_x");
            shiftY = fields.whole("shift_y");
        }
    }

    /** grey = (red * R + green * G + blue * B + 2^(shift-1)) >> shift. */
    public static final class GreyRule {
        public final int red;
        public final int green;
        public final int blue;
        public final int shift;

        private GreyRule(Object document) throws BundleException {
            Fields fields = Fields.of(document, "grey", "red", "green", "blue", "shift");
            red = fields.whole("red", 0);
            green = fields.whole("green", 0);
            blue = fields.whole("blue", 0);
            shift = fields.whole("shift", 1);
            // The whole of 255 must stay one byte, and the sum one int.
            if (shift > 22 || (long) red + green + blue != 1L << shift) {
                throw BundleException.broken("grey of contract.json does not weigh 2^shift in all");
            }
        }

        /** The grey level of a pixel 0xAARRGGBB, from 0 to 255. */
        int of(int pixel) {
            int sum = red * (pixel >> 16 & 255) + green * (pixel >> 8 & 255) + blue * (pixel & 255);
            return (sum + (1 << shift - 1)) >> shift;
        }
    }

    /**
     * How the candidates of all detectors and windows become faces; {@link Merging} has the rule. Of versions 1 and 2,
     * {@code cover} alone counts.
     */
    public static final class MergeRule {
        /** Intersection over union above which a candidate confirms a surer one, in thousandths. */
        public final int same;

        /** Share of the smaller box above which the less sure of two faces is dropped, in thousandths. */
        public final int cover;

        /** Least score of a face, in thousandths. */
        public final int score;

        /** Least longer side of a face's box, in pixels. */
        public final int size;

        /** Least score of a candidate that is the only face though one network alone sees it, in thousandths. */
        public final int alone;

        /**
         * Share of the photo's longer side, below which a face's longer side is small, in thousandths. Documents
         * without it mean 0.
         */
        public final int small;

        /** Least score of a small face that one network alone sees, in thousandths. */
        public final int smallAlone;

        private MergeRule(int cover) {
            this.same = 1000;
            this.cover = cover;
            this.score = 0;
            this.size = 1;
            this.alone = 1000;
            this.small = 0;
            this.smallAlone = 1000;
        }

        private MergeRule(Object document) throws BundleException {
            boolean full = document instanceof Map && ((Map<?, ?>) document).containsKey("small");
            String[] names = {"same", "cover", "score", "size", "alone", "small", "small_alone"};
            Fields fields = Fields.of(document, "merge", full ? names : Arrays.copyOf(names, names.length - 2));
            same = fields.whole("same", 0);
            cover = fields.whole("cover", 0);
            score = fields.whole("score", 0);
            size = fields.whole("size", 1);
            alone = fields.whole("alone", 0);
            small = full ? fields.whole("small", 0) : 0;
            smallAlone = full ? fields.whole("small_alone", 0) : 1000;
        }
    }

    /** cells x cells anchors of a detector, {@code anchors} at the centre of each cell, row by row. */
    public static final class Grid {
        public final int cells;
        public final int anchors;

        private Grid(Object document) throws BundleException {
            Fields fields = Fields.of(document, "grids", "cells", "anchors");
            cells = fields.whole("cells", 1);
            anchors = fields.whole("anchors", 1);
        }
    }

    /** A detector's file and how its tensors are read. */
    public static final class DetectorRule {
        /** Name of the file in the bundle's folder {@code detectors}. */
        public final String file;

        /** Hash of the file, in hexadecimal. */
        public final String sha256;

        /** Side of its square input, in pixels. */
        public final int size;

        /**
         * The photo is shrunk into a square of so many times the size, and every part of the size is looked at, in
         * steps of half of it; 1 is the whole photo at once.
         */
        public final int windows;

        /** The part of that square, in thousandths, that is left free on each side and mirrors the photo. */
        public final int margin;

        /** Its anchors, in the order of its outputs. */
        public final List<Grid> grids;

        /** Least score of a face, in thousandths. */
        public final int threshold;

        /** Intersection over union above which two boxes of a window are one face, in thousandths. */
        public final int overlap;

        private DetectorRule(Object document, int version) throws BundleException {
            Fields fields = Fields.of(document, "detectors", names(version));
            file = fields.text("file");
            sha256 = fields.text("sha256");
            size = fields.whole("size", 1);
            windows = version > 1 ? fields.whole("windows", 1) : 1;
            margin = version > FIRST_COME ? fields.whole("margin", 0) : 0;
            // The photo keeps a fifth of the square.
            if (margin > 400) {
                throw BundleException.broken("margin of detectors is " + margin);
            }
            List<Grid> found = new ArrayList<Grid>();
            for (Object grid : fields.list("grids")) {
                found.add(new Grid(grid));
            }
            grids = Collections.unmodifiableList(found);
            threshold = fields.whole("threshold", 0);
            overlap = fields.whole("overlap", 0);
        }

        private static String[] names(int version) {
            List<String> names = new ArrayList<String>(
                    Arrays.asList("file", "sha256", "size", "grids", "threshold", "overlap"));
            if (version > 1) {
                names.add("windows");
            }
            if (version > FIRST_COME) {
                names.add("margin");
            }
            return names.toArray(new String[0]);
        }
    }
}
