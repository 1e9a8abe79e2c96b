package org.ferexport.core;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.Test;

/** The merging of every contract version, beside Python's. */
public class MergingTest {
    @Test
    public void makesTheFacesThatPythonMakes() throws IOException {
        List<?> cases = (List<?>) Vectors.read().get("merging");
        assertTrue(!cases.isEmpty());
        for (Object entry : cases) {
            Map<?, ?> expected = (Map<?, ?>) entry;
            int[] size = Vectors.wholes(expected.get("size"));
            List<List<Face>> found = new ArrayList<>();
            for (Object faces : (List<?>) expected.get("found")) {
                found.add(faces((List<?>) faces));
            }
            List<Face> merged = Merging.merged(found, size[0], size[1], Vectors.contract(expected));
            List<Face> wanted = faces((List<?>) expected.get("faces"));
            assertEquals(boxes(wanted), boxes(merged));
            for (int at = 0; at < wanted.size(); at++) {
                assertEquals(wanted.get(at).detector, merged.get(at).detector);
                assertEquals(wanted.get(at).score, merged.get(at).score, 1e-6);
            }
        }
    }

    private static List<Face> faces(List<?> documents) {
        List<Face> faces = new ArrayList<>();
        for (Object document : documents) {
            Map<?, ?> face = (Map<?, ?>) document;
            int[] box = Vectors.wholes(face.get("box"));
            double score = ((Number) face.get("score")).doubleValue();
            faces.add(new Face(new Box(box[0], box[1], box[2], box[3]), score, (String) face.get("detector")));
        }
        return faces;
    }

    private static List<Box> boxes(List<Face> faces) {
        List<Box> boxes = new ArrayList<>();
        for (Face face : faces) {
            boxes.add(face.box);
        }
        return boxes;
    }
}
