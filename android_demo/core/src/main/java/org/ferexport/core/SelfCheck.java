package org.ferexport.core;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Replays a bundle's golden vectors: whether this machine finds, cuts and answers what Python did, and how fast. */
public final class SelfCheck {
    private static final int WARM_UP = 10;
    private static final int TIMED = 200;

    private final Bundle bundle;
    private final ModelRuntime runtime;
    private final PictureReader reader;
    private final int timed;

    public SelfCheck(Bundle bundle, ModelRuntime runtime, PictureReader reader) {
        this(bundle, runtime, reader, TIMED);
    }

    /** With another number of timed inferences. */
    SelfCheck(Bundle bundle, ModelRuntime runtime, PictureReader reader, int timed) {
        this.bundle = bundle;
        this.runtime = runtime;
        this.reader = reader;
        this.timed = timed;
    }

    /** Hears how far the check is; called on the thread that runs it. */
    public interface Progress {
        void at(int step, int steps);
    }

    /**
     * Runs the whole check; takes seconds.
     *
     * @throws IOException where a file is not the bundle's, or the runtime refuses it
     */
    public SelfCheckReport run(Progress progress) throws IOException {
        Golden golden = bundle.golden();
        List<Manifest.Variant> variants = new ArrayList<Manifest.Variant>();
        for (Manifest.Variant variant : bundle.manifest.variants) {
            // An app may leave out all but the preferred one.
            boolean here = variant == bundle.manifest.preferred || bundle.has(variant.file);
            if (here && runtime.runs(variant.format) && golden.of(variant, runtime.kernels()) != null) {
                variants.add(variant);
            }
        }
        int steps = golden.photos.size() + variants.size();
        int step = 0;
        PhotoCheck photos = new PhotoCheck();
        FaceDetector detector = new FaceDetector(bundle, runtime);
        try {
            for (Golden.Photo photo : golden.photos) {
                progress.at(step++, steps);
                photos.add(photo, reader.decode(bundle.read(photo.file)), bundle.contract, detector);
            }
        } finally {
            detector.close();
        }
        List<VariantCheck> answered = new ArrayList<VariantCheck>();
        for (Manifest.Variant variant : variants) {
            progress.at(step++, steps);
            answered.add(check(variant, golden));
        }
        progress.at(steps, steps);
        return new SelfCheckReport(bundle.manifest.digest, runtime, photos, answered);
    }

    private VariantCheck check(Manifest.Variant variant, Golden golden) throws IOException {
        EmotionModel model = runtime.emotions(bundle.model(variant));
        try {
            Golden.Answers expected = golden.of(variant, runtime.kernels());
            float[][] answers = new float[golden.vectors.size()][];
            for (int at = 0; at < answers.length; at++) {
                answers[at] = model.run(golden.vectors.get(at));
            }
            Latency latency = Latency.of(model, golden.vectors, WARM_UP, timed);
            return new VariantCheck(variant, expected, runtime.kernels(), answers, latency);
        } finally {
            model.close();
        }
    }
}
