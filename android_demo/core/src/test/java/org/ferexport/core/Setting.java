package org.ferexport.core;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/** Where the tests find what they replay: a system property, else the environment variable of the same name. */
final class Setting {
    private static final String FIND_LIBRARY =
            "import ai_edge_litert, pathlib; print(pathlib.Path(ai_edge_litert.__file__).with_name('libLiteRt.so'))";

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

    /** LiteRT's library out of the ai-edge-litert wheel: LITERT_LIBRARY, by default that of the Python on the path. */
    static File library() {
        String given = value("LITERT_LIBRARY");
        String found = given != null ? given : said("python", "-c", FIND_LIBRARY);
        if (!new File(found).isFile()) {
            throw new AssertionError(given != null ? "LITERT_LIBRARY names no file: " + given
                    : "`python` has no ai-edge-litert; activate the environment where fer-export is installed, or set"
                            + " LITERT_LIBRARY to what it says to `python -c \"" + FIND_LIBRARY + "\"`");
        }
        return new File(found);
    }

    /** The line that a command prints; empty where there is no such command or it fails. */
    private static String said(String... command) {
        try {
            Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
            return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).trim();
        } catch (IOException none) {
            return "";
        }
    }

    private static String value(String name) {
        String property = System.getProperty(name, System.getenv(name));
        return property == null || property.isEmpty() ? null : property;
    }
}
