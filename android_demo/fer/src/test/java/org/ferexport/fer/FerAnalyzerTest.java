package org.ferexport.fer;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertSame;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import android.content.Context;
import android.graphics.Bitmap;
import android.graphics.BitmapFactory;
import android.graphics.Matrix;
import android.graphics.Rect;
import android.os.Looper;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.junit.Before;
import org.junit.Rule;
import org.junit.Test;
import org.junit.rules.TemporaryFolder;
import org.junit.runner.RunWith;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.annotation.Config;
import org.robolectric.annotation.GraphicsMode;
import org.robolectric.shadows.ShadowLooper;

/** The library as an app calls it, on the bundle that ships. */
@RunWith(RobolectricTestRunner.class)
@GraphicsMode(GraphicsMode.Mode.NATIVE)
@Config(sdk = 35)
public class FerAnalyzerTest {
    private static final String PORTRAIT = "golden/portrait.png";

    @Rule
    public final TemporaryFolder folder = new TemporaryFolder();

    private Context context;
    private Bitmap portrait;

    @Before
    public void read() throws IOException {
        context = RuntimeEnvironment.getApplication();
        try (InputStream file = context.getAssets().open("bundle/" + PORTRAIT)) {
            portrait = BitmapFactory.decodeStream(file);
        }
    }

    @Test
    public void everyVariantGivesTheGoldenAnswer() throws Exception {
        try (FerAnalyzer analyzer = FerAnalyzer.open(context)) {
            assertEquals(2, analyzer.getVariants().size());
            assertTrue(analyzer.getVariant().isPreferred());
            for (FerVariant variant : analyzer.getVariants()) {
                analyzer.setVariant(variant);
                assertGolden(variant, analyzer.analyse(portrait));
            }
        }
    }

    @Test
    public void facesSayWhatTheyHold() throws Exception {
        try (FerAnalyzer analyzer = FerAnalyzer.open(context)) {
            List<FerFace> faces = analyzer.analyse(portrait, 0);
            FerFace face = faces.get(0);
            assertEquals(analyzer.getLabels(), new ArrayList<>(face.getProbabilities().keySet()));
            float sum = 0;
            for (Map.Entry<String, Float> each : face.getProbabilities().entrySet()) {
                sum += each.getValue();
            }
            // An int8 file answers in steps of 1/256, each rounded on its own.
            assertEquals(1, sum, analyzer.getLabels().size() / 512f + 1e-4f);
            assertSame(face.getEmotions().get(0), face.getEmotion());
            assertEquals("neutral", face.getEmotion().getLabel());
            assertEquals("neutral", face.getEmotion().getName(context));
            assertTrue(face.getScore() > 0.5f && face.getScore() <= 1);
            face.getBox().offset(100, 100);
            assertEquals(Results.goldenBox(context, PORTRAIT), face.getBox());
            assertThrows(UnsupportedOperationException.class, () -> faces.add(face));
            assertTrue(analyzer.measure(faces) > 0);
            assertThrows(IllegalArgumentException.class, () -> analyzer.measure(Collections.emptyList()));
        }
    }

    @Test
    public void everyRotationFindsTheSameFace() throws Exception {
        try (FerAnalyzer analyzer = FerAnalyzer.open(context)) {
            for (int rotation = 0; rotation < 360; rotation += 90) {
                Matrix back = new Matrix();
                back.setRotate(-rotation);
                Bitmap turned = Bitmap.createBitmap(
                        portrait, 0, 0, portrait.getWidth(), portrait.getHeight(), back, false);
                assertGolden(analyzer.getVariant(), analyzer.analyse(turned, rotation));
            }
            assertThrows(IllegalArgumentException.class, () -> analyzer.analyse(portrait, 45));
            assertThrows(IllegalArgumentException.class, () -> analyzer.analyseAsync(portrait, -90, new Answer()));
        }
    }

    @Test
    public void aFrameGivesWhatItsPictureGives() throws Exception {
        try (FerAnalyzer analyzer = FerAnalyzer.open(context)) {
            for (int rotation = 0; rotation < 360; rotation += 90) {
                FerFrame frame = Frames.of(portrait, rotation);
                assertEquals(portrait.getWidth(), frame.getWidth());
                assertEquals(portrait.getHeight(), frame.getHeight());
                List<FerFace> ofFrame = analyzer.analyse(frame);
                List<FerFace> ofPicture = analyzer.analyse(frame.toBitmap());
                assertEquals(ofPicture.toString(), ofFrame.toString());
                assertEquals(ofPicture.get(0).getProbabilities(), ofFrame.get(0).getProbabilities());
                assertEquals("neutral", ofFrame.get(0).getEmotion().getLabel());
            }
        }
    }

    @Test
    public void answersOnTheMainThreadAndNotAfterClose() throws Exception {
        Answer answer = new Answer();
        Answer late = new Answer();
        FerAnalyzer analyzer = FerAnalyzer.open(context);
        analyzer.analyseAsync(portrait, 0, answer);
        await(answer);
        assertGolden(analyzer.getVariant(), answer.faces.get());
        assertSame(Looper.getMainLooper(), answer.looper);
        analyzer.analyseAsync(Frames.of(portrait, 90), late);
        analyzer.close();
        analyzer.close();
        Thread.sleep(500);
        ShadowLooper.idleMainLooper();
        assertFalse("answered after close", late.done());
        FerException.Closed closed = assertThrows(FerException.Closed.class, () -> analyzer.analyse(portrait));
        assertEquals("The analysis was ended before.", closed.getSentence(context));
        assertThrows(IllegalStateException.class, () -> analyzer.analyseAsync(portrait, 0, late));
    }

    @Test
    public void severalThreadsGetTheSameAnswers() throws Exception {
        try (FerAnalyzer analyzer = FerAnalyzer.open(context)) {
            List<String> answers = Collections.synchronizedList(new ArrayList<>());
            List<Thread> threads = new ArrayList<>();
            for (int count = 0; count < 4; count++) {
                Thread thread = new Thread(() -> {
                    try {
                        answers.add(analyzer.analyse(portrait).toString());
                    } catch (FerException failed) {
                        answers.add(failed.toString());
                    }
                });
                threads.add(thread);
                thread.start();
            }
            for (Thread thread : threads) {
                thread.join();
            }
            assertEquals(Collections.nCopies(4, analyzer.analyse(portrait).toString()), answers);
        }
    }

    @Test
    public void opensABundleInAFolder() throws Exception {
        File bundle = copied();
        try (FerAnalyzer analyzer = FerAnalyzer.open(bundle)) {
            assertGolden(analyzer.getVariant(), analyzer.analyse(portrait));
            FerCheck check = analyzer.check((step, steps) -> assertTrue(step <= steps));
            assertTrue(check.isPassed());
            assertEquals(2, check.getVariants().size());
            assertTrue(check.toJson().contains("fer-export device check"));
        }
    }

    @Test
    public void offersTheVariantsThatTheAppKept() throws Exception {
        File bundle = copied();
        String left;
        try (FerAnalyzer all = FerAnalyzer.open(bundle)) {
            left = all.getVariants().get(1).getFile();
            assertTrue(new File(bundle, left).delete());
            try (FerAnalyzer fewer = FerAnalyzer.open(bundle)) {
                assertEquals(1, fewer.getVariants().size());
                assertGolden(fewer.getVariant(), fewer.analyse(portrait));
                assertEquals(1, fewer.check((step, steps) -> { }).getVariants().size());
                assertThrows(IllegalArgumentException.class, () -> fewer.setVariant(all.getVariants().get(1)));
            }
        }
    }

    @Test
    public void explainsABrokenBundle() throws Exception {
        FerException.Bundle none = assertThrows(
                FerException.Bundle.class, () -> FerAnalyzer.open(folder.newFolder("empty")));
        assertTrue(none.getMessage(), none.getMessage().contains("has no manifest.json"));
        String sentence = none.getSentence(context);
        assertTrue(sentence, sentence.startsWith("The app cannot work without its models: "));
        assertThrows(FerException.Bundle.class, () -> FerAnalyzer.open(context, "elsewhere"));
        File bundle = copied();
        for (FerVariant variant : FerAnalyzer.open(context).getVariants()) {
            Files.write(new File(bundle, variant.getFile()).toPath(), new byte[] {1, 2, 3});
        }
        try (FerAnalyzer changed = FerAnalyzer.open(bundle)) {
            FerException.Bundle told = assertThrows(FerException.Bundle.class, () -> changed.analyse(portrait));
            assertTrue(told.getMessage(), told.getMessage().contains("is not the manifest's file"));
            Answer answer = new Answer();
            changed.analyseAsync(portrait, 0, answer);
            await(answer);
            assertTrue(String.valueOf(answer.error.get()), answer.error.get() instanceof FerException.Bundle);
        }
        for (FerVariant variant : FerAnalyzer.open(context).getVariants()) {
            assertTrue(new File(bundle, variant.getFile()).delete());
        }
        FerException.Bundle bare = assertThrows(FerException.Bundle.class, () -> FerAnalyzer.open(bundle));
        assertTrue(bare.getMessage(), bare.getMessage().contains("has no .tflite file"));
    }

    @Test
    @Config(qualifiers = "fr")
    public void speaksFrench() throws Exception {
        try (FerAnalyzer analyzer = FerAnalyzer.open(context)) {
            assertEquals("neutre", analyzer.analyse(portrait).get(0).getEmotion().getName(context));
        }
        FerException none = assertThrows(FerException.class, () -> FerAnalyzer.open(context, "elsewhere"));
        assertTrue(none.getSentence(context).startsWith("L’application ne peut rien sans ses modèles"));
        assertEquals("boredom", new FerEmotion("boredom", 1).getName(context));
        assertEquals("mépris", new FerEmotion("Contempt", 1).getName(context));
    }

    @Test
    public void steadiesTheSameFaceAndNoOther() {
        FerSmoother smoother = new FerSmoother(0.5f);
        Rect place = new Rect(0, 0, 100, 100);
        FerFace angry = Results.face(place, 1, 0, 0, 0, 0, 0, 0);
        FerFace happy = Results.face(new Rect(10, 0, 110, 100), 0, 0, 0, 1, 0, 0, 0);
        FerFace apart = Results.face(new Rect(300, 0, 400, 100), 0, 0, 0, 0, 0, 0, 1);
        assertEquals(1, probability(smoother.smooth(List.of(angry)).get(0), "angry"), 0);
        List<FerFace> next = smoother.smooth(List.of(apart, happy));
        assertEquals(1, probability(next.get(0), "neutral"), 0);
        assertEquals(0.5, probability(next.get(1), "angry"), 1e-6);
        assertEquals(0.5, probability(next.get(1), "happy"), 1e-6);
        assertEquals(happy.getBox(), next.get(1).getBox());
        assertEquals(0.75, probability(smoother.smooth(List.of(happy)).get(0), "happy"), 1e-6);
        assertEquals(List.of(), smoother.smooth(List.of()));
        assertEquals(1, probability(smoother.smooth(List.of(angry)).get(0), "angry"), 0);
        smoother.reset();
        assertEquals(1, probability(smoother.smooth(List.of(happy)).get(0), "happy"), 0);
        for (float wrong : new float[] {0, 1.1f, Float.NaN}) {
            assertThrows(IllegalArgumentException.class, () -> new FerSmoother(wrong));
        }
    }

    @Test
    public void oneFormerFaceCountsForOneFaceOnly() {
        FerSmoother smoother = new FerSmoother(0.5f);
        FerFace angry = Results.face(new Rect(0, 0, 100, 100), 1, 0, 0, 0, 0, 0, 0);
        FerFace near = Results.face(new Rect(5, 0, 105, 100), 0, 0, 0, 1, 0, 0, 0);
        FerFace nearToo = Results.face(new Rect(20, 0, 120, 100), 0, 0, 0, 1, 0, 0, 0);
        smoother.smooth(List.of(angry));
        List<FerFace> two = smoother.smooth(List.of(near, nearToo));
        assertEquals(0.5, probability(two.get(0), "happy"), 1e-6);
        assertEquals(1, probability(two.get(1), "happy"), 0);
    }

    private static float probability(FerFace face, String label) {
        return face.getProbabilities().get(label);
    }

    private void assertGolden(FerVariant variant, List<FerFace> faces) throws IOException {
        assertEquals(1, faces.size());
        assertEquals(Results.goldenBox(context, PORTRAIT), faces.get(0).getBox());
        assertEquals(Results.golden(context, PORTRAIT, variant).toString(), faces.get(0).getEmotions().toString());
    }

    private File copied() throws IOException {
        Path from = new File("../app/src/main/assets/bundle").toPath();
        Path to = folder.newFolder().toPath();
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : (Iterable<Path>) files::iterator) {
                if (Files.isRegularFile(file)) {
                    Path target = to.resolve(from.relativize(file).toString());
                    Files.createDirectories(target.getParent());
                    Files.copy(file, target);
                }
            }
        }
        return to.toFile();
    }

    private static void await(Answer answer) {
        long end = System.currentTimeMillis() + 30_000;
        while (!answer.done()) {
            assertTrue("no answer in time", System.currentTimeMillis() < end);
            ShadowLooper.idleMainLooper();
            Thread.yield();
        }
    }

    private static final class Answer implements FerCallback {
        private final AtomicReference<List<FerFace>> faces = new AtomicReference<>();
        private final AtomicReference<FerException> error = new AtomicReference<>();
        private Looper looper;

        boolean done() {
            return faces.get() != null || error.get() != null;
        }

        @Override
        public void onFaces(List<FerFace> found) {
            looper = Looper.myLooper();
            faces.set(found);
        }

        @Override
        public void onError(FerException why) {
            error.set(why);
        }
    }
}
