package org.ferexport.core;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.Test;

/** Which runs of a network count, with networks that are slow where a real one may be. */
public class LatencyTest {
    private static final int SLOW = 300;

    /** Answers at once but for some of its runs, counted from 0; keeps what it was given. */
    private static final class Slow implements EmotionModel {
        private final List<Integer> slow;
        private final EmotionModel model;
        private final List<byte[]> given = new ArrayList<>();

        Slow(EmotionModel model, List<Integer> slow) {
            this.model = model;
            this.slow = slow;
        }

        @Override
        public float[] run(byte[] gray) {
            if (slow.contains(given.size())) {
                pause();
            }
            given.add(gray);
            return model == null ? new float[7] : model.run(gray);
        }

        private static void pause() {
            try {
                Thread.sleep(SLOW);
            } catch (InterruptedException stopped) {
                throw new IllegalStateException(stopped);
            }
        }

        @Override
        public void close() {
            if (model != null) {
                model.close();
            }
        }
    }

    @Test
    public void percentilesLieBetweenTheTwoNearest() {
        Latency latency = new Latency(new long[] {4_000_000, 1_000_000, 3_000_000, 2_000_000});
        assertEquals(2.5, latency.milliseconds(50), 0);
        assertEquals(3.85, latency.milliseconds(95), 1e-9);
        assertEquals(7e-5, new Latency(new long[] {70}).milliseconds(95), 0);
    }

    @Test
    public void runsTheInputsInTurn() {
        Slow model = new Slow(null, List.of());
        Latency.of(model, List.of(new byte[] {1}, new byte[] {2}, new byte[] {3}), 2, 3);
        assertEquals(5, model.given.size());
        for (int at = 0; at < 5; at++) {
            assertArrayEquals(new byte[] {(byte) (at % 3 + 1)}, model.given.get(at));
        }
    }

    @Test
    public void countsNoRunOfTheWarmUpAndEveryOther() {
        List<byte[]> input = List.of(new byte[1]);
        assertTrue(Latency.of(new Slow(null, List.of(0, 1)), input, 2, 3).milliseconds(100) < SLOW);
        assertTrue(Latency.of(new Slow(null, List.of(2)), input, 2, 3).milliseconds(100) >= SLOW);
        assertTrue(Latency.of(new Slow(null, List.of(4)), input, 2, 3).milliseconds(100) >= SLOW);
    }

    @Test
    public void pipelineLeavesOutTheColdRunAndAnInterruptedOne() throws IOException {
        Bundle bundle = Bundle.open(new Folder(Setting.bundle()));
        LiteRt desktop = new LiteRt(Setting.library(), true);
        List<Slow> loaded = new ArrayList<>();
        ModelRuntime slow = new RuntimeOf(desktop) {
            @Override
            public EmotionModel emotions(byte[] file) throws IOException {
                loaded.add(new Slow(super.emotions(file), List.of(0, 1, 6)));
                return loaded.get(loaded.size() - 1);
            }
        };
        Picture photo = new PngReader().decode(bundle.read("golden/portrait.png"));
        try (Pipeline pipeline = new Pipeline(bundle, bundle.manifest.preferred, slow)) {
            for (int load = 1; load <= 2; load++) {
                List<Prediction> faces = pipeline.predict(photo);
                assertEquals(1, faces.size());
                double latency = pipeline.latency(faces);
                assertTrue(latency + " ms", latency > 0 && latency < SLOW);
                Slow model = loaded.get(loaded.size() - 1);
                assertEquals("one run answers, three warm up, nine are timed", 13, model.given.size());
                assertArrayEquals(faces.get(0).gray, model.given.get(12));
                pipeline.use(bundle.manifest.preferred);
                assertEquals(load + 1, loaded.size());
            }
        }
    }
}
