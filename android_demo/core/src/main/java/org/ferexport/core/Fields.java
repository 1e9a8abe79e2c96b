package org.ferexport.core;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/** The fields of one JSON object, which must be exactly those expected; every misfit is a {@link BundleException}. */
final class Fields {
    private final Map<?, ?> values;
    private final String place;

    private Fields(Map<?, ?> values, String place) {
        this.values = values;
        this.place = place;
    }

    /** The object under `value`, with exactly the named fields. */
    static Fields of(Object value, String place, String... names) throws BundleException {
        if (!(value instanceof Map)) {
            throw BundleException.broken(place + " is no object of fields");
        }
        Map<?, ?> values = (Map<?, ?>) value;
        TreeSet<String> missing = new TreeSet<String>(Arrays.asList(names));
        TreeSet<String> foreign = new TreeSet<String>();
        for (Object name : values.keySet()) {
            if (!missing.remove(name)) {
                foreign.add((String) name);
            }
        }
        if (!missing.isEmpty()) {
            throw BundleException.broken(place + " lacks " + joined(missing));
        }
        if (!foreign.isEmpty()) {
            throw BundleException.broken(place + " has the foreign field " + joined(foreign));
        }
        return new Fields(values, place);
    }

    /** A whole document: its `format` and `version` are looked at first, for the clearer message. */
    static Fields document(Object value, String place, String format, long version, String... names)
            throws BundleException {
        return document(value, place, format, version, version, names);
    }

    /** A whole document of one of the versions from `oldest` to `newest`. */
    static Fields document(Object value, String place, String format, long oldest, long newest, String... names)
            throws BundleException {
        Map<?, ?> values = value instanceof Map ? (Map<?, ?>) value : null;
        if (values != null && !format.equals(values.get("format"))) {
            throw new BundleException(place + " is no " + format + "; give a folder made by `fer-export bundle`");
        }
        Object found = values != null ? values.get("version") : null;
        if (values != null && !(found instanceof Long && (Long) found >= oldest && (Long) found <= newest)) {
            throw new BundleException(place + " is of version " + found + " and this app reads "
                    + (oldest < newest ? "up to " : "") + newest + "; update the app, or make the bundle again with `fer-export bundle`");
        }
        String[] all = Arrays.copyOf(names, names.length + 2);
        all[names.length] = "format";
        all[names.length + 1] = "version";
        return of(value, place, all);
    }

    /** The field as it was read, null included. */
    Object any(String name) {
        return values.get(name);
    }

    String text(String name) throws BundleException {
        Object value = values.get(name);
        if (!(value instanceof String)) {
            throw misfit(name);
        }
        return (String) value;
    }

    int whole(String name) throws BundleException {
        return whole(values.get(name), name);
    }

    /** A whole number that cannot be below `least`. */
    int whole(String name, int least) throws BundleException {
        int value = whole(name);
        if (value < least) {
            throw misfit(name);
        }
        return value;
    }

    double number(String name) throws BundleException {
        return number(values.get(name), name);
    }

    List<?> list(String name) throws BundleException {
        Object value = values.get(name);
        if (!(value instanceof List)) {
            throw misfit(name);
        }
        return (List<?>) value;
    }

    Map<?, ?> object(String name) throws BundleException {
        Object value = values.get(name);
        if (!(value instanceof Map)) {
            throw misfit(name);
        }
        return (Map<?, ?>) value;
    }

    List<String> texts(String name) throws BundleException {
        List<String> result = new ArrayList<String>();
        for (Object value : list(name)) {
            if (!(value instanceof String)) {
                throw misfit(name);
            }
            result.add((String) value);
        }
        return result;
    }

    /** A list of exactly `length` whole numbers. */
    int[] wholes(String name, int length) throws BundleException {
        List<?> found = list(name);
        if (found.size() != length) {
            throw misfit(name);
        }
        int[] result = new int[length];
        for (int at = 0; at < length; at++) {
            result[at] = whole(found.get(at), name);
        }
        return result;
    }

    /** A list of rows of exactly `columns` numbers. */
    float[][] table(String name, int columns) throws BundleException {
        List<?> rows = list(name);
        float[][] result = new float[rows.size()][columns];
        for (int row = 0; row < result.length; row++) {
            if (!(rows.get(row) instanceof List) || ((List<?>) rows.get(row)).size() != columns) {
                throw misfit(name);
            }
            List<?> values = (List<?>) rows.get(row);
            for (int column = 0; column < columns; column++) {
                result[row][column] = (float) number(values.get(column), name);
            }
        }
        return result;
    }

    private int whole(Object value, String name) throws BundleException {
        if (!(value instanceof Long) || (Long) value != ((Long) value).intValue()) {
            throw misfit(name);
        }
        return ((Long) value).intValue();
    }

    private double number(Object value, String name) throws BundleException {
        if (!(value instanceof Long) && !(value instanceof Double)) {
            throw misfit(name);
        }
        return ((Number) value).doubleValue();
    }

    private BundleException misfit(String name) {
        return BundleException.broken(name + " of " + place + " is " + shown(values.get(name)));
    }

    private static String shown(Object value) {
        String text = String.valueOf(value);
        return text.length() > 60 ? text.substring(0, 60) + "..." : text;
    }

    private static String joined(Iterable<String> names) {
        StringBuilder result = new StringBuilder();
        for (String name : names) {
            result.append(result.length() == 0 ? "" : ", ").append(name);
        }
        return result.toString();
    }
}
