package org.ferexport.app;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import android.app.Activity;
import android.content.Intent;
import android.graphics.Bitmap;
import android.graphics.BitmapFactory;
import android.graphics.Canvas;
import android.graphics.RectF;
import android.view.View;
import android.view.ViewGroup;
import android.widget.Spinner;
import android.widget.TextView;
import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Collections;
import java.util.List;
import org.ferexport.core.Box;
import org.ferexport.core.Bundle;
import org.ferexport.core.Prediction;
import org.ferexport.core.Results;
import org.ferexport.core.SelfCheck;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.Robolectric;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.Shadows;
import org.robolectric.android.controller.ActivityController;
import org.robolectric.annotation.Config;
import org.robolectric.annotation.GraphicsMode;
import org.robolectric.shadows.ShadowLooper;

/** The screens with results put in, also drawn to target/screens for the eye. */
@RunWith(RobolectricTestRunner.class)
@GraphicsMode(GraphicsMode.Mode.NATIVE)
@Config(sdk = 35, qualifiers = "en-w360dp-h740dp-xhdpi")
public class ScreensTest {
    private static final List<Prediction> NO_FACES = Collections.emptyList();
    private static final List<Prediction> ONE = List.of(Results.prediction(
            new Box(84, 72, 183, 171), 0.01f, 0, 0.02f, 0.81f, 0.03f, 0.04f, 0.09f));
    private static final List<Prediction> SEVERAL = List.of(
            Results.prediction(new Box(53, 70, 156, 173), 0.02f, 0, 0.04f, 0.02f, 0.11f, 0.02f, 0.79f),
            Results.prediction(new Box(237, 100, 332, 194), 0.01f, 0, 0.02f, 0.02f, 0.03f, 0.88f, 0.04f),
            Results.prediction(new Box(387, 132, 443, 189), 0.02f, 0, 0.2f, 0.02f, 0.61f, 0.02f, 0.13f));

    @Test
    public void startsWithWhatToDo() throws IOException {
        try (ActivityController<MainActivity> controller = main()) {
            MainActivity activity = controller.get();
            assertText(activity, R.id.status, "Choose a photo or take one. It stays on this phone.");
            assertEquals(View.GONE, activity.findViewById(R.id.bars).getVisibility());
            assertEquals(2, ((Spinner) activity.findViewById(R.id.variants)).getCount());
            draw(activity, "start");
        }
    }

    @Test
    public void showsTheEmotionsOfOneFace() throws IOException {
        try (ActivityController<MainActivity> controller = main()) {
            MainActivity activity = controller.get();
            show(activity, "portrait.png", ONE);
            assertText(activity, R.id.status, "1 face found.");
            assertText(activity, R.id.latency, "Whole photo analysed in 42 ms");
            assertEquals(7, bars(activity).rows());
            assertTrue(bars(activity).getContentDescription().toString().startsWith("happiness 81%, neutral 9%"));
            assertEquals("int8, 1.3 ms per face", variants(activity).getSelectedItem());
            draw(activity, "one");
        }
    }

    @Test
    public void selectsTheFaceThatIsTouched() throws IOException {
        try (ActivityController<MainActivity> controller = main()) {
            MainActivity activity = controller.get();
            show(activity, "several.png", SEVERAL);
            assertText(activity, R.id.status, "3 faces found. Touch a face to see its emotions.");
            PhotoView photo = activity.findViewById(R.id.photo);
            draw(activity, "several");
            RectF second = photo.onScreen(SEVERAL.get(1).face.box);
            assertEquals(1, photo.faceAt(second.centerX(), second.centerY()));
            assertEquals(-1, photo.faceAt(1, 1));
            photo.performClick();
            assertEquals("Photo with 3 faces. Face 2 selected: surprise 88%", photo.getContentDescription());
            assertTrue(bars(activity).getContentDescription().toString().startsWith("surprise 88%"));
            draw(activity, "several-second");
        }
    }

    @Test
    public void explainsAPhotoWithoutFaces() throws IOException {
        try (ActivityController<MainActivity> controller = main()) {
            MainActivity activity = controller.get();
            show(activity, "no-face.png", NO_FACES);
            assertTrue(text(activity, R.id.status).startsWith("No face found."));
            assertEquals(View.GONE, bars(activity).getVisibility());
            draw(activity, "no-face");
        }
    }

    @Test
    @Config(qualifiers = "fr-w360dp-h740dp-xhdpi")
    public void speaksFrench() throws IOException {
        try (ActivityController<MainActivity> controller = main()) {
            MainActivity activity = controller.get();
            show(activity, "portrait.png", ONE);
            assertText(activity, R.id.status, "1 visage trouvé.");
            assertTrue(bars(activity).getContentDescription().toString().startsWith("joie 81\u00a0%, neutre 9\u00a0%"));
            draw(activity, "french");
        }
    }

    @Test
    @Config(qualifiers = "en-w360dp-h740dp-night-xhdpi")
    public void isDarkAtNight() throws IOException {
        try (ActivityController<MainActivity> controller = main()) {
            MainActivity activity = controller.get();
            show(activity, "several.png", SEVERAL);
            assertEquals(0xFF121414, draw(activity, "night").getPixel(2, 2));
        }
    }

    @Test
    @Config(qualifiers = "en-w740dp-h360dp-land-xhdpi")
    public void putsThePhotoBesideTheBarsInLandscape() throws IOException {
        try (ActivityController<MainActivity> controller = main()) {
            MainActivity activity = controller.get();
            show(activity, "portrait.png", ONE);
            draw(activity, "landscape");
            int[] photo = new int[2];
            int[] bars = new int[2];
            activity.findViewById(R.id.photo).getLocationInWindow(photo);
            bars(activity).getLocationInWindow(bars);
            assertTrue(bars[0] >= photo[0] + activity.findViewById(R.id.photo).getWidth());
        }
    }

    @Test
    public void keepsTheResultOverRotation() throws IOException {
        try (ActivityController<MainActivity> controller = main()) {
            show(controller.get(), "several.png", SEVERAL);
            controller.get().findViewById(R.id.photo).performClick();
            controller.recreate();
            assertText(controller.get(), R.id.status, "3 faces found. Touch a face to see its emotions.");
            assertTrue(bars(controller.get()).getContentDescription().toString().startsWith("surprise 88%"));
        }
    }

    @Test
    public void explainsACancelledCamera() throws IOException {
        try (ActivityController<MainActivity> controller = main()) {
            MainActivity activity = controller.get();
            activity.findViewById(R.id.take).performClick();
            Intent asked = Shadows.shadowOf(activity).getNextStartedActivityForResult().intent;
            assertEquals("android.media.action.IMAGE_CAPTURE", asked.getAction());
            Shadows.shadowOf(activity).receiveResult(asked, Activity.RESULT_CANCELED, null);
            assertText(activity, R.id.status, "No photo was taken.");
        }
    }

    @Test
    public void showsTheSelfCheck() throws IOException {
        try (ActivityController<SelfCheckActivity> controller = Robolectric.buildActivity(SelfCheckActivity.class)) {
            controller.setup();
            SelfCheckActivity activity = controller.get();
            Bundle bundle = Bundle.open(new AssetSource(activity.getAssets()));
            activity.show(new SelfCheck(bundle, new GoldenRuntime(bundle), new BitmapReader()).run((step, of) -> { }));
            ViewGroup rows = activity.findViewById(R.id.rows);
            assertEquals(4, rows.getChildCount());
            String first = ((TextView) rows.getChildAt(0).findViewById(R.id.text)).getText().toString();
            assertTrue(first, first.contains("Agreement 100.0%"));
            String photos = ((TextView) rows.getChildAt(2).findViewById(R.id.text)).getText().toString();
            assertTrue(photos, photos.startsWith("Decoded alike: 11 of 11\nCrops alike: "));
            assertTrue(activity.findViewById(R.id.share).isEnabled());
            File kept = new File(activity.getExternalFilesDir(null), "self-check.json");
            assertTrue(kept.length() > 0);
            draw(activity, "self-check");
        }
    }

    @Test
    public void keepsPhotosWithinMemory() {
        assertEquals(1, PhotoLoader.sampleSize(4000, 3000, 512L << 20));
        assertEquals(2, PhotoLoader.sampleSize(4000, 3000, 256L << 20));
        assertEquals(4, PhotoLoader.sampleSize(12000, 9000, 512L << 20));
        assertEquals(1, PhotoLoader.sampleSize(1, 1, 64L << 20));
    }

    private static ActivityController<MainActivity> main() {
        ActivityController<MainActivity> controller = Robolectric.buildActivity(MainActivity.class);
        controller.setup();
        ShadowLooper.idleMainLooper();
        return controller;
    }

    private static void show(MainActivity activity, String golden, List<Prediction> faces) throws IOException {
        try (InputStream file = activity.getAssets().open("bundle/golden/" + golden)) {
            activity.show(BitmapFactory.decodeStream(file), faces, 42);
        }
        ShadowLooper.idleMainLooper();
    }

    private static BarsView bars(Activity activity) {
        return activity.findViewById(R.id.bars);
    }

    private static Spinner variants(Activity activity) {
        return activity.findViewById(R.id.variants);
    }

    private static String text(Activity activity, int id) {
        return ((TextView) activity.findViewById(id)).getText().toString();
    }

    private static void assertText(Activity activity, int id, String expected) {
        assertEquals(expected, text(activity, id));
    }

    /** Draws the whole window; more than one colour must come out. */
    private static Bitmap draw(Activity activity, String name) throws IOException {
        ShadowLooper.idleMainLooper();
        View window = activity.getWindow().getDecorView();
        Bitmap screen = Bitmap.createBitmap(window.getWidth(), window.getHeight(), Bitmap.Config.ARGB_8888);
        window.draw(new Canvas(screen));
        File folder = new File("target/screens");
        assertTrue(folder.isDirectory() || folder.mkdirs());
        try (OutputStream file = new FileOutputStream(new File(folder, name + ".png"))) {
            screen.compress(Bitmap.CompressFormat.PNG, 100, file);
        }
        int[] row = new int[screen.getWidth()];
        screen.getPixels(row, 0, row.length, 0, screen.getHeight() - 60, row.length, 1);
        int first = row[0];
        boolean plain = true;
        for (int colour : row) {
            plain &= colour == first;
        }
        assertFalse(name + " shows no buttons", plain);
        return screen;
    }
}
