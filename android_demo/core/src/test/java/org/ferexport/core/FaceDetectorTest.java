package org.ferexport.core;

import static org.junit.Assert.assertEquals;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.Test;

/** The detectors and the merging of contract version 2, with files that find what they are told. */
public class FaceDetectorTest {
    private static final int SIDE = 100;

    /** A contract whose detectors a.tflite and b.tflite have a grid of 2 x 2 anchors each; merge is 300. */
    private static Contract contract(long windows) throws IOException {
        Map<String, Object> document = Vectors.castMap(Vectors.read().get("contract"));
        List<Object> detectors = new ArrayList<>();
        for (String file : new String[] {"a.tflite", "b.tflite"}) {
            Map<String, Object> rule = new LinkedHashMap<>();
            rule.put("file", file);
            rule.put("sha256", "");
            rule.put("size", (long) SIDE);
            rule.put("windows", file.startsWith("b") ? windows : 1L);
            rule.put("grids", List.of(Map.of("cells", 2L, "anchors", 1L)));
            rule.put("threshold", 500L);
            rule.put("overlap", 300L);
            detectors.add(rule);
        }
        document.put("detectors", detectors);
        document.put("version", 2L);
        document.put("merge", 300L);
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

    private static String found(FaceModel first, FaceModel second) throws IOException {
        return found(1, first, second);
    }

    private static String found(long windows, FaceModel first, FaceModel second) throws IOException {
        Map<String, FaceModel> models = Map.of("a.tflite", first, "b.tflite", second);
        FaceDetector detector = new FaceDetector(contract(windows), models);
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
    public void looksAtEveryWindowAndKeepsEachFaceOnce() throws IOException {
        // Of two windows a side: 40 pixels of a window are 20 of the photo, and windows start at 0, 25 and 50.
        String everywhere = "b[5, 5, 25, 25] b[5, 30, 25, 50] b[5, 55, 25, 75] b[30, 5, 50, 25] b[30, 30, 50, 50]"
                + " b[30, 55, 50, 75] b[55, 5, 75, 25] b[55, 30, 75, 50] b[55, 55, 75, 75]";
        assertEquals(everywhere, found(2, finding(), finding(new Box(10, 10, 50, 50))));
        // Boxes of 40 cover those of the windows beside them, of which the first stay, as all are equally sure.
        assertEquals("b[5, 5, 45, 45] b[5, 55, 45, 95] b[30, 30, 70, 70] b[55, 5, 95, 45] b[55, 55, 95, 95]",
                found(2, finding(), finding(new Box(10, 10, 90, 90))));
        assertEquals("a[0, 0, 60, 60] b[5, 55, 25, 75] b[30, 55, 50, 75] b[55, 5, 75, 25] b[55, 30, 75, 50]"
                + " b[55, 55, 75, 75]", found(2, finding(new Box(0, 0, 60, 60)), finding(new Box(10, 10, 50, 50))));
    }

    @Test
    public void dropsABoxWhollyOutsideAndKeepsOneAcrossTheBorder() throws IOException {
        FaceModel first = finding(new Box(-15, 40, 5, 60), new Box(120, 40, 140, 60));
        assertEquals("a[-15, 40, 5, 60]", found(first, finding()));
    }
}
