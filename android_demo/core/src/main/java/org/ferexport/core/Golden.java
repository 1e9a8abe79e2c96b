package org.ferexport.core;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** The golden vectors of a bundle: photos, what is found in them, and what every variant must answer. */
public final class Golden {
    static final String FORMAT = "fer-export golden vectors";
    static final int VERSION = 1;

    private static final String NAME = "golden.json";

    public final List<Photo> photos;

    /** What the variants answer, one entry for every kernel set that was recorded. */
    public final List<Answers> answers;

    /** The network's inputs, in the order of photos and then of crops. */
    public final List<byte[]> vectors;

    private Golden(Fields fields, Contract contract) throws BundleException {
        List<Photo> foundPhotos = new ArrayList<Photo>();
        List<byte[]> inputs = new ArrayList<byte[]>();
        for (Object document : fields.list("photos")) {
            Photo photo = new Photo(document, contract.size);
            foundPhotos.add(photo);
            for (Cut crop : photo.crops) {
                inputs.add(crop.gray);
            }
        }
        if (inputs.isEmpty() || inputs.size() != fields.whole("vectors")) {
            throw BundleException.broken(NAME + " has " + inputs.size() + " crops, and says " + fields.any("vectors"));
        }
        List<Answers> foundAnswers = new ArrayList<Answers>();
        for (Object document : fields.list("variants")) {
            Answers one = new Answers(document, contract.labels.size());
            if (one.probabilities.length != inputs.size()) {
                throw BundleException.broken(one.file + " in " + NAME + " has not one answer a vector");
            }
            foundAnswers.add(one);
        }
        photos = Collections.unmodifiableList(foundPhotos);
        answers = Collections.unmodifiableList(foundAnswers);
        vectors = Collections.unmodifiableList(inputs);
    }

    /**
     * Reads the document.
     *
     * @throws BundleException for a newer version, or a missing, foreign or misshapen field
     */
    static Golden read(String json, Contract contract) throws BundleException {
        Fields fields = Fields.document(Json.read(json, NAME), NAME, FORMAT, VERSION, "photos", "vectors", "variants");
        return new Golden(fields, contract);
    }

    /**
     * What a variant must answer on these kernels: the answers recorded on them, else those on others.
     *
     * @return null where none were recorded for the file
     */
    public Answers of(Manifest.Variant variant, String kernels) {
        Answers found = null;
        for (Answers one : answers) {
            if (one.file.equals(variant.file) && (found == null || one.kernels.equals(kernels))) {
                found = one;
            }
        }
        return found;
    }

    /** A photo and what comes out of it. */
    public static final class Photo {
        /** A PNG file of the bundle. */
        public final String file;

        public final int width;
        public final int height;

        /** Hash of the red, green and blue bytes, row by row. */
        public final String sha256;

        /** What the detectors find. */
        public final List<Face> faces;

        /** Boxes, found and hand-made, with their crops. */
        public final List<Cut> crops;

        private Photo(Object document, int size) throws BundleException {
            Fields fields = Fields.of(document, "photos of " + NAME, "file", "width", "height", "sha256", "faces",
                    "crops");
            file = fields.text("file");
            width = fields.whole("width", 1);
            height = fields.whole("height", 1);
            sha256 = fields.text("sha256");
            List<Face> foundFaces = new ArrayList<Face>();
            for (Object face : fields.list("faces")) {
                Fields one = Fields.of(face, "faces of " + file, "box", "score", "detector");
                foundFaces.add(new Face(box(one), one.number("score"), one.text("detector")));
            }
            List<Cut> foundCrops = new ArrayList<Cut>();
            for (Object crop : fields.list("crops")) {
                foundCrops.add(new Cut(Fields.of(crop, "crops of " + file, "box", "square", "gray", "sha256"), size));
            }
            faces = Collections.unmodifiableList(foundFaces);
            crops = Collections.unmodifiableList(foundCrops);
        }
    }

    /** One box of a photo, its square and the network's input cut from there. */
    public static final class Cut {
        public final Box box;
        public final Square square;

        /** size * size grey levels. */
        public final byte[] gray;

        private Cut(Fields fields, int size) throws BundleException {
            box = box(fields);
            int[] found = fields.wholes("square", 3);
            square = new Square(found[0], found[1], found[2]);
            gray = Hash.base64(fields.text("gray"));
            if (gray == null || gray.length != size * size || !Hash.sha256(gray).equals(fields.text("sha256"))) {
                throw BundleException.broken("gray of " + NAME + " at " + box + " is not " + size + " x " + size
                        + " bytes of its hash");
            }
        }
    }

    /** What one variant answers on one kernel set. */
    public static final class Answers {
        /** The variant's place in the bundle. */
        public final String file;

        /** The kernel set that answered. */
        public final String kernels;

        /** The runtime that answered, with its version. */
        public final String runtime;

        /** Largest difference of any probability on the same kernel set. */
        public final double tolerance;

        /** Largest difference of any probability on other kernel sets. */
        public final double elsewhere;

        /** One row of probabilities for every vector. */
        public final float[][] probabilities;

        private Answers(Object document, int labels) throws BundleException {
            Fields fields = Fields.of(document, "variants of " + NAME, "file", "kernels", "runtime", "tolerance",
                    "elsewhere", "probabilities");
            file = fields.text("file");
            kernels = fields.text("kernels");
            runtime = fields.text("runtime");
            tolerance = fields.number("tolerance");
            elsewhere = fields.number("elsewhere");
            if (!(tolerance > 0 && tolerance <= elsewhere && elsewhere < 1)) {
                throw BundleException.broken("tolerance and elsewhere of " + file + " in " + NAME + " are no limits");
            }
            probabilities = fields.table("probabilities", labels);
        }
    }

    private static Box box(Fields fields) throws BundleException {
        int[] edges = fields.wholes("box", 4);
        return new Box(edges[0], edges[1], edges[2], edges[3]);
    }
}
