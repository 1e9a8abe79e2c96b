package org.ferexport.app;

import static org.ferexport.app.OnScreen.allowCamera;
import static org.ferexport.app.OnScreen.assertText;
import static org.ferexport.app.OnScreen.draw;
import static org.ferexport.app.OnScreen.enabled;
import static org.ferexport.app.OnScreen.text;
import static org.ferexport.app.OnScreen.until;
import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;

import android.Manifest;
import android.content.Context;
import android.content.Intent;
import android.content.pm.PackageManager;
import android.graphics.Bitmap;
import android.graphics.BitmapFactory;
import android.graphics.Rect;
import android.graphics.RectF;
import android.hardware.camera2.CameraCharacteristics;
import android.hardware.camera2.CameraManager;
import android.provider.Settings;
import android.util.Size;
import android.view.Surface;
import android.view.View;
import java.io.IOException;
import java.io.InputStream;
import org.ferexport.fer.FerFrame;
import org.ferexport.fer.Frames;
import org.ferexport.fer.Results;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.Robolectric;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.Shadows;
import org.robolectric.android.controller.ActivityController;
import org.robolectric.annotation.Config;
import org.robolectric.annotation.GraphicsMode;
import org.robolectric.shadows.ShadowActivity;
import org.robolectric.shadows.ShadowCameraCharacteristics;

/** The live camera: the permission, frames as a camera gives them, both sides, and the background. */
@RunWith(RobolectricTestRunner.class)
@GraphicsMode(GraphicsMode.Mode.NATIVE)
@Config(sdk = 35, qualifiers = "en-w360dp-h740dp-xhdpi")
public class LiveTest {
    private static final String PORTRAIT = "golden/portrait.png";

    @Test
    public void asksForTheCameraHereAndSaysWhy() throws IOException {
        addCameras();
        try (ActivityController<CameraActivity> controller = camera()) {
            CameraActivity activity = controller.get();
            assertEquals(View.VISIBLE, activity.findViewById(R.id.explanation).getVisibility());
            assertText(activity, R.id.status, "The camera is not allowed yet.");
            assertNull(Shadows.shadowOf(activity).getLastRequestedPermission());
            draw(activity, "live-ask");
            activity.findViewById(R.id.allow).performClick();
            ShadowActivity.PermissionsRequest asked = Shadows.shadowOf(activity).getLastRequestedPermission();
            assertArrayEquals(new String[] {Manifest.permission.CAMERA}, asked.requestedPermissions);
            activity.onRequestPermissionsResult(asked.requestCode, asked.requestedPermissions,
                    new int[] {PackageManager.PERMISSION_DENIED});
            assertText(activity, R.id.status, "The camera is denied to this app.");
            assertText(activity, R.id.allow, "Open the settings");
            activity.findViewById(R.id.allow).performClick();
            Intent settings = Shadows.shadowOf(activity).getNextStartedActivity();
            while (settings != null && !Settings.ACTION_APPLICATION_DETAILS_SETTINGS.equals(settings.getAction())) {
                settings = Shadows.shadowOf(activity).getNextStartedActivity();
            }
            assertEquals("package:org.ferexport.app", String.valueOf(settings == null ? null : settings.getData()));
        }
    }

    @Test
    public void findsTheGoldenFaceInAFrontCamerasFrames() throws IOException {
        assertGoldenFace(true, 270, "live-front");
    }

    @Test
    public void findsTheGoldenFaceInABackCamerasFrames() throws IOException {
        assertGoldenFace(false, 90, "live-back");
    }

    @Test
    @Config(qualifiers = "fr-w740dp-h360dp-land-night-xhdpi", fontScale = 2)
    public void speaksFrenchInTheLargestLettersInLandscape() throws IOException {
        assertGoldenFace(true, 0, "live-french-largest-landscape");
    }

    /** Intersection over union. A camera's colours are rounded, so another candidate of the same face may be the surest. */
    private static float overlap(Rect one, Rect other) {
        Rect both = new Rect();
        if (!both.setIntersect(one, other)) {
            return 0;
        }
        float shared = (float) both.width() * both.height();
        return shared / (one.width() * one.height() + other.width() * other.height() - shared);
    }

    private static void assertGoldenFace(boolean front, int sensor, String picture) throws IOException {
        allowCamera();
        addCameras();
        try (ActivityController<CameraActivity> controller = camera()) {
            CameraActivity activity = controller.get();
            Live live = activity.live();
            Bitmap portrait = portrait(activity);
            FerFrame frame = Frames.of(portrait, sensor);
            assertEquals(portrait.getWidth() + " x " + portrait.getHeight(), frame.getWidth() + " x " + frame.getHeight());
            for (int count = 0; count < 3; count++) {
                live.frame(frame, frame.toBitmap(), front);
            }
            until("a face", () -> live.known && !live.faces.isEmpty());
            String neutral = activity.getString(org.ferexport.fer.R.string.fer_emotion_neutral);
            assertText(activity, R.id.status, neutral);
            until("frames per second", () -> {
                live.frame(frame, frame.toBitmap(), front);
                return live.rates()[0] > 1 && live.rates()[1] > 1;
            });
            draw(activity, picture);
            Rect golden = Results.goldenBox(activity, PORTRAIT);
            Rect box = live.faces.get(0).getBox();
            assertTrue(golden + " and " + box, overlap(golden, box) > 0.8f);
            LiveView view = activity.findViewById(R.id.live);
            RectF shown = view.onScreen(box);
            float scale = shown.width() / box.width();
            float middle = (box.exactCenterX() - frame.getWidth() / 2f) * scale * (front ? -1 : 1);
            assertEquals(middle, shown.centerX() - view.getWidth() / 2f, 1);
        }
    }

    @Test
    public void showsTheFrontCameraAsInAMirror() throws IOException {
        allowCamera();
        addCameras();
        try (ActivityController<CameraActivity> controller = camera()) {
            CameraActivity activity = controller.get();
            Bitmap halves = Bitmap.createBitmap(64, 64, Bitmap.Config.ARGB_8888);
            halves.eraseColor(0xFF0000FF);
            for (int at = 0; at < 32 * 64; at++) {
                halves.setPixel(at % 32, at / 32, 0xFFFF0000);
            }
            for (boolean front : new boolean[] {true, false}) {
                activity.live().frame(Frames.of(halves, 0), halves, front);
                Bitmap screen = draw(activity, front ? "mirrored" : "not-mirrored");
                View view = activity.findViewById(R.id.live);
                int[] corner = new int[2];
                view.getLocationInWindow(corner);
                int left = screen.getPixel(corner[0] + view.getWidth() / 4, corner[1] + view.getHeight() / 2);
                assertEquals(front ? 0xFF0000FF : 0xFFFF0000, left);
            }
        }
    }

    @Test
    public void opensTheCameraAndFreesItInTheBackground() {
        allowCamera();
        addCameras();
        try (ActivityController<CameraActivity> controller = camera()) {
            CameraActivity activity = controller.get();
            CameraFeed first = activity.feed();
            until("the front camera", first::isOpen);
            assertText(activity, R.id.status, "Starting the camera…");
            assertTrue(enabled(activity, R.id.other_camera));
            activity.findViewById(R.id.other_camera).performClick();
            CameraFeed second = activity.feed();
            until("the front camera is free", () -> !first.isOpen());
            until("the back camera", second::isOpen);
            assertText(activity, R.id.other_camera, "Front camera");
            controller.pause();
            until("the back camera is free", () -> !second.isOpen());
            assertNull(activity.feed());
            controller.resume();
            until("the back camera again", activity.feed()::isOpen);
        }
    }

    @Test
    public void explainsAMissingCamera() {
        allowCamera();
        try (ActivityController<CameraActivity> controller = camera()) {
            until("why", () -> text(controller.get(), R.id.status).equals("This phone has no such camera."));
            assertFalse(enabled(controller.get(), R.id.other_camera));
        }
    }

    @Test
    public void turnsFramesByTheSensorAndTheScreen() {
        // A phone's usual sensors: the back one at 90, the front one at 270 degrees.
        int[] back = {90, 0, 270, 180};
        int[] front = {270, 0, 90, 180};
        int[] screens = {Surface.ROTATION_0, Surface.ROTATION_90, Surface.ROTATION_180, Surface.ROTATION_270};
        for (int at = 0; at < 4; at++) {
            int degrees = CameraFeed.degrees(screens[at]);
            assertEquals(at * 90, degrees);
            assertEquals("back, " + degrees, back[at], CameraFeed.rotation(90, degrees, false));
            assertEquals("front, " + degrees, front[at], CameraFeed.rotation(270, degrees, true));
        }
    }

    @Test
    public void takesFramesOfTheSizeThatTheDetectorsNeed() {
        Size[] sizes = {new Size(4000, 3000), new Size(1280, 720), new Size(640, 480), new Size(320, 240)};
        assertEquals(new Size(640, 480), CameraFeed.nearest(sizes));
        assertEquals(new Size(1280, 720), CameraFeed.nearest(new Size[] {sizes[0], sizes[1]}));
    }

    @Test
    public void countsFramesOfTheLastTwoSeconds() {
        Rate rate = new Rate();
        assertEquals(0, rate.perSecond(0), 0);
        for (int at = 0; at <= 30; at++) {
            rate.tick(at * 50_000_000L);
        }
        assertEquals(20, rate.perSecond(1_500_000_000L), 1e-9);
        assertEquals(0, rate.perSecond(9_000_000_000L), 0);
    }

    private static ActivityController<CameraActivity> camera() {
        ActivityController<CameraActivity> controller = Robolectric.buildActivity(CameraActivity.class);
        controller.setup();
        return controller;
    }

    private static void addCameras() {
        CameraManager manager =
                (CameraManager) RuntimeEnvironment.getApplication().getSystemService(Context.CAMERA_SERVICE);
        add(manager, "0", CameraCharacteristics.LENS_FACING_BACK, 90);
        add(manager, "1", CameraCharacteristics.LENS_FACING_FRONT, 270);
    }

    private static void add(CameraManager manager, String id, int facing, int sensor) {
        CameraCharacteristics camera = ShadowCameraCharacteristics.newCameraCharacteristics();
        Shadows.shadowOf(camera).set(CameraCharacteristics.LENS_FACING, facing);
        Shadows.shadowOf(camera).set(CameraCharacteristics.SENSOR_ORIENTATION, sensor);
        Shadows.shadowOf(manager).addCamera(id, camera);
    }

    private static Bitmap portrait(Context context) throws IOException {
        try (InputStream file = context.getAssets().open("bundle/" + PORTRAIT)) {
            return BitmapFactory.decodeStream(file);
        }
    }
}
