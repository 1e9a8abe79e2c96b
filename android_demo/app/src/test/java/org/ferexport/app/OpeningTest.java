package org.ferexport.app;

import static org.ferexport.app.OnScreen.allowCamera;
import static org.ferexport.app.OnScreen.assertText;
import static org.ferexport.app.OnScreen.bars;
import static org.ferexport.app.OnScreen.draw;
import static org.ferexport.app.OnScreen.enabled;
import static org.ferexport.app.OnScreen.main;
import static org.ferexport.app.OnScreen.text;
import static org.ferexport.app.OnScreen.until;
import static org.ferexport.app.OnScreen.variants;
import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotEquals;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;

import android.Manifest;
import android.app.Activity;
import android.app.AlertDialog;
import android.content.Intent;
import android.content.pm.PackageManager;
import android.graphics.Bitmap;
import android.graphics.BitmapFactory;
import android.net.Uri;
import android.os.Bundle;
import android.os.Parcel;
import android.provider.MediaStore;
import android.view.View;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.ferexport.fer.Documents;
import org.ferexport.fer.Exif;
import org.ferexport.fer.FerAnalyzer;
import org.ferexport.fer.FerEmotion;
import org.ferexport.fer.FerException;
import org.ferexport.fer.Results;
import org.junit.Before;
import org.junit.Rule;
import org.junit.Test;
import org.junit.rules.TemporaryFolder;
import org.junit.runner.RunWith;
import org.robolectric.Robolectric;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.Shadows;
import org.robolectric.android.controller.ActivityController;
import org.robolectric.annotation.Config;
import org.robolectric.annotation.GraphicsMode;
import org.robolectric.shadows.ShadowActivity;
import org.robolectric.shadows.ShadowDialog;
import org.robolectric.shadows.ShadowLooper;

/** From a button to the result, through other apps' answers, with real photos, networks and detectors. */
@RunWith(RobolectricTestRunner.class)
@GraphicsMode(GraphicsMode.Mode.NATIVE)
@Config(sdk = 35, qualifiers = "en-w360dp-h740dp-xhdpi")
public class OpeningTest {
    private static final String PORTRAIT = "golden/portrait.png";
    private static final String FOUND = "1 face found.";
    private static final String TIMED = ", \\d+\\.\\d ms per face";

    @Rule
    public final TemporaryFolder folder = new TemporaryFolder();

    private Documents documents;

    @Before
    public void provide() {
        documents = Documents.in(folder.getRoot());
        allowCamera();
    }

    @Test
    public void analysesAChosenPhoto() throws IOException {
        try (ActivityController<MainActivity> controller = main()) {
            MainActivity activity = controller.get();
            Intent asked = asked(activity, R.id.choose);
            assertEquals(MediaStore.ACTION_PICK_IMAGES, asked.getAction());
            assertEquals("image/*", asked.getType());
            answer(activity, asked, new Intent().setData(documents.keep("portrait.png", portrait(activity))));
            assertText(activity, R.id.status, "Reading the photo…");
            assertRunning(activity);
            awaitFace(activity);
            assertGolden(activity, 0);
            assertEquals(View.INVISIBLE, activity.findViewById(R.id.progress).getVisibility());
            assertTrue(variants(activity).isEnabled());
            assertTrue(row(activity, 0), row(activity, 0).matches("int8" + TIMED));
            assertEquals("float32", row(activity, 1));
            String whole = text(activity, R.id.latency);
            assertTrue(whole, whole.matches("Whole photo analysed in \\d+ ms"));
            draw(activity, "analysed");
        }
    }

    @Test
    public void analysesThePhotoAgain() throws IOException {
        try (ActivityController<MainActivity> controller = main()) {
            MainActivity activity = controller.get();
            open(activity);
            activity.findViewById(R.id.analyse).performClick();
            assertText(activity, R.id.status, "Looking for faces…");
            assertRunning(activity);
            assertGolden(activity, 0);
            assertEquals("", text(activity, R.id.latency));
            awaitFace(activity);
            assertGolden(activity, 0);
            assertTrue(text(activity, R.id.latency).startsWith("Whole photo analysed in "));
        }
    }

    @Test
    public void analysesThePhotoWithAnotherNetwork() throws IOException {
        try (ActivityController<MainActivity> controller = main()) {
            MainActivity activity = controller.get();
            open(activity);
            CharSequence former = bars(activity).getContentDescription();
            change(activity);
            assertGolden(activity, 1);
            assertNotEquals(former, bars(activity).getContentDescription());
            assertTrue(row(activity, 0), row(activity, 0).matches("int8" + TIMED));
            assertTrue(row(activity, 1), row(activity, 1).matches("float32" + TIMED));
            assertEquals(1, variants(activity).getSelectedItemPosition());
        }
    }

    @Test
    public void turnsATakenPhotoUpright() throws IOException {
        try (ActivityController<MainActivity> controller = main()) {
            MainActivity activity = controller.get();
            Intent asked = asked(activity, R.id.take);
            assertEquals(MediaStore.ACTION_IMAGE_CAPTURE, asked.getAction());
            assertEquals(PhotoProvider.TAKEN, asked.getParcelableExtra(MediaStore.EXTRA_OUTPUT, Uri.class));
            assertEquals(PhotoProvider.TAKEN, asked.getClipData().getItemAt(0).getUri());
            int grants = Intent.FLAG_GRANT_READ_URI_PERMISSION | Intent.FLAG_GRANT_WRITE_URI_PERMISSION;
            assertEquals(grants, asked.getFlags() & grants);
            write(activity, taken(activity));
            answer(activity, asked, null);
            awaitFace(activity);
            draw(activity, "taken");
        }
    }

    @Test
    public void keepsTheFormerPhotoWhereTheCameraWritesNone() throws IOException {
        Bundle saved;
        try (ActivityController<MainActivity> controller = main()) {
            MainActivity activity = controller.get();
            Intent first = asked(activity, R.id.take);
            write(activity, taken(activity));
            answer(activity, first, null);
            awaitFace(activity);
            answer(activity, asked(activity, R.id.take), null);
            awaitStatus(activity, "No photo was taken.");
            assertEquals(View.VISIBLE, bars(activity).getVisibility());
            Intent cancelled = asked(activity, R.id.take);
            write(activity, new byte[] {1, 2, 3});
            Shadows.shadowOf(activity).receiveResult(cancelled, Activity.RESULT_CANCELED, null);
            awaitStatus(activity, "No photo was taken.");
            saved = ended(controller);
        }
        try (ActivityController<MainActivity> controller = Robolectric.buildActivity(MainActivity.class)) {
            controller.setup(saved);
            awaitFace(controller.get());
        }
    }

    @Test
    public void keepsPhotoAndNetworkWhereTheSystemEndsTheApp() throws IOException {
        Bundle saved;
        try (ActivityController<MainActivity> controller = main()) {
            open(controller.get());
            change(controller.get());
            saved = ended(controller);
        }
        try (ActivityController<MainActivity> controller = Robolectric.buildActivity(MainActivity.class)) {
            controller.setup(saved);
            assertRunning(controller.get());
            awaitFace(controller.get());
            assertGolden(controller.get(), 1);
            assertEquals(1, variants(controller.get()).getSelectedItemPosition());
            assertEquals("int8", row(controller.get(), 0));
        }
    }

    @Test
    public void takesAPhotoThoughTheSystemEndsTheAppMeanwhile() throws IOException {
        Bundle saved;
        try (ActivityController<MainActivity> controller = main()) {
            asked(controller.get(), R.id.take);
            write(controller.get(), taken(controller.get()));
            saved = ended(controller);
        }
        try (ActivityController<MainActivity> controller = Robolectric.buildActivity(MainActivity.class)) {
            // As the system does: the answer comes between start and resume.
            controller.create(saved).start().restoreInstanceState(saved);
            controller.get().onActivityResult(2, Activity.RESULT_OK, null);
            controller.resume().visible();
            awaitFace(controller.get());
        }
    }

    @Test
    public void explainsAFileThatIsNoPicture() throws IOException {
        try (ActivityController<MainActivity> controller = main()) {
            MainActivity activity = controller.get();
            open(activity);
            Uri uri = documents.keep("letter.txt", "Dear".getBytes(StandardCharsets.US_ASCII));
            answer(activity, asked(activity, R.id.choose), new Intent().setData(uri));
            awaitStatus(activity, "This file is not a picture that the phone can read.");
            assertEquals("No photo yet", activity.findViewById(R.id.photo).getContentDescription());
            assertFalse(enabled(activity, R.id.analyse));
            draw(activity, "no-picture");
            answer(activity, asked(activity, R.id.choose), new Intent().setData(Documents.DENIED));
            awaitStatus(activity, "The phone does not let this app read the photo. Choose it again.");
        }
    }

    @Test
    public void keepsThePhotoWhereNoneIsChosen() throws IOException {
        try (ActivityController<MainActivity> controller = main()) {
            MainActivity activity = controller.get();
            open(activity);
            Intent asked = asked(activity, R.id.choose);
            Shadows.shadowOf(activity).receiveResult(asked, Activity.RESULT_CANCELED, null);
            assertText(activity, R.id.status, "No photo was chosen.");
            assertGolden(activity, 0);
            assertTrue(enabled(activity, R.id.analyse));
        }
    }

    @Test
    public void asksForTheCameraBeforeItTakesAPhoto() throws IOException {
        Shadows.shadowOf(RuntimeEnvironment.getApplication()).denyPermissions(Manifest.permission.CAMERA);
        try (ActivityController<MainActivity> controller = main()) {
            MainActivity activity = controller.get();
            assertNull(Shadows.shadowOf(activity).getLastRequestedPermission());
            activity.findViewById(R.id.take).performClick();
            assertNull(Shadows.shadowOf(activity).getLastRequestedPermission());
            ((AlertDialog) ShadowDialog.getLatestDialog()).getButton(AlertDialog.BUTTON_POSITIVE).performClick();
            ShadowLooper.idleMainLooper();
            ShadowActivity.PermissionsRequest asked = Shadows.shadowOf(activity).getLastRequestedPermission();
            assertArrayEquals(new String[] {Manifest.permission.CAMERA}, asked.requestedPermissions);
            activity.onRequestPermissionsResult(asked.requestCode, asked.requestedPermissions,
                    new int[] {PackageManager.PERMISSION_DENIED});
            assertText(activity, R.id.status,
                    "The camera is denied to this app. Allow it in the phone’s settings, or choose a photo.");
            open(activity);
            allowCamera();
            activity.onRequestPermissionsResult(asked.requestCode, asked.requestedPermissions,
                    new int[] {PackageManager.PERMISSION_GRANTED});
            Intent started = Shadows.shadowOf(activity).getNextStartedActivityForResult().intent;
            assertEquals(MediaStore.ACTION_IMAGE_CAPTURE, started.getAction());
        }
    }

    /** Chooses the portrait and waits for its result. */
    private void open(MainActivity activity) throws IOException {
        Uri uri = documents.keep("portrait.png", portrait(activity));
        answer(activity, asked(activity, R.id.choose), new Intent().setData(uri));
        awaitFace(activity);
    }

    /** Changes to the second network and waits for its result. */
    private static void change(MainActivity activity) {
        variants(activity).setSelection(1);
        until("the other network", () -> row(activity, 1).matches("float32" + TIMED));
        assertText(activity, R.id.status, FOUND);
    }

    private static Intent asked(Activity activity, int button) {
        activity.findViewById(button).performClick();
        return Shadows.shadowOf(activity).getNextStartedActivityForResult().intent;
    }

    private static void answer(Activity activity, Intent asked, Intent answer) {
        Shadows.shadowOf(activity).receiveResult(asked, Activity.RESULT_OK, answer);
    }

    private static void awaitFace(Activity activity) {
        awaitStatus(activity, FOUND);
    }

    private static void awaitStatus(Activity activity, String status) {
        until(status, () -> text(activity, R.id.status).equals(status));
    }

    private static void assertRunning(Activity activity) {
        assertEquals(View.VISIBLE, activity.findViewById(R.id.progress).getVisibility());
        assertFalse(enabled(activity, R.id.analyse));
        assertFalse(variants(activity).isEnabled());
    }

    /** The bars show what the bundle says that the variant in that row answers to the portrait. */
    private static void assertGolden(Activity activity, int row) throws IOException {
        List<String> words = new ArrayList<>();
        try (FerAnalyzer analyzer = FerAnalyzer.open(activity)) {
            for (FerEmotion emotion : Results.golden(activity, PORTRAIT, analyzer.getVariants().get(row))) {
                words.add(Words.emotion(activity, emotion));
            }
        } catch (FerException broken) {
            throw new IOException(broken);
        }
        assertEquals(View.VISIBLE, bars(activity).getVisibility());
        assertEquals(String.join(", ", words), bars(activity).getContentDescription().toString());
    }

    private static String row(Activity activity, int row) {
        return (String) variants(activity).getItemAtPosition(row);
    }

    private static byte[] portrait(Activity activity) throws IOException {
        try (InputStream file = activity.getAssets().open("bundle/" + PORTRAIT)) {
            return file.readAllBytes();
        }
    }

    /** The portrait as a camera stores it that was turned to the left. */
    private static byte[] taken(Activity activity) throws IOException {
        byte[] file = portrait(activity);
        Bitmap upright = BitmapFactory.decodeByteArray(file, 0, file.length);
        Bitmap stored = Bitmap.createBitmap(upright.getHeight(), upright.getWidth(), Bitmap.Config.ARGB_8888);
        for (int y = 0; y < stored.getHeight(); y++) {
            for (int x = 0; x < stored.getWidth(); x++) {
                stored.setPixel(x, y, upright.getPixel(stored.getHeight() - 1 - y, x));
            }
        }
        return Exif.with(6, Exif.jpeg(stored));
    }

    /** Writes where the app asked the camera to. */
    private static void write(Activity activity, byte[] photo) throws IOException {
        try (OutputStream file = activity.getContentResolver().openOutputStream(PhotoProvider.TAKEN)) {
            file.write(photo);
        }
        try (InputStream file = activity.getContentResolver().openInputStream(PhotoProvider.TAKEN)) {
            assertArrayEquals(photo, file.readAllBytes());
        }
    }

    /** Ends the app as the system does; what it saved went through another process. */
    private static Bundle ended(ActivityController<MainActivity> controller) {
        Bundle saved = new Bundle();
        controller.pause().stop().saveInstanceState(saved).destroy();
        Parcel parcel = Parcel.obtain();
        parcel.writeBundle(saved);
        parcel.setDataPosition(0);
        Bundle read = parcel.readBundle(RuntimeEnvironment.getApplication().getClassLoader());
        parcel.recycle();
        return read;
    }
}
