package org.ferexport.core;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A strict reader of JSON (RFC 8259): no trailing text, no duplicate names, no comments, no NaN.
 *
 * <p>Objects become {@code Map<String, Object>} in the document's order, arrays {@code List<Object>}, whole numbers
 * {@code Long}, other numbers {@code Double}, and null is Java's.
 */
public final class Json {
    private static final int DEEPEST = 64;

    private final String text;
    private final String place;
    private int at;

    private Json(String text, String place) {
        this.text = text;
        this.place = place;
    }

    /**
     * The value that the text holds.
     *
     * @param place the document's name, for the message
     * @throws BundleException where the text is no JSON document
     */
    public static Object read(String text, String place) throws BundleException {
        Json reader = new Json(text, place);
        Object value = reader.value(0);
        reader.space();
        if (reader.at < text.length()) {
            throw reader.wrong();
        }
        return value;
    }

    private Object value(int depth) throws BundleException {
        space();
        if (depth > DEEPEST) {
            throw wrong();
        }
        switch (peek()) {
            case '{':
                return object(depth);
            case '[':
                return array(depth);
            case '"':
                return string();
            case 't':
                return word("true", Boolean.TRUE);
            case 'f':
                return word("false", Boolean.FALSE);
            case 'n':
                return word("null", null);
            default:
                return number();
        }
    }

    private Map<String, Object> object(int depth) throws BundleException {
        Map<String, Object> fields = new LinkedHashMap<String, Object>();
        at++;
        space();
        if (taken('}')) {
            return fields;
        }
        do {
            space();
            String name = string();
            space();
            expect(':');
            Object value = value(depth + 1);
            if (fields.containsKey(name)) {
                throw BundleException.broken(place + " has the field " + name + " twice");
            }
            fields.put(name, value);
            space();
        } while (taken(','));
        expect('}');
        return fields;
    }

    private List<Object> array(int depth) throws BundleException {
        List<Object> values = new ArrayList<Object>();
        at++;
        space();
        if (taken(']')) {
            return values;
        }
        do {
            values.add(value(depth + 1));
            space();
        } while (taken(','));
        expect(']');
        return values;
    }

    private String string() throws BundleException {
        expect('"');
        StringBuilder result = new StringBuilder();
        while (peek() != '"') {
            char read = text.charAt(at++);
            if (read < ' ') {
                throw wrong();
            }
            result.append(read == '\\' ? escaped() : read);
        }
        at++;
        return result.toString();
    }

    private char escaped() throws BundleException {
        char read = peek();
        at++;
        switch (read) {
            case '"':
            case '\\':
            case '/':
                return read;
            case 'b':
                return '\b';
            case 'f':
                return '\f';
            case 'n':
                return '\n';
            case 'r':
                return '\r';
            case 't':
                return '\t';
            case 'u':
                int code = 0;
                for (int digit = 0; digit < 4; digit++) {
                    int value = Character.digit(peek(), 16);
                    if (value < 0) {
                        throw wrong();
                    }
                    code = code * 16 + value;
                    at++;
                }
                return (char) code;
            default:
                throw wrong();
        }
    }

    private Object number() throws BundleException {
        int start = at;
        taken('-');
        if (!taken('0')) {
            digits();
        }
        boolean whole = true;
        if (taken('.')) {
            digits();
            whole = false;
        }
        if (taken('e') || taken('E')) {
            if (!taken('+')) {
                taken('-');
            }
            digits();
            whole = false;
        }
        String token = text.substring(start, at);
        try {
            if (whole) {
                return Long.valueOf(token);
            }
        } catch (NumberFormatException tooLarge) {
            throw wrong();
        }
        double value = Double.parseDouble(token);
        if (Double.isInfinite(value)) {
            throw wrong();
        }
        return value;
    }

    private void digits() throws BundleException {
        int start = at;
        while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
            at++;
        }
        if (at == start) {
            throw wrong();
        }
    }

    private Object word(String word, Object value) throws BundleException {
        if (!text.startsWith(word, at)) {
            throw wrong();
        }
        at += word.length();
        return value;
    }

    private void space() {
        while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
            at++;
        }
    }

    private boolean taken(char wanted) {
        boolean there = at < text.length() && text.charAt(at) == wanted;
        if (there) {
            at++;
        }
        return there;
    }

    private void expect(char wanted) throws BundleException {
        if (!taken(wanted)) {
            throw wrong();
        }
    }

    private char peek() throws BundleException {
        if (at >= text.length()) {
            throw wrong();
        }
        return text.charAt(at);
    }

    private BundleException wrong() {
        return BundleException.broken(place + " is no JSON document (character " + at + ")");
    }
}
