package org.ferexport.app;

import android.content.Context;
import android.os.Handler;
import android.os.Looper;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.ferexport.fer.FerAnalyzer;
import org.ferexport.fer.FerCheck;
import org.ferexport.fer.FerException;

/** A self-check on a thread of its own; outlives the rotation of the screen. Used on the main thread only. */
final class CheckRun {
    /** Shows the run after a change. */
    interface Screen {
        void show();
    }

    int step;
    int steps = 1;

    /** Null before it is known. */
    FerCheck report;

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

    void start(Context context) {
        final Context app = context.getApplicationContext();
        thread.execute(new Runnable() {
            @Override
            public void run() {
                try (FerAnalyzer analyzer = FerAnalyzer.open(app)) {
                    done(analyzer.check(new FerCheck.Progress() {
                        @Override
                        public void onStep(int at, int of) {
                            if (left) {
                                throw new CancellationException();
                            }
                            progress(at, of);
                        }
                    }), null);
                } catch (FerException failed) {
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

    private void done(final FerCheck found, final String why) {
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
