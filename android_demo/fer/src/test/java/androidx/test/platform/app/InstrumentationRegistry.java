package androidx.test.platform.app;

import android.app.Instrumentation;
import android.os.Bundle;

/**
 * With its neighbours the few types of androidx.test:monitor that Robolectric calls; the artifact itself is on
 * Google's Maven only. Nobody stubs or watches intents and lifecycles here, so these do nothing.
 */
public final class InstrumentationRegistry {
    private static volatile Instrumentation registered;

    private InstrumentationRegistry() {
    }

    public static void registerInstance(Instrumentation instrumentation, Bundle arguments) {
        registered = instrumentation;
    }

    public static Instrumentation getInstrumentation() {
        return registered;
    }
}
