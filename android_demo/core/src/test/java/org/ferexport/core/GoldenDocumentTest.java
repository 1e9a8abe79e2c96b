package org.ferexport.core;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.Test;

/** golden.json and the comparison with it, on a document of one photo, two vectors and two kernel sets. */
public class GoldenDocumentTest {
    private static final String FILE = "models/a.tflite";
    private static final Latency LATENCY = new Latency(new long[] {1_000_000});

    private static Map<String, Object> fields(Object... namesAndValues) {
        Map<String, Object> fields = new LinkedHashMap<>();
        for (int at = 0; at < namesAndValues.length; at += 2) {
            fields.put((String) namesAndValues[at], namesAndValues[at + 1]);
        }
        return fields;
    }

    private static Map<String, Object> crop(int level) {
        byte[] gray = new byte[48 * 48];
        Arrays.fill(gray, (byte) level);
        return fields("box", List.of(0L, 0L, 9L, 9L), "square", List.of(0L, 0L, 9L), "gray",
                Base64.getEncoder().encodeToString(gray), "sha256", Hash.sha256(gray));
    }

    private static Map<String, Object> answers(String kernels, double tolerance) {
        List<?> rows = List.of(List.of(.5, .375, .125), List.of(.25, .25, .5));
        return fields("file", FILE, "kernels", kernels, "runtime", "x 1", "tolerance", tolerance, "elsewhere", .125,
                "probabilities", rows);
    }

    private static Map<String, Object> document() {
        Map<String, Object> face = fields("box", List.of(0L, 0L, 9L, 9L), "score", .75, "detector", "d.tflite");
        Map<String, Object> photo = fields("file", "golden/x.png", "width", 9L, "height", 9L, "sha256", "", "faces",
                List.of(face), "crops", new ArrayList<>(List.of(crop(1), crop(200))));
        return fields("format", Golden.FORMAT, "version", 1L, "photos", List.of(photo), "vectors", 2L, "variants",
                new ArrayList<>(List.of(answers("one", .01), answers("two", .02))));
    }

    private static Golden read(Map<String, Object> document) throws IOException {
        return Golden.read(JsonWriter.write(document), Vectors.contract(Vectors.read()));
    }

    private static void refused(Map<String, Object> document, String start) {
        String message = assertThrows(BundleException.class, () -> read(document)).getMessage();
        assertTrue(message, message.startsWith(start));
    }

    private static Manifest.Variant variant(String file) throws IOException {
        return new Manifest.Variant(fields("file", file, "format", "tflite", "precision", "int8", "input_kind", "gray",
                "accuracy", null, "agreement", null));
    }

    private static VariantCheck check(String kernels, float[]... answers) throws IOException {
        Manifest.Variant variant = variant(FILE);
        return new VariantCheck(variant, read(document()).of(variant, kernels), kernels, answers, LATENCY);
    }

    @Test
    public void readsVectorsInTheOrderOfTheCrops() throws IOException {
        Golden golden = read(document());
        assertEquals(2, golden.vectors.size());
        assertEquals(200, golden.vectors.get(1)[2303] & 255);
        assertEquals(.75, golden.photos.get(0).faces.get(0).score, 0);
    }

    @Test
    public void prefersTheAnswersOfTheSameKernels() throws IOException {
        Golden golden = read(document());
        assertEquals("two", golden.of(variant(FILE), "two").kernels);
        assertEquals("one", golden.of(variant(FILE), "three").kernels);
        assertNull(golden.of(variant("models/b.tflite"), "one"));
    }

    @Test
    public void refusesWhatDoesNotFitTogether() {
        Map<String, Object> fewer = document();
        fewer.put("vectors", 3L);
        refused(fewer, "golden.json has 2 crops, and says 3;");

        Map<String, Object> damaged = document();
        Map<String, Object> crop = crop(7);
        crop.put("sha256", crop(8).get("sha256"));
        Vectors.castMap(((List<?>) damaged.get("photos")).get(0)).put("crops", List.of(crop(1), crop));
        refused(damaged, "gray of golden.json at [0, 0, 9, 9] is not 48 x 48 bytes of its hash;");

        Map<String, Object> limitless = document();
        limitless.put("variants", List.of(answers("one", .5)));
        refused(limitless, "tolerance and elsewhere of models/a.tflite in golden.json are no limits;");

        Map<String, Object> shorter = document();
        Map<String, Object> answers = answers("one", .01);
        answers.put("probabilities", List.of(List.of(.5, .25, .25)));
        shorter.put("variants", List.of(answers));
        refused(shorter, "models/a.tflite in golden.json has not one answer a vector;");
    }

    @Test
    public void comparesWithTheLimitOfTheKernels() throws IOException {
        float[] second = {.25f, .25f, .5f};
        assertTrue(check("one", new float[] {.51f - 1e-4f, .375f, .125f}, second).withinTolerance);
        assertFalse(check("one", new float[] {.515f, .375f, .125f}, second).withinTolerance);
        assertTrue(check("two", new float[] {.515f, .375f, .125f}, second).withinTolerance);
        VariantCheck elsewhere = check("three", new float[] {.6f, .3f, .1f}, second);
        assertTrue(elsewhere.withinTolerance);
        assertEquals(.1, elsewhere.largestDifference, 1e-6);
        assertEquals(1, elsewhere.p95, 0);
    }

    @Test
    public void letsTheTopLabelChangeOnlyWhereItHardlyLeads() throws IOException {
        // The first vector leads by .125, which is allowed elsewhere, the second by .25; of equals the first is top.
        VariantCheck close = check("three", new float[] {.4f, .45f, .15f}, new float[] {.25f, .25f, .5f});
        assertEquals(.5, close.agreement, 0);
        assertTrue(close.withinTolerance);
        assertFalse(check("three", new float[] {.5f, .375f, .125f}, new float[] {.375f, .25f, .375f}).withinTolerance);
    }

    @Test
    public void findsNoAnswerEqualThatIsNoNumber() throws IOException {
        float[] second = {.25f, .25f, .5f};
        VariantCheck wrong = check("three", new float[] {Float.NaN, .375f, .125f}, second);
        assertFalse(wrong.withinTolerance);
        assertEquals(Double.MAX_VALUE, wrong.largestDifference, 0);
        assertFalse(check("three", new float[] {.5f, .375f}, second).withinTolerance);
    }
}
