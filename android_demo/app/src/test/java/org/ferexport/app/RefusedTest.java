package org.ferexport.app;

import static org.ferexport.app.OnScreen.allowCamera;
import static org.ferexport.app.OnScreen.assertText;
import static org.ferexport.app.OnScreen.draw;
import static org.ferexport.app.OnScreen.main;
import static org.junit.Assert.assertEquals;

import android.app.Activity;
import android.app.Instrumentation;
import android.content.ActivityNotFoundException;
import android.content.Context;
import android.content.Intent;
import android.os.Bundle;
import android.os.IBinder;
import android.provider.MediaStore;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.Before;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.android.controller.ActivityController;
import org.robolectric.annotation.Config;
import org.robolectric.annotation.GraphicsMode;
import org.robolectric.util.ReflectionHelpers;

/** Other apps that are missing or refused: each is explained. */
@RunWith(RobolectricTestRunner.class)
@GraphicsMode(GraphicsMode.Mode.NATIVE)
@Config(sdk = 35, qualifiers = "en-w360dp-h740dp-xhdpi")
public class RefusedTest {
    @Before
    public void allow() {
        allowCamera();
    }

    @Test
    public void explainsADeniedCamera() throws IOException {
        try (ActivityController<MainActivity> controller = main()) {
            MainActivity activity = controller.get();
            refuse(activity, new SecurityException("Permission Denial: starting Intent"));
            activity.findViewById(R.id.take).performClick();
            assertText(activity, R.id.status,
                    "The camera is denied to this app. Allow it in the phone’s settings, or choose a photo.");
            activity.findViewById(R.id.choose).performClick();
            assertText(activity, R.id.status, "The phone does not let this app read the photo. Choose it again.");
        }
    }

    @Test
    public void choosesADocumentWhereThereIsNoPhotoPicker() {
        try (ActivityController<MainActivity> controller = main()) {
            MainActivity activity = controller.get();
            List<String> started = new ArrayList<>();
            ReflectionHelpers.setField(Activity.class, activity, "mInstrumentation", new Instrumentation() {
                @Override
                public ActivityResult execStartActivity(Context who, IBinder thread, IBinder token, Activity target,
                        Intent intent, int request, Bundle options) {
                    started.add(intent.getAction());
                    if (MediaStore.ACTION_PICK_IMAGES.equals(intent.getAction())) {
                        throw new ActivityNotFoundException("No Activity found to handle Intent");
                    }
                    return null;
                }
            });
            activity.findViewById(R.id.choose).performClick();
            assertEquals(List.of(MediaStore.ACTION_PICK_IMAGES, Intent.ACTION_OPEN_DOCUMENT), started);
            assertText(activity, R.id.status, OnScreen.SAMPLE);
        }
    }

    @Test
    public void explainsAMissingCameraApp() throws IOException {
        try (ActivityController<MainActivity> controller = main()) {
            MainActivity activity = controller.get();
            refuse(activity, new ActivityNotFoundException("No Activity found to handle Intent"));
            activity.findViewById(R.id.take).performClick();
            assertText(activity, R.id.status, "This phone has no camera app. Choose a photo instead.");
            draw(activity, "no-camera");
            activity.findViewById(R.id.choose).performClick();
            assertText(activity, R.id.status, "This phone has no app to choose a photo with.");
        }
    }

    /** Lets the system refuse every other app from now on. */
    private static void refuse(Activity activity, RuntimeException reason) {
        ReflectionHelpers.setField(Activity.class, activity, "mInstrumentation", new Instrumentation() {
            @Override
            public ActivityResult execStartActivity(Context who, IBinder thread, IBinder token, Activity target,
                    Intent intent, int request, Bundle options) {
                throw reason;
            }
        });
    }
}
