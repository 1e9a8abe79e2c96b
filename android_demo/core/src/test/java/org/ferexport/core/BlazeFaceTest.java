package org.ferexport.core;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.junit.Test;

public class BlazeFaceTest {
    private static final int ANCHORS = 44;

    private static Contract.DetectorRule rule() throws IOException {
        return Vectors.contract((Map<?, ?>) Vectors.read().get("detector")).detectors.get(0);
    }

    /** The made-up outputs of vectors.py: regressors and scores. */
    private static float[][] outputs() {
        float[][] outputs = {new float[ANCHORS * 16], new float[ANCHORS]};
        for (int at = 0; at < ANCHORS; at++) {
            for (int which = 0; which < 16; which++) {
                outputs[0][at * 16 + which] = ((at * 13 + which * 7) % 19 - 4) / 2f;
            }
            outputs[1][at] = (at * 37 % 41 - 20) / 8f;
        }
        return outputs;
    }

    @Test
    public void decodesAndSuppressesAsPythonDoes() throws IOException {
        BlazeFace detector = new BlazeFace(rule());
        List<BlazeFace.Found> found = detector.suppressed(detector.decoded(outputs()));
        List<?> expected = (List<?>) ((Map<?, ?>) Vectors.read().get("detector")).get("faces");
        assertEquals(expected.size(), found.size());
        for (int at = 0; at < found.size(); at++) {
            BlazeFace.Found one = found.get(at);
            double[] values = {one.left, one.top, one.right, one.bottom, one.score};
            List<?> row = (List<?>) expected.get(at);
            double[] wanted = row.stream().mapToDouble(value -> ((Number) value).doubleValue()).toArray();
            assertArrayEquals(wanted, values, 1e-12);
        }
    }

    @Test
    public void mergesBoxesAboveTheOverlapOnly() throws IOException {
        BlazeFace detector = new BlazeFace(rule());
        BlazeFace.Found surest = new BlazeFace.Found(0, 0, 10, 1, .75);
        assertEquals(2, detector.suppressed(List.of(surest, new BlazeFace.Found(0, 0, 3, 1, .25))).size());
        List<BlazeFace.Found> merged = detector.suppressed(List.of(surest, new BlazeFace.Found(0, 0, 3.125, 1, .25)));
        assertEquals(1, merged.size());
        assertEquals(.75 * 10 + .25 * 3.125, merged.get(0).right, 1e-12);
        assertEquals(.75, merged.get(0).score, 0);
    }

    @Test
    public void takesOutputsInAnyOrder() throws IOException {
        BlazeFace detector = new BlazeFace(rule());
        float[][] outputs = outputs();
        int found = detector.decoded(outputs).size();
        assertTrue(found > 0);
        assertEquals(found, detector.decoded(new float[][] {outputs[1], outputs[0]}).size());
    }

    @Test
    public void extremeScoresStayWithinOne() throws IOException {
        float[][] outputs = outputs();
        java.util.Arrays.fill(outputs[1], Float.NEGATIVE_INFINITY);
        outputs[1][0] = Float.POSITIVE_INFINITY;
        outputs[1][1] = Float.NaN;
        outputs[0][2] = 4;
        outputs[0][3] = 4;
        List<BlazeFace.Found> found = new BlazeFace(rule()).decoded(outputs);
        assertEquals(1, found.size());
        assertEquals(1, found.get(0).score, 1e-12);
    }

    @Test
    public void refusesOutputsOfAnotherFile() throws IOException {
        BlazeFace detector = new BlazeFace(rule());
        float[][] foreign = {new float[10], new float[ANCHORS]};
        assertThrows(IllegalStateException.class, () -> detector.decoded(foreign));
    }
}
