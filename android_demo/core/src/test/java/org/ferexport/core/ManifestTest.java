package org.ferexport.core;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertSame;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.Test;

public class ManifestTest {
    private static final String FILE = "models/a-int8.tflite";
    private static final byte[] CONTENT = {1, 2, 3};

    private static Map<String, Object> document() {
        Map<String, Object> variant = new LinkedHashMap<>();
        variant.put("file", FILE);
        variant.put("format", "tflite");
        variant.put("precision", "int8");
        variant.put("input_kind", "gray");
        variant.put("accuracy", null);
        variant.put("agreement", Map.of());
        Map<String, Object> document = new LinkedHashMap<>();
        document.put("format", Manifest.FORMAT);
        document.put("version", 1L);
        document.put("model", "a");
        document.put("default", FILE);
        document.put("variants", List.of(variant));
        document.put("checkpoint", Map.of());
        document.put("calibration", Map.of());
        document.put("versions", Map.of());
        document.put("files", Map.of(FILE, Map.of("sha256", Hash.sha256(CONTENT), "bytes", 3L)));
        return document;
    }

    /** The document with its digest, as `fer-export bundle` writes it. */
    private static byte[] sealed(Map<String, Object> document) {
        String zeros = String.join("", Collections.nCopies(64, "0"));
        document.put("digest", zeros);
        String text = JsonWriter.write(document);
        String digest = Hash.sha256(text.getBytes(StandardCharsets.UTF_8));
        return text.replace(zeros, digest).getBytes(StandardCharsets.UTF_8);
    }

    private static String refusal(byte[] manifest) {
        return assertThrows(BundleException.class, () -> Manifest.read(manifest)).getMessage();
    }

    @Test
    public void readsVariantsAndFiles() throws BundleException {
        Manifest manifest = Manifest.read(sealed(document()));
        assertSame(manifest.variants.get(0), manifest.preferred);
        assertEquals("int8", manifest.preferred.precision);
        manifest.check(FILE, CONTENT);
    }

    @Test
    public void findsAFlippedByteAnywhere() {
        byte[] manifest = sealed(document());
        for (int at = 0; at < manifest.length; at++) {
            byte[] flipped = manifest.clone();
            flipped[at] ^= 1;
            assertThrows("byte " + at, BundleException.class, () -> Manifest.read(flipped));
        }
    }

    @Test
    public void findsAFileThatIsNotTheListed() throws BundleException {
        Manifest manifest = Manifest.read(sealed(document()));
        byte[] other = {1, 2, 4};
        String changed = assertThrows(BundleException.class, () -> manifest.check(FILE, other)).getMessage();
        assertTrue(changed, changed.startsWith(FILE + " is not the manifest's file;"));
        String unknown = assertThrows(BundleException.class, () -> manifest.check("x", CONTENT)).getMessage();
        assertTrue(unknown, unknown.startsWith("manifest.json lists no x;"));
    }

    @Test
    public void refusesANewerVersionAndForeignFields() {
        Map<String, Object> newer = document();
        newer.put("version", 2L);
        assertTrue(refusal(sealed(newer)).startsWith("manifest.json is of version 2 and this app reads 1;"));
        Map<String, Object> foreign = document();
        foreign.put("author", "x");
        assertTrue(refusal(sealed(foreign)).startsWith("manifest.json has the foreign field author;"));
        Map<String, Object> lacking = document();
        lacking.remove("files");
        assertTrue(refusal(sealed(lacking)).startsWith("manifest.json lacks files;"));
    }

    @Test
    public void refusesAVariantOfAnotherInput() {
        Map<String, Object> document = document();
        Vectors.castMap(((List<?>) document.get("variants")).get(0)).put("input_kind", "rgb");
        assertTrue(refusal(sealed(document)).startsWith(FILE + " takes rgb and this app gives gray;"));
    }

    @Test
    public void refusesADefaultThatIsNoVariantAndAPlaceOutside() {
        Map<String, Object> document = document();
        document.put("default", "models/b.tflite");
        assertTrue(refusal(sealed(document)).startsWith("manifest.json lists no variant models/b.tflite;"));
        for (String place : new String[] {"../a", "/a", "a//b", "a/../b", ".a", "a/"}) {
            Map<String, Object> outside = document();
            outside.put("files", Map.of(place, Map.of("sha256", Hash.sha256(CONTENT), "bytes", 3L)));
            String message = refusal(sealed(outside));
            assertTrue(message, message.contains("which is no place inside a bundle"));
        }
    }
}
