package org.ferexport.core;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What a self-check found; {@link #toJson} writes the document that `fer-export device FILE.json` reads. */
public final class SelfCheckReport {
    static final String FORMAT = "fer-export device check";
    static final int VERSION = 1;

    /** The bundle's digest. */
    public final String bundle;

    /** Runtime, with its version. */
    public final String runtime;

    /** Set of kernels that answered. */
    public final String kernels;

    /** Threads of one inference. */
    public final int threads;

    public final PhotoCheck photos;

    /** One entry for every variant that the runtime runs. */
    public final List<VariantCheck> variants;

    SelfCheckReport(String bundle, ModelRuntime runtime, PhotoCheck photos, List<VariantCheck> variants) {
        this.bundle = bundle;
        this.runtime = runtime.name();
        this.kernels = runtime.kernels();
        this.threads = runtime.threads();
        this.photos = photos;
        this.variants = Collections.unmodifiableList(new ArrayList<VariantCheck>(variants));
    }

    /** Whether this machine computes what Python computed. */
    public boolean passed() {
        boolean passed = photos.passed() && !variants.isEmpty();
        for (VariantCheck variant : variants) {
            passed &= variant.withinTolerance;
        }
        return passed;
    }

    /** The document, JSON in UTF-8. */
    public String toJson(Device device) {
        Map<String, Object> fields = new LinkedHashMap<String, Object>();
        fields.put("format", FORMAT);
        fields.put("version", VERSION);
        fields.put("bundle", bundle);
        fields.put("runtime", runtime);
        fields.put("kernels", kernels);
        fields.put("threads", threads);
        fields.put("device", device.toMap());
        fields.put("photos", photos.toMap());
        List<Object> rows = new ArrayList<Object>();
        for (VariantCheck variant : variants) {
            rows.add(variant.toMap());
        }
        fields.put("variants", rows);
        return JsonWriter.write(fields);
    }
}
