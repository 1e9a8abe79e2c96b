package org.ferexport.app;

import android.content.ContentResolver;
import android.graphics.Bitmap;
import android.net.Uri;
import android.os.Handler;
import android.os.Looper;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.ferexport.core.Bundle;
import org.ferexport.core.Manifest;
import org.ferexport.core.ModelRuntime;
import org.ferexport.core.Pipeline;
import org.ferexport.core.Prediction;

/** Loads and analyses photos on a thread of its own, one after the other; answers come on the main thread. */
final class Analyser {
    /** Hears what came out of the newest request; older ones are dropped. */
    interface Listener {
        void loaded(Bitmap photo);

        /** What the whole photo took and what the network took for one face, 0 without a face; in milliseconds. */
        void analysed(List<Prediction> faces, double photo, double face);

        /** The detail may be null. */
        void failed(int text, String detail);
    }

    private final ExecutorService thread = Executors.newSingleThreadExecutor();
    private final Handler main = new Handler(Looper.getMainLooper());
    private final Bundle bundle;
    private final ModelRuntime runtime;
    private final Listener listener;

    /** Of the newest request; used on the main thread. */
    private int newest;

    // Used on the analyser's thread only.
    private Pipeline pipeline;
    private Manifest.Variant loaded;

    Analyser(Bundle bundle, ModelRuntime runtime, Listener listener) {
        this.bundle = bundle;
        this.runtime = runtime;
        this.listener = listener;
    }

    /** Loads a photo and analyses it. */
    void open(final ContentResolver resolver, final Uri uri, final Manifest.Variant variant) {
        final int request = ++newest;
        thread.execute(new Runnable() {
            @Override
            public void run() {
                try {
                    final Bitmap photo = new PhotoLoader(resolver).load(uri);
                    answer(request, new Runnable() {
                        @Override
                        public void run() {
                            listener.loaded(photo);
                        }
                    });
                    analyseNow(request, photo, variant);
                } catch (PhotoException told) {
                    fail(request, told.text, null);
                }
            }
        });
    }

    /** Analyses a photo that is loaded already. */
    void analyse(final Bitmap photo, final Manifest.Variant variant) {
        final int request = ++newest;
        thread.execute(new Runnable() {
            @Override
            public void run() {
                analyseNow(request, photo, variant);
            }
        });
    }

    /** Ends the thread after what it is doing; nothing is answered any more. */
    void close() {
        newest++;
        thread.execute(new Runnable() {
            @Override
            public void run() {
                if (pipeline != null) {
                    pipeline.close();
                }
            }
        });
        thread.shutdown();
    }

    private void analyseNow(int request, Bitmap photo, Manifest.Variant variant) {
        try {
            load(variant);
            long start = System.nanoTime();
            final List<Prediction> faces = pipeline.predict(new BitmapPicture(photo));
            final double whole = (System.nanoTime() - start) / 1e6;
            final double face = faces.isEmpty() ? 0 : pipeline.latency(faces);
            answer(request, new Runnable() {
                @Override
                public void run() {
                    listener.analysed(faces, whole, face);
                }
            });
        } catch (IOException failed) {
            fail(request, R.string.analysis_failed, failed.getMessage());
        } catch (RuntimeException failed) {
            fail(request, R.string.analysis_failed, failed.getMessage());
        } catch (OutOfMemoryError large) {
            fail(request, R.string.too_large, null);
        }
    }

    private void load(Manifest.Variant variant) throws IOException {
        if (pipeline == null) {
            pipeline = new Pipeline(bundle, variant, runtime);
        } else if (variant != loaded) {
            pipeline.use(variant);
        }
        loaded = variant;
    }

    private void fail(int request, final int text, final String detail) {
        answer(request, new Runnable() {
            @Override
            public void run() {
                listener.failed(text, detail);
            }
        });
    }

    private void answer(final int request, final Runnable answer) {
        main.post(new Runnable() {
            @Override
            public void run() {
                if (request == newest) {
                    answer.run();
                }
            }
        });
    }
}
