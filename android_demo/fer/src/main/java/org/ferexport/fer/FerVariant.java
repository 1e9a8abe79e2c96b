package org.ferexport.fer;

import org.ferexport.core.Manifest;

/** One of the bundle's networks: the same one, in other numbers. */
public final class FerVariant {
    final Manifest.Variant variant;
    private final boolean preferred;

    FerVariant(Manifest.Variant variant, boolean preferred) {
        this.variant = variant;
        this.preferred = preferred;
    }

    /** What its numbers are: {@code int8}, {@code float16}, {@code float32} or {@code dynamic}. */
    public String getName() {
        return name(variant);
    }

    /** Its file in the bundle, such as {@code models/compact-7-int8.tflite}. */
    public String getFile() {
        return variant.file;
    }

    /** Whether the bundle says to take it first. */
    public boolean isPreferred() {
        return preferred;
    }

    static String name(Manifest.Variant variant) {
        if ("none".equals(variant.precision)) {
            return "float32";
        }
        return "fp16".equals(variant.precision) ? "float16" : variant.precision;
    }

    @Override
    public String toString() {
        return getName();
    }
}
