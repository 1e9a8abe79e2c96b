package org.ferexport.core;

import java.util.Iterator;
import java.util.List;
import java.util.Map;

/** Writes maps, lists, texts, numbers, booleans and null as JSON, two spaces a level. */
final class JsonWriter {
    private final StringBuilder out = new StringBuilder();

    private JsonWriter() {}

    /**
     * The document, ending in a line feed.
     *
     * @throws IllegalArgumentException for a value that JSON cannot hold, such as NaN
     */
    static String write(Map<String, ?> document) {
        JsonWriter writer = new JsonWriter();
        writer.value(document, "\n");
        return writer.out.append('\n').toString();
    }

    private void value(Object value, String line) {
        if (value instanceof Map) {
            object((Map<?, ?>) value, line);
        } else if (value instanceof List) {
            array((List<?>) value, line);
        } else if (value instanceof String) {
            string((String) value);
        } else if (value instanceof Double && (((Double) value).isNaN() || ((Double) value).isInfinite())) {
            throw new IllegalArgumentException("JSON has no " + value);
        } else if (value == null || value instanceof Boolean || isNumber(value)) {
            out.append(value);
        } else {
            throw new IllegalArgumentException("JSON has no " + value.getClass().getName());
        }
    }

    private static boolean isNumber(Object value) {
        return value instanceof Integer || value instanceof Long || value instanceof Double;
    }

    private void object(Map<?, ?> fields, String line) {
        out.append('{');
        String inner = line + "  ";
        Iterator<? extends Map.Entry<?, ?>> entries = fields.entrySet().iterator();
        while (entries.hasNext()) {
            Map.Entry<?, ?> entry = entries.next();
            out.append(inner);
            string((String) entry.getKey());
            out.append(": ");
            value(entry.getValue(), inner);
            out.append(entries.hasNext() ? "," : line);
        }
        out.append('}');
    }

    private void array(List<?> values, String line) {
        out.append('[');
        String inner = line + "  ";
        Iterator<?> elements = values.iterator();
        while (elements.hasNext()) {
            out.append(inner);
            value(elements.next(), inner);
            out.append(elements.hasNext() ? "," : line);
        }
        out.append(']');
    }

    private void string(String text) {
        out.append('"');
        for (int at = 0; at < text.length(); at++) {
            char one = text.charAt(at);
            if (one == '"' || one == '\\') {
                out.append('\\').append(one);
            } else if (one < ' ' || one > '~') {
                String digits = Integer.toHexString(one);
                out.append("\\u").append("0000", 0, 4 - digits.length()).append(digits);
            } else {
                out.append(one);
            }
        }
        out.append('"');
    }
}
