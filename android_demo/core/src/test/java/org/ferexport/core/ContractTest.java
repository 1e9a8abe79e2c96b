package org.ferexport.core;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.Test;

public class ContractTest {
    private static final String AGAIN = "; make the bundle again with `fer-export bundle`";

    private static Map<String, Object> document() throws IOException {
        return Vectors.castMap(Vectors.read().get("contract"));
    }

    private static String refusal(Map<String, Object> document) {
        return assertThrows(BundleException.class, () -> Contract.read(JsonWriter.write(document))).getMessage();
    }

    @Test
    public void readsEveryRule() throws IOException {
        Contract contract = Contract.read(JsonWriter.write(document()));
        assertEquals(Arrays.asList("angry", "happy", "neutral"), contract.labels);
        assertEquals(48, contract.size);
        assertEquals(1 << 16, 1 << contract.grey.shift);
        assertEquals(400, contract.merge.same);
        assertEquals(12, contract.merge.size);
        assertEquals(128, contract.detectors.get(0).size);
        assertEquals(896 * 2, BlazeFace.anchors(contract.detectors.get(0)).length);
        assertEquals(2304 * 2, BlazeFace.anchors(contract.detectors.get(1)).length);
    }

    @Test
    public void readsOlderVersions() throws IOException {
        Map<String, Object> document = document();
        document.put("merge", 300L);
        for (Object detector : (List<?>) document.get("detectors")) {
            Vectors.castMap(detector).remove("margin");
        }
        document.put("version", 2L);
        Contract second = Contract.read(JsonWriter.write(document));
        assertEquals(300, second.merge.cover);
        assertEquals(0, second.detectors.get(0).margin);
        for (Object detector : (List<?>) document.get("detectors")) {
            Vectors.castMap(detector).remove("windows");
        }
        assertEquals("detectors lacks windows" + AGAIN, refusal(document));
        document.put("version", 1L);
        assertEquals(1, Contract.read(JsonWriter.write(document)).detectors.get(1).windows);
    }

    @Test
    public void refusesAMarginThatLeavesNoPhoto() throws IOException {
        Map<String, Object> document = document();
        Vectors.castMap(((List<?>) document.get("detectors")).get(0)).put("margin", 401L);
        assertEquals("margin of detectors is 401" + AGAIN, refusal(document));
    }

    @Test
    public void namesTheMissingField() throws IOException {
        Map<String, Object> document = document();
        document.remove("merge");
        assertEquals("contract.json lacks merge" + AGAIN, refusal(document));
    }

    @Test
    public void namesTheForeignField() throws IOException {
        Map<String, Object> document = document();
        Vectors.castMap(document.get("crop")).put("margin", 1L);
        assertEquals("crop has the foreign field margin" + AGAIN, refusal(document));
    }

    @Test
    public void asksForAnUpdateWhereTheVersionIsNewer() throws IOException {
        Map<String, Object> document = document();
        document.put("version", 4L);
        document.put("unheard_of", 1L);
        assertEquals("contract.json is of version 4 and this app reads up to 3; update the app, or make the bundle again with"
                + " `fer-export bundle`", refusal(document));
    }

    @Test
    public void refusesAnotherDocument() throws IOException {
        Map<String, Object> document = document();
        document.put("format", "another");
        assertEquals("contract.json is no fer-export photo contract; give a folder made by `fer-export bundle`",
                refusal(document));
    }

    @Test
    public void refusesMisshapenFields() throws IOException {
        Object[][] wrong = {
            {"size", "48"}, {"size", 0L}, {"size", 48.5}, {"size", 1L << 40}, {"labels", 7L}, {"labels", List.of(1L)},
            {"labels", List.of()}, {"crop", List.of()}, {"detectors", Map.of()}, {"merge", true}, {"resize", "cubic"},
            {"input_type", "int8"}, {"output_type", "int8"}, {"input_name", null},
            {"grey", Map.of("red", 1L, "green", 1L, "blue", 1L, "shift", 16L)},
        };
        for (Object[] one : wrong) {
            Map<String, Object> document = document();
            document.put((String) one[0], one[1]);
            String message = refusal(document);
            assertEquals(message, 0, message.indexOf((String) one[0]));
        }
    }
}
