package org.ferexport.core;

import java.util.LinkedHashMap;
import java.util.Map;

/** The machine that a self-check ran on. */
public final class Device {
    /** Maker and name, such as {@code Google Pixel 8}. */
    public final String model;

    /** Processor, or system on a chip. */
    public final String cpu;

    /** Binary interface, such as {@code arm64-v8a}. */
    public final String abi;

    /** Operating system with its version. */
    public final String os;

    public Device(String model, String cpu, String abi, String os) {
        this.model = model;
        this.cpu = cpu;
        this.abi = abi;
        this.os = os;
    }

    Map<String, Object> toMap() {
        Map<String, Object> fields = new LinkedHashMap<String, Object>();
        fields.put("model", model);
        fields.put("cpu", cpu);
        fields.put("abi", abi);
        fields.put("os", os);
        return fields;
    }
}
