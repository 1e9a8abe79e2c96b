package org.ferexport.core;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** What a bundle holds, read from its {@code manifest.json}: the variants, and size and hash of every file. */
public final class Manifest {
    static final String FORMAT = "fer-export bundle";
    static final int VERSION = 1;

    private static final String NAME = "manifest.json";
    private static final Pattern PATH = Pattern.compile("\\w[\\w.-]*(/\\w[\\w.-]*)*");
    private static final String NO_DIGEST = "0000000000000000000000000000000000000000000000000000000000000000";

    /** Name of the trained network. */
    public final String model;

    /** The variants, in the order in which an app should offer them. */
    public final List<Variant> variants;

    /** The variant that an app should take first. */
    public final Variant preferred;

    /** The manifest's own hash, which stands for the whole bundle. */
    public final String digest;

    private final Map<String, Entry> files = new LinkedHashMap<String, Entry>();

    private Manifest(Fields fields, String digest) throws BundleException {
        model = fields.text("model");
        this.digest = digest;
        for (Map.Entry<?, ?> file : fields.object("files").entrySet()) {
            files.put((String) file.getKey(), new Entry((String) file.getKey(), file.getValue()));
        }
        List<Variant> found = new ArrayList<Variant>();
        for (Object variant : fields.list("variants")) {
            found.add(new Variant(variant));
        }
        variants = Collections.unmodifiableList(found);
        preferred = variant(fields.text("default"));
    }

    /**
     * Reads the document.
     *
     * @param content the file's bytes
     * @throws BundleException for a newer version, a missing, foreign or misshapen field, or a changed byte
     */
    public static Manifest read(byte[] content) throws BundleException {
        String json = text(content);
        Fields fields = Fields.document(Json.read(json, NAME), NAME, FORMAT, VERSION, "model", "default", "variants",
                "checkpoint", "calibration", "versions", "files", "digest");
        String digest = fields.text("digest");
        // The digest is that of the file with zeros in its own place.
        String blank = digest.length() == NO_DIGEST.length() ? json.replace(digest, NO_DIGEST) : json;
        if (!Hash.sha256(blank.getBytes(StandardCharsets.UTF_8)).equals(digest)) {
            throw BundleException.broken(NAME + " was changed: its digest is not the one it gives");
        }
        return new Manifest(fields, digest);
    }

    /**
     * The variant of a file.
     *
     * @param file relative to the bundle, such as {@code models/report-int8.tflite}
     * @throws BundleException where the manifest lists no such variant
     */
    public Variant variant(String file) throws BundleException {
        for (Variant variant : variants) {
            if (variant.file.equals(file)) {
                return variant;
            }
        }
        throw BundleException.broken(NAME + " lists no variant " + file);
    }

    /** Every file of the bundle but the manifest itself. */
    public Iterable<String> files() {
        return Collections.unmodifiableSet(files.keySet());
    }

    /** Checks a file's bytes against the list. */
    void check(String file, byte[] content) throws BundleException {
        Entry entry = files.get(file);
        if (entry == null) {
            throw BundleException.broken(NAME + " lists no " + file);
        }
        if (entry.bytes != content.length || !entry.sha256.equals(Hash.sha256(content))) {
            throw BundleException.broken(file + " is not the manifest's file");
        }
    }

    static String text(byte[] content) {
        return new String(content, StandardCharsets.UTF_8);
    }

    /** One exported file. */
    public static final class Variant {
        /** Its place in the bundle. */
        public final String file;

        /** {@code tflite} or {@code onnx}. */
        public final String format;

        /** {@code none} (float32), {@code fp16}, {@code dynamic} or {@code int8}. */
        public final String precision;

        Variant(Object document) throws BundleException {
            Fields fields = Fields.of(document, "variants of " + NAME, "file", "format", "precision", "input_kind",
                    "accuracy", "agreement");
            file = fields.text("file");
            format = fields.text("format");
            precision = fields.text("precision");
            if (!"gray".equals(fields.text("input_kind"))) {
                throw BundleException.broken(file + " takes " + fields.text("input_kind") + " and this app gives gray");
            }
        }
    }

    private static final class Entry {
        private final String sha256;
        private final int bytes;

        private Entry(String name, Object document) throws BundleException {
            if (!PATH.matcher(name).matches()) {
                throw BundleException.broken(NAME + " names the file " + name + ", which is no place inside a bundle");
            }
            Fields fields = Fields.of(document, name + " in " + NAME, "sha256", "bytes");
            sha256 = fields.text("sha256");
            bytes = fields.whole("bytes", 0);
        }
    }
}
