package org.ferexport.app;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import android.Manifest;
import android.app.Activity;
import android.graphics.Bitmap;
import android.graphics.Canvas;
import android.graphics.Color;
import android.view.View;
import android.widget.Spinner;
import android.widget.TextView;
import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.function.BooleanSupplier;
import org.robolectric.Robolectric;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.Shadows;
import org.robolectric.android.controller.ActivityController;
import org.robolectric.shadows.ShadowLooper;

/** What stands on a screen, waiting for it, and a picture of it. */
final class OnScreen {
    private static final long PATIENCE = 180_000;

    private OnScreen() {}

    static final String SAMPLE =
            "This is a sample. Choose a photo, take one, or use the camera live. Nothing leaves this phone.";

    /** The first screen, with the sample analysed. */
    static ActivityController<MainActivity> main() {
        ActivityController<MainActivity> controller = Robolectric.buildActivity(MainActivity.class);
        controller.setup();
        MainActivity activity = controller.get();
        until("the sample", () -> text(activity, R.id.status).equals(activity.getString(R.string.start_sample)));
        return controller;
    }

    /** The user allowed the camera before. */
    static void allowCamera() {
        Shadows.shadowOf(RuntimeEnvironment.getApplication()).grantPermissions(Manifest.permission.CAMERA);
    }

    static BarsView bars(Activity activity) {
        return activity.findViewById(R.id.bars);
    }

    static Spinner variants(Activity activity) {
        return activity.findViewById(R.id.variants);
    }

    static boolean enabled(Activity activity, int id) {
        return activity.findViewById(id).isEnabled();
    }

    static String text(Activity activity, int id) {
        return ((TextView) activity.findViewById(id)).getText().toString();
    }

    static void assertText(Activity activity, int id, String expected) {
        assertEquals(expected, text(activity, id));
    }

    /** Lets the main thread work until something holds that another thread brings about. */
    static void until(String what, BooleanSupplier holds) {
        long end = System.currentTimeMillis() + PATIENCE;
        for (ShadowLooper.idleMainLooper(); !holds.getAsBoolean(); ShadowLooper.idleMainLooper()) {
            assertTrue("not in time: " + what, System.currentTimeMillis() < end);
            Thread.yield();
        }
    }

    /** Draws the whole window; more than one colour must come out. */
    static Bitmap draw(Activity activity, String name) throws IOException {
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

    /** The screen is one for the night. */
    static void assertDark(Bitmap screen) {
        float light = Color.luminance(screen.getPixel(2, 2));
        assertTrue("luminance " + light, light < 0.05);
    }
}
