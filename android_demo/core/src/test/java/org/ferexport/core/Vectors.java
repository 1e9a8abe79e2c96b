package org.ferexport.core;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/** What Python computed for made-up pictures: src/test/resources/vectors.json, written by vectors.py beside it. */
final class Vectors {
    private Vectors() {}

    /** The whole document. */
    static Map<?, ?> read() throws IOException {
        try (InputStream stream = Vectors.class.getResourceAsStream("/vectors.json")) {
            ByteArrayOutputStream content = new ByteArrayOutputStream();
            stream.transferTo(content);
            return (Map<?, ?>) Json.read(content.toString(StandardCharsets.UTF_8), "vectors.json");
        }
    }

    /** A contract that lies under a name of an object. */
    static Contract contract(Map<?, ?> document) throws IOException {
        return Contract.read(JsonWriter.write(castMap(document.get("contract"))));
    }

    /** The picture that vectors.py calls by its size. */
    static Picture picture(int width, int height) {
        int[] pixels = new int[width * height];
        for (int at = 0; at < pixels.length; at++) {
            int x = at % width;
            int y = at / width;
            int red = x * x * 3 + y * 7 + x * y;
            pixels[at] = (red & 255) << 16 | (red + 85 & 255) << 8 | (red + 170 & 255);
        }
        return new PixelPicture(width, height, pixels);
    }

    static int[] wholes(Object list) {
        return ((List<?>) list).stream().mapToInt(value -> ((Long) value).intValue()).toArray();
    }

    @SuppressWarnings("unchecked")
    static Map<String, Object> castMap(Object map) {
        return (Map<String, Object>) map;
    }
}
