package org.ferexport.app;

import android.content.Context;
import android.content.res.AssetManager;
import android.graphics.Bitmap;
import android.graphics.BitmapFactory;
import android.net.Uri;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.ferexport.fer.FerAnalyzer;
import org.ferexport.fer.FerException;
import org.ferexport.fer.FerFace;
import org.ferexport.fer.FerVariant;

/** What the main screen shows; outlives the rotation of the screen. Used on the main thread only. */
final class Session implements Analyser.Listener {
    /** Shows the session after a change. */
    interface Screen {
        void show();
    }

    /** A portrait in the public domain, which the bundle brings along. */
    private static final String SAMPLE = FerAnalyzer.ASSETS + "/golden/portrait.png";

    /** The networks; empty where the app holds no usable bundle. */
    final List<FerVariant> variants;

    /** The variant in use, of the list above. */
    int variant;

    /** The photo's place; null for the sample. */
    Uri uri;

    Bitmap photo;

    /** Whether the photo is the sample of the first screen. */
    boolean sample;

    /** The photo's faces, the largest first; null before they are known. */
    List<FerFace> faces;

    /** The face whose emotions are shown. */
    int selected;

    boolean busy;

    /** What the last analysis took, in milliseconds, each face run once; the decoding of the file is not in it. */
    double milliseconds;

    /** A string to show, or 0. */
    int text;

    /** What went wrong, or null. */
    FerException error;

    /** What a variant takes for one face, by its file, in milliseconds: a median of warm runs on the last photo. */
    private final Map<String, Double> inferences = new HashMap<String, Double>();

    private FerAnalyzer analyzer;
    private Analyser analyser;
    private Screen screen;

    Session(Context context) {
        List<FerVariant> found = Collections.emptyList();
        try {
            analyzer = FerAnalyzer.open(context);
            analyser = new Analyser(analyzer, this);
            found = analyzer.getVariants();
            variant = found.indexOf(analyzer.getVariant());
        } catch (FerException broken) {
            error = broken;
        }
        variants = found;
    }

    /** Whether photos can be analysed at all. */
    boolean usable() {
        return !variants.isEmpty();
    }

    /** What a variant takes for one face, in milliseconds; null before it is known. */
    Double inference(FerVariant which) {
        return inferences.get(which.getFile());
    }

    /** Answers to another screen, or to none. */
    void attach(Screen to) {
        screen = to;
    }

    void open(Context context, Uri from) {
        start(from, false);
        analyser.open(context, from);
        changed();
    }

    /** Shows what the app does; nothing where the app was built without the sample. */
    void openSample(final AssetManager assets) {
        try {
            assets.open(SAMPLE).close();
        } catch (IOException none) {
            return;
        }
        start(null, true);
        analyser.open(new Analyser.Photo() {
            @Override
            public Bitmap load() {
                try (InputStream file = assets.open(SAMPLE)) {
                    BitmapFactory.Options options = new BitmapFactory.Options();
                    options.inScaled = false;
                    return BitmapFactory.decodeStream(file, null, options);
                } catch (IOException gone) {
                    throw new IllegalStateException(gone);
                }
            }
        });
        changed();
    }

    private void start(Uri from, boolean isSample) {
        uri = from;
        sample = isSample;
        photo = null;
        clear();
        busy = true;
        analyzer.setVariant(variants.get(variant));
    }

    void use(int which) {
        if (which == variant) {
            return;
        }
        variant = which;
        if (photo != null) {
            analyse();
        } else {
            changed();
        }
    }

    /** Whether there is a photo to analyse, and nothing is running. */
    boolean ready() {
        return photo != null && !busy;
    }

    /** Analyses the photo again; its last result stays until then. */
    void analyse() {
        busy = true;
        text = 0;
        error = null;
        analyzer.setVariant(variants.get(variant));
        analyser.analyse(photo);
        changed();
    }

    void select(int face) {
        selected = face;
        changed();
    }

    /** Tells why there is nothing new; the former photo stays. */
    void tell(int why) {
        text = why;
        error = null;
        changed();
    }

    void close() {
        if (analyser != null) {
            analyser.close();
        }
    }

    @Override
    public void loaded(Bitmap bitmap) {
        photo = bitmap;
        changed();
    }

    @Override
    public void analysed(List<FerFace> found, double whole, double face) {
        busy = false;
        text = 0;
        error = null;
        faces = Collections.unmodifiableList(new ArrayList<FerFace>(found));
        selected = selected < faces.size() ? selected : 0;
        milliseconds = whole;
        if (!faces.isEmpty()) {
            inferences.put(variants.get(variant).getFile(), face);
        }
        changed();
    }

    @Override
    public void failed(FerException why) {
        clear();
        error = why;
        changed();
    }

    private void clear() {
        faces = null;
        selected = 0;
        busy = false;
        text = 0;
        error = null;
    }

    private void changed() {
        if (screen != null) {
            screen.show();
        }
    }
}
