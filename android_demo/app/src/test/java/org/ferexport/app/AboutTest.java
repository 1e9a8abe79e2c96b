package org.ferexport.app;

import static org.ferexport.app.OnScreen.assertDark;
import static org.ferexport.app.OnScreen.assertText;
import static org.ferexport.app.OnScreen.draw;
import static org.ferexport.app.OnScreen.enabled;
import static org.ferexport.app.OnScreen.text;
import static org.ferexport.app.OnScreen.until;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;

import android.content.Intent;
import android.view.ViewGroup;
import android.widget.TextView;
import java.io.File;
import java.io.IOException;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.Robolectric;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.Shadows;
import org.robolectric.android.controller.ActivityController;
import org.robolectric.annotation.Config;
import org.robolectric.annotation.GraphicsMode;

/** What the app says of itself: its limits, its licences, and the check of the phone. */
@RunWith(RobolectricTestRunner.class)
@GraphicsMode(GraphicsMode.Mode.NATIVE)
@Config(sdk = 35, qualifiers = "en-w360dp-h740dp-xhdpi")
public class AboutTest {
    @Test
    public void saysItsLimits() throws IOException {
        try (ActivityController<AboutActivity> controller = Robolectric.buildActivity(AboutActivity.class)) {
            controller.setup();
            AboutActivity activity = controller.get();
            draw(activity, "about");
            activity.findViewById(R.id.show_licences).performClick();
            String licences = text(activity, R.id.licence_texts);
            assertTrue(licences, licences.contains("MIT License") && licences.contains("Apache License"));
            activity.findViewById(R.id.self_check).performClick();
            Intent started = Shadows.shadowOf(activity).getNextStartedActivity();
            assertEquals(SelfCheckActivity.class.getName(), started.getComponent().getClassName());
        }
    }

    @Test
    @Config(qualifiers = "fr-w740dp-h360dp-land-night-xhdpi", fontScale = 2)
    public void saysItsLimitsInTheLargestLetters() throws IOException {
        try (ActivityController<AboutActivity> controller = Robolectric.buildActivity(AboutActivity.class)) {
            controller.setup();
            assertDark(draw(controller.get(), "about-french-largest-landscape"));
        }
    }

    @Test
    public void endsASelfCheckThatWasLeft() {
        ActivityController<SelfCheckActivity> controller = Robolectric.buildActivity(SelfCheckActivity.class);
        controller.setup();
        CheckRun run = (CheckRun) controller.get().onRetainNonConfigurationInstance();
        controller.pause().stop().destroy();
        until("its end", () -> run.failure != null || run.report != null);
        assertNull(run.report);
    }

    @Test
    public void showsTheSelfCheck() throws IOException {
        try (ActivityController<SelfCheckActivity> controller = Robolectric.buildActivity(SelfCheckActivity.class)) {
            controller.setup();
            SelfCheckActivity activity = controller.get();
            until("the self-check", () -> enabled(activity, R.id.share));
            assertText(activity, R.id.status, "This phone computes what Python computed.");
            ViewGroup rows = activity.findViewById(R.id.rows);
            assertEquals(4, rows.getChildCount());
            String first = ((TextView) rows.getChildAt(0).findViewById(R.id.text)).getText().toString();
            assertTrue(first, first.contains("Agreement 100.0%"));
            String photos = ((TextView) rows.getChildAt(2).findViewById(R.id.text)).getText().toString();
            assertTrue(photos, photos.startsWith("Decoded alike: 11 of 11\nCrops alike: "));
            File kept = new File(activity.getExternalFilesDir(null), "self-check.json");
            assertTrue(kept.length() > 0);
            draw(activity, "self-check");
        }
    }
}
