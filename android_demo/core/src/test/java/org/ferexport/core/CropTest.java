package org.ferexport.core;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.Test;

public class CropTest {
    @Test
    public void cropsAreTheVeryBytesOfPython() throws IOException {
        Map<?, ?> document = Vectors.read();
        Contract contract = Vectors.contract(document);
        for (Object entry : (List<?>) document.get("crops")) {
            Map<?, ?> expected = (Map<?, ?>) entry;
            int[] size = Vectors.wholes(expected.get("size"));
            int[] edges = Vectors.wholes(expected.get("box"));
            Picture picture = Vectors.picture(size[0], size[1]);
            Box box = new Box(edges[0], edges[1], edges[2], edges[3]);
            Square square = Crop.square(box, size[0], size[1], contract.crop);
            assertEquals(entry.toString(), expected.get("square").toString(), square.toString());
            byte[] gray = Crop.face(picture, square, contract);
            assertEquals(entry.toString(), expected.get("sha256"), Hash.sha256(gray));
        }
    }

    @Test
    public void letterboxesAreTheVeryBytesOfPython() throws IOException {
        for (Object entry : (List<?>) Vectors.read().get("letterboxes")) {
            Map<?, ?> expected = (Map<?, ?>) entry;
            int[] size = Vectors.wholes(expected.get("size"));
            int side = ((Long) expected.get("side")).intValue();
            int border = ((Long) expected.get("border")).intValue();
            Letterbox letterbox = new Letterbox(Vectors.picture(size[0], size[1]), side, border);
            int[] place = {letterbox.left, letterbox.top, letterbox.width, letterbox.height};
            assertArrayEquals(entry.toString(), Vectors.wholes(expected.get("place")), place);
            assertEquals(entry.toString(), expected.get("sha256"), Hash.sha256(letterbox.bytes()));
        }
    }

    @Test
    public void windowsAreThoseOfPython() throws IOException {
        for (Object entry : (List<?>) Vectors.read().get("windows")) {
            Map<?, ?> expected = (Map<?, ?>) entry;
            int[] size = Vectors.wholes(expected.get("size"));
            int count = ((Long) expected.get("windows")).intValue();
            List<Object> places = new ArrayList<>();
            for (Letterbox.Window each : new Letterbox(Vectors.picture(size[0], size[1]), count * 16, 0).windows(16)) {
                places.add(List.of((long) each.fromLeft, (long) each.fromTop));
            }
            assertEquals(entry.toString(), expected.get("places"), places);
        }
    }

    @Test
    public void aWindowIsAPartOfTheLetterbox() {
        Letterbox letterbox = new Letterbox(Vectors.picture(64, 40), 32, 0);
        byte[] bytes = letterbox.bytes();
        Letterbox.Window middle = letterbox.windows(16).get(4);
        float[] input = middle.input();
        for (int at = 0; at < input.length; at++) {
            int from = ((middle.fromTop + at / 48) * 32 + middle.fromLeft) * 3 + at % 48;
            assertEquals((bytes[from] & 255) / 127.5f - 1, input[at], 0);
        }
        // 8 of 32 pixels to the right and 8 - 6 of 20 down, twice as large in the photo.
        assertEquals(16, middle.x(0));
        assertEquals(4, middle.y(0));
    }

    @Test
    public void detectorInputRunsFromMinusOneToOne() {
        int[] pixels = {0xFF00FF80};
        float[] input = new Letterbox(new PixelPicture(1, 1, pixels), 1, 0).windows(1).get(0).input();
        assertArrayEquals(new float[] {-1, 1, 128 / 127.5f - 1}, input, 0);
    }

    @Test
    public void positionsInTheLetterboxBecomePixelsOfThePhoto() {
        Letterbox.Window letterbox = new Letterbox(Vectors.picture(200, 100), 100, 0).windows(100).get(0);
        assertEquals(0, letterbox.x(0));
        assertEquals(200, letterbox.x(1));
        assertEquals(-50, letterbox.y(0));
        assertEquals(50, letterbox.y(0.5));
        // A half is rounded up, below zero too.
        assertEquals(3, letterbox.x(0.0125));
        assertEquals(-2, letterbox.x(-0.0125));
    }

    @Test
    public void areaAverageRoundsAHalfUp() {
        AreaAverage.Rows row = (at, values) -> System.arraycopy(new int[] {0, 1, 10, 20, 255, 255}, 0, values, 0, 6);
        assertArrayEquals(new byte[] {1, 15, (byte) 255}, new AreaAverage(row, 6, 1, 1, 3, 1).average());
        assertArrayEquals(new byte[] {4, (byte) 177}, new AreaAverage(row, 6, 1, 1, 2, 1).average());
    }

    @Test
    public void largePhotoIsReadRowByRow() throws IOException {
        Contract contract = Vectors.contract(Vectors.read());
        Picture wide = new Picture() {
            @Override
            public int width() {
                return 6_000;
            }

            @Override
            public int height() {
                return 6_000;
            }

            @Override
            public void read(int row, int left, int count, int[] pixels) {
                java.util.Arrays.fill(pixels, 0, count, 0xFFFFFF);
            }
        };
        Square square = Crop.square(new Box(-100_000, 0, 100_000, 1), 6_000, 6_000, contract.crop);
        assertEquals(new Square(0, 0, 6_000), square);
        for (byte level : Crop.face(wide, square, contract)) {
            assertEquals(255, level & 255);
        }
    }
}
