package org.ferexport.core;

import java.io.File;
import java.util.Arrays;
import java.util.List;

/** Where the tests find what they replay: a system property, else the environment variable of the same name. */
final class Setting {
    private static final String FIND_LIBRARY = "python -c \"import ai_edge_litert, pathlib; "
            + "print(pathlib.Path(ai_edge_litert.__file__).with_name('libLiteRt.so'))\"";

    private Setting() {}

    /** The bundle's folder: FER_BUNDLE, by default the app's assets. */
    static File bundle() {
        String given = value("FER_BUNDLE");
        File folder = new File(given != null ? given : "../app/src/main/assets/bundle");
        if (!new File(folder, "manifest.json").isFile()) {
            throw new AssertionError("FER_BUNDLE: there is no bundle in " + folder.getAbsolutePath()
                    + "; run `fer-export bundle --android android_demo`, or set FER_BUNDLE to a folder made by"
                    + " `fer-export bundle --output DIR`");
        }
        return folder;
    }

    /** Formats of the variants whose files the bundle holds: FER_FORMATS, by default all; an APK has those it runs. */
    static List<String> formats() {
        String given = value("FER_FORMATS");
        return Arrays.asList((given != null ? given : "tflite,onnx").split(","));
    }

    /** LiteRT's library out of the ai-edge-litert wheel: LITERT_LIBRARY. */
    static File library() {
        String given = value("LITERT_LIBRARY");
        if (given == null || !new File(given).isFile()) {
            throw new AssertionError("LITERT_LIBRARY " + (given == null ? "is not set" : "names no file: " + given)
                    + "; run `export LITERT_LIBRARY=$(" + FIND_LIBRARY + ")` where fer-export is installed");
        }
        return new File(given);
    }

    private static String value(String name) {
        String property = System.getProperty(name, System.getenv(name));
        return property == null || property.isEmpty() ? null : property;
    }
}
