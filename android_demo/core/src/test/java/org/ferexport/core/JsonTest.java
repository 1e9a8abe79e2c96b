package org.ferexport.core;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.Test;

public class JsonTest {
    @Test
    public void readsEveryKindOfValue() throws BundleException {
        Object value = Json.read(" {\"a\": [1, -2.5e3, true, false, null, {}, []], \"é\\u00e9\\n\": \"\\\"\"} ", "x");
        assertEquals(Arrays.asList(1L, -2500.0, true, false, null, Map.of(), List.of()), ((Map<?, ?>) value).get("a"));
        assertEquals("\"", ((Map<?, ?>) value).get("éé\n"));
    }

    @Test
    public void refusesWhatIsNoDocument() {
        String[] wrong = {
            "", "{", "[1,]", "{\"a\":1,}", "{\"a\" 1}", "[1] 2", "NaN", "01", "1.", ".5", "-", "+1", "tru", "\"\t\"",
            "\"\\x\"", "\"\\u12g4\"", "'a'", "{a:1}", "1e999", "99999999999999999999", "[".repeat(100000), "// 1\n1",
        };
        for (String text : wrong) {
            BundleException refused = assertThrows(text, BundleException.class, () -> Json.read(text, "x.json"));
            assertEquals(refused.getMessage(), 0, refused.getMessage().indexOf("x.json is no JSON document"));
        }
    }

    @Test
    public void refusesAFieldGivenTwice() {
        BundleException refused =
                assertThrows(BundleException.class, () -> Json.read("{\"a\": 1, \"a\": 1}", "x.json"));
        assertEquals("x.json has the field a twice; make the bundle again with `fer-export bundle`",
                refused.getMessage());
    }

    @Test
    public void writesWhatItReads() throws BundleException {
        Map<String, Object> document = new LinkedHashMap<>();
        document.put("text", "a \"b\" \\ \n é \uD83D\uDE00");
        document.put("numbers", Arrays.asList(1L, -1.5, 1e-7, 123456789.123));
        document.put("others", Arrays.asList(true, null, Map.of("x", List.of())));
        assertEquals(document, Json.read(JsonWriter.write(document), "x"));
    }

    @Test
    public void writesNoNumberThatJsonLacks() {
        for (double value : new double[] {Double.NaN, Double.POSITIVE_INFINITY}) {
            assertThrows(IllegalArgumentException.class, () -> JsonWriter.write(Map.of("a", value)));
        }
    }
}
