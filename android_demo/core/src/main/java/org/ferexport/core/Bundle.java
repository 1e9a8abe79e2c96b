package org.ferexport.core;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;

/** All an app needs: contract, models, detectors and golden vectors; every file is checked as it is read. */
public final class Bundle {
    private static final String GOLDEN = "golden/golden.json";

    public final Manifest manifest;
    public final Contract contract;

    private final Source source;

    private Bundle(Source source) throws IOException {
        this.source = source;
        manifest = Manifest.read(content("manifest.json"));
        contract = Contract.read(Manifest.text(read("contract.json")));
    }

    /**
     * Reads manifest and contract.
     *
     * @throws BundleException for a bundle of a newer version, with a missing or foreign field or a changed file
     * @throws IOException where a file cannot be read
     */
    public static Bundle open(Source source) throws IOException {
        return new Bundle(source);
    }

    /**
     * A file's bytes.
     *
     * @param file relative to the bundle
     * @throws BundleException where the file is missing, or not the one that the manifest lists
     */
    public byte[] read(String file) throws IOException {
        byte[] content = content(file);
        manifest.check(file, content);
        return content;
    }

    /** Whether a file lies there; one that the manifest lists may have been left out of an app to keep it small. */
    public boolean has(String file) {
        try {
            source.open(file).close();
            return true;
        } catch (IOException missing) {
            return false;
        }
    }

    /** A variant's file. */
    public byte[] model(Manifest.Variant variant) throws IOException {
        return read(variant.file);
    }

    /**
     * A detector's file.
     *
     * @throws BundleException where it is not the one that the contract was made for
     */
    public byte[] detector(Contract.DetectorRule rule) throws IOException {
        String file = "detectors/" + rule.file;
        byte[] content = read(file);
        if (!rule.sha256.equals(Hash.sha256(content))) {
            throw BundleException.broken(file + " is not the detector that contract.json names");
        }
        return content;
    }

    /** The photos of the golden vectors and what must come out of them. */
    public Golden golden() throws IOException {
        return Golden.read(Manifest.text(read(GOLDEN)), contract);
    }

    private byte[] content(String file) throws IOException {
        InputStream stream;
        try {
            stream = source.open(file);
        } catch (IOException missing) {
            throw BundleException.broken("the bundle " + source + " has no " + file);
        }
        try {
            ByteArrayOutputStream result = new ByteArrayOutputStream();
            byte[] block = new byte[1 << 16];
            for (int count = stream.read(block); count >= 0; count = stream.read(block)) {
                result.write(block, 0, count);
            }
            return result.toByteArray();
        } finally {
            stream.close();
        }
    }
}
