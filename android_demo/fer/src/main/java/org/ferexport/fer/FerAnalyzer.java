package org.ferexport.fer;

import android.content.Context;
import android.graphics.Bitmap;
import android.graphics.Matrix;
import android.media.Image;
import android.os.Handler;
import android.os.Looper;
import java.io.Closeable;
import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.ferexport.core.Bundle;
import org.ferexport.core.BundleException;
import org.ferexport.core.Folder;
import org.ferexport.core.Manifest;
import org.ferexport.core.ModelRuntime;
import org.ferexport.core.Picture;
import org.ferexport.core.Pipeline;
import org.ferexport.core.Prediction;
import org.ferexport.core.SelfCheck;
import org.ferexport.core.Source;
import org.jspecify.annotations.Nullable;

/**
 * Faces and their emotions in pictures, by a bundle of `fer-export bundle`.
 *
 * <p>May be used by several threads; pictures are analysed one after the other. {@link #analyse} takes some hundredths
 * of a second and works on the caller's thread; {@link #analyseAsync} works on the analyzer's own and answers on the
 * main thread. The first analysis loads the models. Close it where it is not needed any more.
 */
public final class FerAnalyzer implements Closeable {
    /** Where `fer-export bundle --android DIR` puts a bundle. */
    public static final String ASSETS = "bundle";

    private final Bundle bundle;
    private final ModelRuntime runtime;
    private final List<FerVariant> variants;
    private final Handler main = new Handler(Looper.getMainLooper());
    private final ExecutorService thread = Executors.newSingleThreadExecutor();
    private final Object lock = new Object();
    private final AtomicBoolean closed = new AtomicBoolean();

    // Guarded by the lock.
    private FerVariant variant;
    private @Nullable Pipeline pipeline;
    private @Nullable FerVariant loaded;

    private FerAnalyzer(Source source, ModelRuntime runtime) throws FerException {
        this.runtime = runtime;
        try {
            bundle = Bundle.open(source);
        } catch (IOException broken) {
            throw new FerException.Bundle(broken);
        }
        List<FerVariant> found = new ArrayList<FerVariant>();
        FerVariant first = null;
        for (Manifest.Variant each : bundle.manifest.variants) {
            if (runtime.runs(each.format) && bundle.has(each.file)) {
                FerVariant next = new FerVariant(each, each == bundle.manifest.preferred);
                found.add(next);
                first = first == null || next.isPreferred() ? next : first;
            }
        }
        if (first == null) {
            throw new FerException.Bundle(new BundleException("the bundle " + source + " has no .tflite file; make the"
                    + " bundle again with `fer-export bundle`"));
        }
        variants = Collections.unmodifiableList(found);
        variant = first;
    }

    /**
     * Opens the bundle in the app's assets, folder {@code bundle}.
     *
     * @throws FerException.Bundle where it is missing, changed, or of another version
     */
    public static FerAnalyzer open(Context context) throws FerException {
        return open(context, ASSETS);
    }

    /**
     * Opens the bundle in another folder of the app's assets.
     *
     * @throws FerException.Bundle where it is missing, changed, or of another version
     */
    public static FerAnalyzer open(Context context, String folder) throws FerException {
        return new FerAnalyzer(new AssetSource(context.getAssets(), folder), new TfliteRuntime());
    }

    /**
     * Opens the bundle in a folder of the phone's storage, such as one that the app has downloaded.
     *
     * @throws FerException.Bundle where it is missing, changed, or of another version
     */
    public static FerAnalyzer open(File folder) throws FerException {
        return new FerAnalyzer(new Folder(folder), new TfliteRuntime());
    }

    /** The networks that this phone can run, in the order in which an app should offer them; at least one. */
    public List<FerVariant> getVariants() {
        return variants;
    }

    /** The network in use; at first the one that the bundle prefers. */
    public FerVariant getVariant() {
        synchronized (lock) {
            return variant;
        }
    }

    /** Uses another of {@link #getVariants} from the next analysis on. */
    public void setVariant(FerVariant next) {
        if (!variants.contains(next)) {
            throw new IllegalArgumentException(next.getFile() + " is not one of this analyzer's variants");
        }
        synchronized (lock) {
            variant = next;
        }
    }

    /** The labels of the emotions, in the network's order. */
    public List<String> getLabels() {
        return bundle.contract.labels;
    }

    /** The faces of an upright picture, the largest first. Not on the main thread: it takes some time. */
    public List<FerFace> analyse(Bitmap upright) throws FerException {
        return analyse(upright, 0);
    }

    /**
     * The faces of a picture, the largest first. Not on the main thread: it takes some time.
     *
     * @param rotation clockwise degrees that turn the picture upright: 0, 90, 180 or 270; the boxes are those of the
     *     upright picture
     * @throws FerException.Runtime where LiteRT does not load or refuses a model
     * @throws FerException.Bundle where a file of the bundle is missing or changed
     * @throws FerException.Memory where the picture is too large
     * @throws FerException.Closed after {@link #close}
     */
    public List<FerFace> analyse(Bitmap picture, int rotation) throws FerException {
        requireRightAngle(rotation);
        try {
            return faces(new BitmapPicture(turned(picture, rotation)));
        } catch (OutOfMemoryError large) {
            throw new FerException.Memory(large);
        }
    }

    /** The faces of a camera's frame, the largest first; as {@link #analyse(Bitmap, int)}. */
    public List<FerFace> analyse(FerFrame frame) throws FerException {
        return faces(frame.picture());
    }

    /**
     * The faces of an image of an ImageReader, the largest first; as {@link #analyse(Bitmap, int)}. The image may be
     * closed afterwards; to close it sooner, copy it into a {@link FerFrame}.
     *
     * @param image in YUV_420_888
     */
    public List<FerFace> analyse(Image image, int rotation) throws FerException {
        return analyse(FerFrame.copy(image, rotation));
    }

    /** Analyses on the analyzer's own thread; the picture must not change or be recycled before the answer. */
    public void analyseAsync(final Bitmap picture, final int rotation, FerCallback callback) {
        requireRightAngle(rotation);
        later(callback, new Work() {
            @Override
            public List<FerFace> run() throws FerException {
                return analyse(picture, rotation);
            }
        });
    }

    /** Analyses on the analyzer's own thread. */
    public void analyseAsync(final FerFrame frame, FerCallback callback) {
        later(callback, new Work() {
            @Override
            public List<FerFace> run() throws FerException {
                return analyse(frame);
            }
        });
    }

    /**
     * What the network in use takes for one face, in milliseconds: the median of some runs, without detectors and crop.
     *
     * @param faces what this analyzer found, at least one
     */
    public double measure(List<FerFace> faces) throws FerException {
        if (faces.isEmpty()) {
            throw new IllegalArgumentException("pass at least one face");
        }
        List<byte[]> inputs = new ArrayList<byte[]>();
        for (FerFace face : faces) {
            inputs.add(face.gray());
        }
        try {
            synchronized (lock) {
                return ready().latencyOf(inputs);
            }
        } catch (RuntimeException failed) {
            throw new FerException.Runtime(failed);
        }
    }

    /**
     * Replays the bundle's golden vectors: takes seconds, not on the main thread. What the progress throws ends it.
     *
     * @throws FerException.Bundle where the bundle's golden vectors were left out
     */
    public FerCheck check(final FerCheck.Progress progress) throws FerException {
        SelfCheck check = new SelfCheck(bundle, runtime, new BitmapReader());
        try {
            return new FerCheck(check.run(new SelfCheck.Progress() {
                @Override
                public void at(int step, int steps) {
                    progress.onStep(step, steps);
                }
            }), new Phone());
        } catch (IOException failed) {
            throw explained(failed);
        }
    }

    /** Frees the models once what is running has ended; nothing is answered any more. A second call does nothing. */
    @Override
    public void close() {
        if (closed.getAndSet(true)) {
            return;
        }
        thread.execute(new Runnable() {
            @Override
            public void run() {
                synchronized (lock) {
                    if (pipeline != null) {
                        pipeline.close();
                        pipeline = null;
                    }
                }
            }
        });
        thread.shutdown();
    }

    private interface Work {
        List<FerFace> run() throws FerException;
    }

    private void later(final FerCallback callback, final Work work) {
        try {
            thread.execute(new Runnable() {
                @Override
                public void run() {
                    try {
                        answer(callback, work.run(), null);
                    } catch (FerException failed) {
                        answer(callback, null, failed);
                    }
                }
            });
        } catch (RejectedExecutionException ended) {
            throw new IllegalStateException("this FerAnalyzer is closed", ended);
        }
    }

    private void answer(
            final FerCallback callback, final @Nullable List<FerFace> faces, final @Nullable FerException failed) {
        main.post(new Runnable() {
            @Override
            public void run() {
                if (closed.get()) {
                    return;
                }
                if (failed != null) {
                    callback.onError(failed);
                } else if (faces != null) {
                    callback.onFaces(faces);
                }
            }
        });
    }

    private List<FerFace> faces(Picture upright) throws FerException {
        try {
            synchronized (lock) {
                List<FerFace> result = new ArrayList<FerFace>();
                for (Prediction found : ready().predict(upright)) {
                    result.add(FerFace.of(found, bundle.contract.labels));
                }
                return Collections.unmodifiableList(result);
            }
        } catch (OutOfMemoryError large) {
            throw new FerException.Memory(large);
        } catch (RuntimeException failed) {
            throw new FerException.Runtime(failed);
        }
    }

    /** The pipeline with the variant in use, loaded. */
    private Pipeline ready() throws FerException {
        if (closed.get()) {
            throw new FerException.Closed();
        }
        try {
            if (pipeline == null) {
                pipeline = new Pipeline(bundle, variant.variant, runtime);
            } else if (loaded != variant) {
                pipeline.use(variant.variant);
            }
        } catch (IOException failed) {
            throw explained(failed);
        }
        loaded = variant;
        return pipeline;
    }

    private static FerException explained(IOException failed) {
        return failed instanceof BundleException ? new FerException.Bundle(failed) : new FerException.Runtime(failed);
    }

    private static void requireRightAngle(int rotation) {
        if (rotation != 0 && rotation != 90 && rotation != 180 && rotation != 270) {
            throw new IllegalArgumentException("rotation is " + rotation + "; it must be 0, 90, 180 or 270");
        }
    }

    private static Bitmap turned(Bitmap picture, int rotation) {
        if (rotation == 0) {
            return picture;
        }
        Matrix matrix = new Matrix();
        matrix.setRotate(rotation);
        return Bitmap.createBitmap(picture, 0, 0, picture.getWidth(), picture.getHeight(), matrix, false);
    }
}
