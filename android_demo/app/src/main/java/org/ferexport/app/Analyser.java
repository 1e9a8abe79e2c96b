package org.ferexport.app;

import android.content.Context;
import android.graphics.Bitmap;
import android.net.Uri;
import android.os.Handler;
import android.os.Looper;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.ferexport.fer.FerAnalyzer;
import org.ferexport.fer.FerException;
import org.ferexport.fer.FerFace;
import org.ferexport.fer.FerPhotos;

/** Loads and analyses photos on a thread of its own, one after the other; answers come on the main thread. */
final class Analyser {
    /** Hears what came out of the newest request; older ones are dropped. */
    interface Listener {
        void loaded(Bitmap photo);

        /** What the whole photo took and what the network took for one face, 0 without a face; in milliseconds. */
        void analysed(List<FerFace> faces, double photo, double face);

        void failed(FerException why);
    }

    /** Where a photo comes from. */
    interface Photo {
        Bitmap load() throws FerException;
    }

    private final ExecutorService thread = Executors.newSingleThreadExecutor();
    private final Handler main = new Handler(Looper.getMainLooper());
    private final FerAnalyzer analyzer;
    private final Listener listener;

    /** Of the newest request; used on the main thread. */
    private int newest;

    Analyser(FerAnalyzer analyzer, Listener listener) {
        this.analyzer = analyzer;
        this.listener = listener;
    }

    /** Loads a photo and analyses it. */
    void open(Context context, final Uri uri) {
        final Context app = context.getApplicationContext();
        open(new Photo() {
            @Override
            public Bitmap load() throws FerException {
                return FerPhotos.load(app, uri);
            }
        });
    }

    /** Loads a photo from somewhere else and analyses it. */
    void open(final Photo source) {
        final int request = ++newest;
        thread.execute(new Runnable() {
            @Override
            public void run() {
                try {
                    final Bitmap photo = source.load();
                    answer(request, new Runnable() {
                        @Override
                        public void run() {
                            listener.loaded(photo);
                        }
                    });
                    analyseNow(request, photo);
                } catch (FerException told) {
                    fail(request, told);
                }
            }
        });
    }

    /** Analyses a photo that is loaded already. */
    void analyse(final Bitmap photo) {
        final int request = ++newest;
        thread.execute(new Runnable() {
            @Override
            public void run() {
                try {
                    analyseNow(request, photo);
                } catch (FerException told) {
                    fail(request, told);
                }
            }
        });
    }

    /** Ends the thread after what it is doing; nothing is answered any more. */
    void close() {
        newest++;
        thread.shutdown();
        analyzer.close();
    }

    private void analyseNow(int request, Bitmap photo) throws FerException {
        long start = System.nanoTime();
        final List<FerFace> faces = analyzer.analyse(photo);
        final double whole = (System.nanoTime() - start) / 1e6;
        final double face = faces.isEmpty() ? 0 : analyzer.measure(faces);
        answer(request, new Runnable() {
            @Override
            public void run() {
                listener.analysed(faces, whole, face);
            }
        });
    }

    private void fail(int request, final FerException why) {
        answer(request, new Runnable() {
            @Override
            public void run() {
                listener.failed(why);
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
