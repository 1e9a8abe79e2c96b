package org.ferexport.app;

import android.os.Handler;
import android.os.Looper;
import java.io.IOException;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.ferexport.core.Bundle;
import org.ferexport.core.ModelRuntime;
import org.ferexport.core.SelfCheck;
import org.ferexport.core.SelfCheckReport;

/** A self-check on a thread of its own; outlives the rotation of the screen. Used on the main thread only. */
final class CheckRun {
    /** Shows the run after a change. */
    interface Screen {
        void show();
    }

    int step;
    int steps = 1;

    /** Null before it is known. */
    SelfCheckReport report;

    /** Why there is no report; null where nothing failed. */
    String failure;

    private final ExecutorService thread = Executors.newSingleThreadExecutor();
    private final Handler main = new Handler(Looper.getMainLooper());
    private Screen screen;
    private volatile boolean left;

    /** Ends the run at its next step: nobody waits for it, and it would slow what comes after it. */
    void leave() {
        left = true;
    }

    void attach(Screen to) {
        screen = to;
    }

    void start(final AssetSource source, final ModelRuntime runtime) {
        thread.execute(new Runnable() {
            @Override
            public void run() {
                try {
                    SelfCheck check = new SelfCheck(Bundle.open(source), runtime, new BitmapReader());
                    done(check.run(new SelfCheck.Progress() {
                        @Override
                        public void at(int at, int of) {
                            if (left) {
                                throw new CancellationException();
                            }
                            progress(at, of);
                        }
                    }), null);
                } catch (IOException failed) {
                    done(null, failed.getMessage());
                } catch (RuntimeException failed) {
                    done(null, String.valueOf(failed.getMessage()));
                }
            }
        });
        thread.shutdown();
    }

    private void progress(final int at, final int of) {
        main.post(new Runnable() {
            @Override
            public void run() {
                step = at;
                steps = of;
                changed();
            }
        });
    }

    private void done(final SelfCheckReport found, final String why) {
        main.post(new Runnable() {
            @Override
            public void run() {
                report = found;
                failure = why;
                changed();
            }
        });
    }

    private void changed() {
        if (screen != null) {
            screen.show();
        }
    }
}
