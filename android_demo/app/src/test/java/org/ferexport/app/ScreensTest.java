package org.ferexport.app;

import static org.ferexport.app.OnScreen.assertDark;
import static org.ferexport.app.OnScreen.assertText;
import static org.ferexport.app.OnScreen.bars;
import static org.ferexport.app.OnScreen.draw;
import static org.ferexport.app.OnScreen.enabled;
import static org.ferexport.app.OnScreen.main;
import static org.ferexport.app.OnScreen.text;
import static org.ferexport.app.OnScreen.variants;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;

import android.app.Activity;
import android.content.Intent;
import android.graphics.Bitmap;
import android.graphics.BitmapFactory;
import android.graphics.Canvas;
import android.graphics.Color;
import android.graphics.Rect;
import android.graphics.RectF;
import android.text.Layout;
import android.view.View;
import android.view.accessibility.AccessibilityManager;
import android.view.accessibility.AccessibilityNodeInfo;
import android.view.accessibility.AccessibilityNodeProvider;
import android.widget.Button;
import android.widget.TextView;
import java.io.IOException;
import java.io.InputStream;
import java.util.Collections;
import java.util.List;
import org.ferexport.fer.FerAnalyzer;
import org.ferexport.fer.FerFace;
import org.ferexport.fer.Results;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.Shadows;
import org.robolectric.android.controller.ActivityController;
import org.robolectric.annotation.Config;
import org.robolectric.annotation.GraphicsMode;
import org.robolectric.shadows.ShadowLooper;

/** The screens with results put in, those of compact-7, also drawn to target/screens for the eye. */
@RunWith(RobolectricTestRunner.class)
@GraphicsMode(GraphicsMode.Mode.NATIVE)
@Config(sdk = 35, qualifiers = "en-w360dp-h740dp-xhdpi")
public class ScreensTest {
    private static final List<FerFace> NO_FACES = Collections.emptyList();
    private static final List<FerFace> ONE = List.of(Results.face(
            new Rect(84, 72, 183, 171), 0.02f, 0, 0, 0, 0.01f, 0, 0.97f));
    private static final List<FerFace> SEVERAL = List.of(
            Results.face(new Rect(53, 70, 156, 173), 0.04f, 0.01f, 0.05f, 0.52f, 0.05f, 0.27f, 0.06f),
            Results.face(new Rect(237, 100, 332, 194), 0.07f, 0.01f, 0.19f, 0.03f, 0.02f, 0.6f, 0.08f),
            Results.face(new Rect(387, 132, 443, 189), 0.17f, 0.02f, 0.05f, 0.01f, 0.02f, 0.69f, 0.04f));

    @Test
    public void startsWithASample() throws IOException {
        try (ActivityController<MainActivity> controller = main()) {
            MainActivity activity = controller.get();
            assertText(activity, R.id.status, OnScreen.SAMPLE);
            assertEquals(7, bars(activity).rows());
            assertEquals(2, variants(activity).getCount());
            List<String> models = List.of(activity.getAssets().list("bundle/models"));
            assertEquals("the files of " + models, 2, models.size());
            assertTrue(enabled(activity, R.id.choose) && enabled(activity, R.id.take));
            assertTrue(enabled(activity, R.id.live) && enabled(activity, R.id.about));
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
            assertTrue(bars(activity).getContentDescription().toString().startsWith("neutral 97%, anger 2%"));
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
            RectF second = photo.onScreen(SEVERAL.get(1).getBox());
            assertEquals(1, photo.faceAt(second.centerX(), second.centerY()));
            assertEquals(-1, photo.faceAt(1, 1));
            photo.performClick();
            assertEquals("Photo with 3 faces", photo.getContentDescription());
            assertEquals("Face 2 of 3: surprise 60%", photo.describe(1));
            assertTrue(bars(activity).getContentDescription().toString().startsWith("surprise 60%"));
        }
    }

    @Test
    public void showsSeveralFaces() throws Exception {
        try (ActivityController<MainActivity> controller = main()) {
            MainActivity activity = controller.get();
            showPair(activity);
            assertText(activity, R.id.status, "2 faces found. Touch a face to see its emotions.");
            draw(activity, "several");
            activity.findViewById(R.id.photo).performClick();
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
            assertTrue(bars(activity).getContentDescription().toString().startsWith("neutre 97\u00a0%, colère 2\u00a0%"));
            assertText(activity, R.id.analyse, "Analyser");
            assertButtonsAreWhole(activity);
            draw(activity, "french");
        }
    }

    @Test
    @Config(qualifiers = "fr-w360dp-h740dp-xhdpi", fontScale = 1.3f)
    public void speaksFrenchInLargeLetters() throws IOException {
        try (ActivityController<MainActivity> controller = main()) {
            MainActivity activity = controller.get();
            show(activity, "portrait.png", ONE);
            draw(activity, "french-large");
            assertButtonsAreWhole(activity);
        }
    }

    @Test
    @Config(qualifiers = "fr-w360dp-h740dp-xhdpi", fontScale = 2)
    public void speaksFrenchInTheLargestLetters() throws IOException {
        try (ActivityController<MainActivity> controller = main()) {
            MainActivity activity = controller.get();
            show(activity, "portrait.png", ONE);
            draw(activity, "french-largest");
            assertButtonsAreWhole(activity);
        }
    }

    @Test
    @Config(qualifiers = "fr-w740dp-h360dp-land-xhdpi", fontScale = 2)
    public void speaksFrenchInTheLargestLettersInLandscape() throws IOException {
        try (ActivityController<MainActivity> controller = main()) {
            MainActivity activity = controller.get();
            show(activity, "portrait.png", ONE);
            draw(activity, "french-largest-landscape");
            assertButtonsAreWhole(activity);
        }
    }

    @Test
    @Config(qualifiers = "fr-w740dp-h360dp-land-xhdpi")
    public void speaksFrenchInLandscape() throws Exception {
        try (ActivityController<MainActivity> controller = main()) {
            MainActivity activity = controller.get();
            showPair(activity);
            draw(activity, "french-landscape");
            assertButtonsAreWhole(activity);
        }
    }

    @Test
    @Config(qualifiers = "en-w360dp-h740dp-night-xhdpi")
    public void laysATransparentPhotoOnWhite() throws IOException {
        try (ActivityController<MainActivity> controller = main()) {
            MainActivity activity = controller.get();
            activity.show(Bitmap.createBitmap(20, 20, Bitmap.Config.ARGB_8888), NO_FACES, 42, 0);
            Bitmap screen = draw(activity, "transparent");
            View photo = activity.findViewById(R.id.photo);
            int[] place = new int[2];
            photo.getLocationInWindow(place);
            assertEquals(Color.WHITE, screen.getPixel(place[0] + photo.getWidth() / 2, place[1] + photo.getHeight() / 2));
        }
    }

    @Test
    @Config(qualifiers = "en-w360dp-h740dp-night-xhdpi")
    public void isDarkAtNight() throws Exception {
        try (ActivityController<MainActivity> controller = main()) {
            MainActivity activity = controller.get();
            showPair(activity);
            assertDark(draw(activity, "night"));
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
    @Config(qualifiers = "en-w740dp-h360dp-land-night-xhdpi")
    public void isDarkAtNightInLandscape() throws Exception {
        try (ActivityController<MainActivity> controller = main()) {
            MainActivity activity = controller.get();
            showPair(activity);
            assertDark(draw(activity, "night-landscape"));
        }
    }

    @Test
    @Config(qualifiers = "en-w840dp-h1100dp-xhdpi")
    public void usesTheRoomOfATablet() throws IOException {
        try (ActivityController<MainActivity> controller = main()) {
            MainActivity activity = controller.get();
            show(activity, "portrait.png", ONE);
            draw(activity, "tablet");
            assertTrue(activity.findViewById(R.id.photo).getHeight() > activity.findViewById(R.id.root).getHeight() / 2);
            assertButtonsAreWhole(activity);
        }
    }

    @Test
    public void everyFaceIsANodeOfItsOwn() throws IOException {
        try (ActivityController<MainActivity> controller = main()) {
            MainActivity activity = controller.get();
            Shadows.shadowOf(activity.getSystemService(AccessibilityManager.class)).setEnabled(true);
            show(activity, "several.png", SEVERAL);
            PhotoView photo = activity.findViewById(R.id.photo);
            AccessibilityNodeProvider nodes = photo.getAccessibilityNodeProvider();
            assertEquals(3, nodes.createAccessibilityNodeInfo(View.NO_ID).getChildCount());
            for (int face = 0; face < 3; face++) {
                AccessibilityNodeInfo node = nodes.createAccessibilityNodeInfo(face);
                assertEquals(photo.describe(face), node.getContentDescription());
                assertEquals(face == 0, node.isSelected());
                assertTrue(node.isClickable() && node.isFocusable());
                Rect bounds = new Rect();
                node.getBoundsInScreen(bounds);
                int[] corner = new int[2];
                photo.getLocationOnScreen(corner);
                assertEquals(face, photo.faceAt(bounds.exactCenterX() - corner[0], bounds.exactCenterY() - corner[1]));
            }
            assertNull(nodes.createAccessibilityNodeInfo(3));
            assertTrue(nodes.performAction(2, AccessibilityNodeInfo.ACTION_ACCESSIBILITY_FOCUS, null));
            assertTrue(nodes.createAccessibilityNodeInfo(2).isAccessibilityFocused());
            assertTrue(nodes.performAction(2, AccessibilityNodeInfo.ACTION_CLICK, null));
            assertTrue(nodes.createAccessibilityNodeInfo(2).isSelected());
            assertTrue(bars(activity).getContentDescription().toString().startsWith("surprise 69%"));
            assertFalse(nodes.performAction(3, AccessibilityNodeInfo.ACTION_CLICK, null));
        }
    }

    @Test
    public void keepsTheResultOverRotation() throws IOException {
        try (ActivityController<MainActivity> controller = main()) {
            show(controller.get(), "several.png", SEVERAL);
            controller.get().findViewById(R.id.photo).performClick();
            controller.recreate();
            assertText(controller.get(), R.id.status, "3 faces found. Touch a face to see its emotions.");
            assertTrue(bars(controller.get()).getContentDescription().toString().startsWith("surprise 60%"));
        }
    }

    @Test
    public void explainsACancelledCamera() throws IOException {
        try (ActivityController<MainActivity> controller = main()) {
            MainActivity activity = controller.get();
            OnScreen.allowCamera();
            activity.findViewById(R.id.take).performClick();
            Intent asked = Shadows.shadowOf(activity).getNextStartedActivityForResult().intent;
            assertEquals("android.media.action.IMAGE_CAPTURE", asked.getAction());
            Shadows.shadowOf(activity).receiveResult(asked, Activity.RESULT_CANCELED, null);
            assertText(activity, R.id.status, "No photo was taken.");
        }
    }

    /** The portrait twice, with what the app says of it: both faces are found, and both are right. */
    private static void showPair(MainActivity activity) throws Exception {
        Bitmap pair;
        try (InputStream file = activity.getAssets().open("bundle/golden/portrait.png")) {
            Bitmap one = BitmapFactory.decodeStream(file);
            pair = Bitmap.createBitmap(2 * one.getWidth(), one.getHeight(), Bitmap.Config.ARGB_8888);
            Canvas canvas = new Canvas(pair);
            canvas.drawBitmap(one, 0, 0, null);
            canvas.drawBitmap(one, one.getWidth(), 0, null);
        }
        try (FerAnalyzer analyzer = FerAnalyzer.open(activity)) {
            List<FerFace> faces = analyzer.analyse(pair);
            assertEquals(faces.toString(), 2, faces.size());
            for (FerFace face : faces) {
                assertEquals("neutral", face.getEmotion().getLabel());
            }
            activity.show(pair, faces, 42, 1.3);
        }
        ShadowLooper.idleMainLooper();
    }

    private static void show(MainActivity activity, String golden, List<FerFace> faces) throws IOException {
        try (InputStream file = activity.getAssets().open("bundle/golden/" + golden)) {
            activity.show(BitmapFactory.decodeStream(file), faces, 42, 1.3);
        }
        ShadowLooper.idleMainLooper();
    }

    /** The buttons under the photo are large enough for a finger, and their labels are broken between words only. */
    private static void assertButtonsAreWhole(Activity activity) {
        float finger = 48 * activity.getResources().getDisplayMetrics().density;
        assertWordsAreWhole(((TextView) activity.findViewById(R.id.heading)).getLayout());
        for (int id : new int[] {R.id.choose, R.id.take, R.id.live, R.id.analyse, R.id.about}) {
            Button button = activity.findViewById(id);
            Layout lines = button.getLayout();
            String label = lines.getText().toString();
            assertTrue(label, button.getWidth() >= finger && button.getHeight() >= finger);
            int room = button.getHeight() - button.getCompoundPaddingTop() - button.getCompoundPaddingBottom();
            assertTrue(label + " is cut", lines.getHeight() <= room);
            assertWordsAreWhole(lines);
        }
    }

    private static void assertWordsAreWhole(Layout lines) {
        String label = lines.getText().toString();
        for (int line = 1; line < lines.getLineCount(); line++) {
            int start = lines.getLineStart(line);
            assertEquals(label + " is broken at " + start, ' ', label.charAt(start - 1));
        }
    }
}
