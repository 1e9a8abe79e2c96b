package org.ferexport.core;

import static org.junit.Assert.assertEquals;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.Test;

/** The merging of detectors, with files that find what they are told. */
public class FaceDetectorTest {
    private static final int SIDE = 100;

    /** A contract whose detectors a.tflite and b.tflite have a grid of 2 x 2 anchors each; merge is 300. */
    private static Contract contract() throws IOException {
        Map<String, Object> document = Vectors.castMap(Vectors.read().get("contract"));
        List<Object> detectors = new ArrayList<>();
        for (String file : new String[] {"a.tflite", "b.tflite"}) {
            Map<String, Object> rule = new LinkedHashMap<>();
            rule.put("file", file);
            rule.put("sha256", "");
            rule.put("size", (long) SIDE);
            rule.put("grids", List.of(Map.of("cells", 2L, "anchors", 1L)));
            rule.put("threshold", 500L);
            rule.put("overlap", 300L);
            detectors.add(rule);
        }
        document.put("detectors", detectors);
        return Contract.read(JsonWriter.write(document));
    }

    /** A file that finds up to four boxes of a picture of SIDE x SIDE pixels. */
    private static FaceModel finding(Box... boxes) {
        float[][] outputs = {new float[4 * 16], {-9, -9, -9, -9}};
        for (int at = 0; at < boxes.length; at++) {
            Box box = boxes[at];
            float[] values = {
                (box.left + box.right) / 2f - SIDE * (at % 2 + .5f) / 2,
                (box.top + box.bottom) / 2f - SIDE * (at / 2 + .5f) / 2,
                box.right - box.left,
                box.bottom - box.top,
            };
            System.arraycopy(values, 0, outputs[0], at * 16, values.length);
            outputs[1][at] = 9 - at;
        }
        return new FaceModel() {
            @Override
            public float[][] run(float[] image) {
                return outputs;
            }

            @Override
            public void close() {}
        };
    }

    private static String found(FaceModel... models) throws IOException {
        FaceDetector detector = new FaceDetector(contract(), Arrays.asList(models));
        StringBuilder result = new StringBuilder();
        for (Face face : detector.faces(Vectors.picture(SIDE, SIDE))) {
            result.append(face.detector.charAt(0)).append(face.box).append(' ');
        }
        return result.toString().trim();
    }

    @Test
    public void findsNothingWhereNobodyIs() throws IOException {
        assertEquals("", found(finding(), finding()));
    }

    @Test
    public void ordersByAreaThenFromTheLeftThenFromTheTop() throws IOException {
        Box large = new Box(60, 60, 90, 90);
        assertEquals("a[60, 60, 90, 90] a[10, 40, 20, 50] a[30, 10, 40, 20] a[30, 40, 40, 50]", found(
                finding(new Box(30, 40, 40, 50), new Box(30, 10, 40, 20), new Box(10, 40, 20, 50), large), finding()));
    }

    @Test
    public void dropsALaterDetectorsFaceThatAnEarlierOneFound() throws IOException {
        FaceModel first = finding(new Box(10, 10, 50, 50));
        // Up to 30 of the smaller box's 100 pixels may be shared.
        assertEquals("a[10, 10, 50, 50]", found(first, finding(new Box(20, 20, 30, 30))));
        assertEquals("a[10, 10, 50, 50] b[47, 20, 57, 30]", found(first, finding(new Box(47, 20, 57, 30))));
        assertEquals("a[10, 10, 50, 50]", found(first, finding(new Box(46, 20, 56, 30))));
    }

    @Test
    public void keepsFacesOfOneDetectorThatTouch() throws IOException {
        String both = "a[10, 10, 50, 50] a[30, 30, 40, 40]";
        assertEquals(both, found(finding(new Box(10, 10, 50, 50), new Box(30, 30, 40, 40)), finding()));
    }

    @Test
    public void dropsABoxWhollyOutsideAndKeepsOneAcrossTheBorder() throws IOException {
        FaceModel first = finding(new Box(-15, 40, 5, 60), new Box(120, 40, 140, 60));
        assertEquals("a[-15, 40, 5, 60]", found(first, finding()));
    }
}
