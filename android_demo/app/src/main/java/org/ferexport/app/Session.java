package org.ferexport.app;

import android.content.ContentResolver;
import android.graphics.Bitmap;
import android.net.Uri;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.ferexport.core.Bundle;
import org.ferexport.core.Manifest;
import org.ferexport.core.ModelRuntime;
import org.ferexport.core.Prediction;

/** What the main screen shows; outlives the rotation of the screen. Used on the main thread only. */
final class Session implements Analyser.Listener {
    /** Shows the session after a change. */
    interface Screen {
        void show();
    }

    /** The variants that the runtime runs; empty where the app holds no usable bundle. */
    final List<Manifest.Variant> variants = new ArrayList<Manifest.Variant>();

    /** The variant in use, of the list above. */
    int variant;

    Uri uri;
    Bitmap photo;

    /** The photo's faces, the largest first; null before they are known. */
    List<Prediction> faces;

    /** The face whose emotions are shown. */
    int selected;

    boolean busy;

    /** What the last analysis took, in milliseconds, each face run once; the decoding of the file is not in it. */
    double milliseconds;

    /** A string to show and what it is about, or 0 and null. */
    int text;
    String detail;

    /** What a variant takes for one face, by its file, in milliseconds: a median of warm runs on the last photo. */
    private final Map<String, Double> inferences = new HashMap<String, Double>();

    private Analyser analyser;
    private Screen screen;

    Session(AssetSource source, ModelRuntime runtime) {
        try {
            Bundle bundle = Bundle.open(source);
            for (Manifest.Variant each : bundle.manifest.variants) {
                if (runtime.runs(each.format)) {
                    variant = each == bundle.manifest.preferred ? variants.size() : variant;
                    variants.add(each);
                }
            }
            analyser = new Analyser(bundle, runtime, this);
        } catch (IOException broken) {
            text = R.string.bundle_broken;
            detail = broken.getMessage();
        }
        if (text == 0 && variants.isEmpty()) {
            text = R.string.bundle_broken;
            detail = runtime.name();
        }
    }

    /** Whether photos can be analysed at all. */
    boolean usable() {
        return !variants.isEmpty();
    }

    /** What a variant takes for one face, in milliseconds; null before it is known. */
    Double inference(Manifest.Variant which) {
        return inferences.get(which.file);
    }

    /** Answers to another screen, or to none. */
    void attach(Screen to) {
        screen = to;
    }

    void open(ContentResolver resolver, Uri from) {
        uri = from;
        photo = null;
        clear();
        busy = true;
        analyser.open(resolver, from, variants.get(variant));
        changed();
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
        detail = null;
        analyser.analyse(photo, variants.get(variant));
        changed();
    }

    void select(int face) {
        selected = face;
        changed();
    }

    /** Tells why there is nothing new; the former photo stays. */
    void tell(int why) {
        text = why;
        detail = null;
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
    public void analysed(List<Prediction> found, double whole, double face) {
        busy = false;
        text = 0;
        detail = null;
        faces = Collections.unmodifiableList(new ArrayList<Prediction>(found));
        selected = selected < faces.size() ? selected : 0;
        milliseconds = whole;
        if (!faces.isEmpty()) {
            inferences.put(variants.get(variant).file, face);
        }
        changed();
    }

    @Override
    public void failed(int why, String about) {
        clear();
        text = why;
        detail = about;
        changed();
    }

    private void clear() {
        faces = null;
        selected = 0;
        busy = false;
        text = 0;
        detail = null;
    }

    private void changed() {
        if (screen != null) {
            screen.show();
        }
    }
}
