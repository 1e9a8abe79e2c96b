package org.ferexport.core;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import java.io.IOException;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.BeforeClass;
import org.junit.Test;

/** Replays the bundle that ships: the very files, through LiteRT and ONNX Runtime, against what Python recorded. */
public class GoldenTest {
    /** Equal, for probabilities that are whole steps of 1/256. */
    private static final double INT8 = 1e-7;

    private static final double FLOAT = 1e-5;

    private static final List<String> FORMATS = Setting.formats();
    private static final Map<String, ModelRuntime> RUNTIMES = new LinkedHashMap<>();
    private static Bundle bundle;
    private static Golden golden;

    @BeforeClass
    public static void open() throws IOException {
        bundle = Bundle.open(new Folder(Setting.bundle()));
        golden = bundle.golden();
        LiteRt[] desktop = {new LiteRt(Setting.library(), true), new LiteRt(Setting.library(), false)};
        for (ModelRuntime runtime : desktop) {
            RUNTIMES.put(runtime.kernels(), runtime);
        }
        if (FORMATS.contains("onnx")) {
            ModelRuntime onnx = new OnnxRuntime();
            RUNTIMES.put(onnx.kernels(), onnx);
        }
    }

    private static Picture picture(Golden.Photo photo) throws IOException {
        return new PngReader().decode(bundle.read(photo.file));
    }

    @Test
    public void everyFileIsTheManifests() throws IOException {
        Set<String> left = new HashSet<>();
        for (Manifest.Variant variant : bundle.manifest.variants) {
            if (!FORMATS.contains(variant.format)) {
                left.add(variant.file);
            }
        }
        for (String file : bundle.manifest.files()) {
            if (left.contains(file)) {
                String message = assertThrows(BundleException.class, () -> bundle.read(file)).getMessage();
                assertTrue(message, message.contains("has no " + file));
            } else {
                assertNotNull(bundle.read(file));
            }
        }
    }

    @Test
    public void labelsAreTheContracts() throws IOException {
        String text = new String(bundle.read("labels.txt"), "UTF-8");
        assertEquals(String.join("\n", bundle.contract.labels) + "\n", text);
    }

    @Test
    public void everyPhotoDecodesToTheVeryPixels() throws IOException {
        assertTrue(golden.photos.size() > 1);
        for (Golden.Photo photo : golden.photos) {
            Picture picture = picture(photo);
            assertEquals(photo.file, photo.width + " x " + photo.height, picture.width() + " x " + picture.height());
            assertEquals(photo.file, photo.sha256, Hash.sha256(picture));
        }
    }

    @Test
    public void everyCropIsTheVeryBytesOfPython() throws IOException {
        for (Golden.Photo photo : golden.photos) {
            Picture picture = picture(photo);
            for (Golden.Cut crop : photo.crops) {
                Square square = Crop.square(crop.box, photo.width, photo.height, bundle.contract.crop);
                String place = photo.file + " " + crop.box;
                assertEquals(place, crop.square, square);
                assertArrayEquals(place, crop.gray, Crop.face(picture, square, bundle.contract));
            }
        }
    }

    @Test
    public void everyFaceIsFoundWithinAPixel() throws IOException {
        for (String kernels : new String[] {"litert-xnnpack", "litert-builtin"}) {
            try (FaceDetector detector = new FaceDetector(bundle, RUNTIMES.get(kernels))) {
                for (Golden.Photo photo : golden.photos) {
                    List<Face> found = detector.faces(picture(photo));
                    assertEquals(photo.file, photo.faces.size(), found.size());
                    for (int at = 0; at < found.size(); at++) {
                        Face face = photo.faces.get(at);
                        String place = photo.file + " " + kernels + " " + face + " " + found.get(at);
                        assertTrue(place, face.box.distance(found.get(at).box) <= PhotoCheck.BOX_TOLERANCE);
                        assertEquals(place, face.detector, found.get(at).detector);
                        assertEquals(place, face.score, found.get(at).score, 1e-3);
                    }
                }
            }
        }
    }

    @Test
    public void everyVariantAnswersAsRecorded() throws IOException {
        for (Golden.Answers answers : golden.answers) {
            Manifest.Variant variant = bundle.manifest.variant(answers.file);
            if (!FORMATS.contains(variant.format)) {
                continue;
            }
            ModelRuntime runtime = RUNTIMES.get(answers.kernels);
            assertNotNull("no runtime here has the kernels " + answers.kernels, runtime);
            // LiteRT's built-in int8 kernels round as the processor does: there the recorded limit is the wider one.
            boolean portable = !answers.kernels.equals("litert-builtin");
            double limit = !variant.precision.equals("int8") ? FLOAT : portable ? INT8 : answers.tolerance;
            try (EmotionModel model = runtime.emotions(bundle.model(variant))) {
                for (int at = 0; at < golden.vectors.size(); at++) {
                    double difference =
                            VariantCheck.difference(answers.probabilities[at], model.run(golden.vectors.get(at)));
                    assertTrue(answers.file + " vector " + at + " on " + answers.kernels + " is " + difference + " off",
                            difference <= limit);
                }
            }
        }
    }

    @Test
    public void everyVariantHasAnswers() {
        assertTrue(bundle.manifest.variants.size() >= 4);
        for (Manifest.Variant variant : bundle.manifest.variants) {
            boolean tflite = variant.format.equals("tflite");
            for (String kernels : tflite ? new String[] {"litert-xnnpack", "litert-builtin"}
                    : new String[] {"onnxruntime"}) {
                Golden.Answers answers = golden.of(variant, kernels);
                assertNotNull(variant.file, answers);
                assertEquals(variant.file, kernels, answers.kernels);
            }
        }
    }

    @Test
    public void pipelineGoesFromPhotoToEmotions() throws IOException {
        ModelRuntime runtime = RUNTIMES.get("litert-xnnpack");
        Manifest.Variant variant = bundle.manifest.preferred;
        Golden.Answers answers = golden.of(variant, runtime.kernels());
        int vector = 0;
        int faces = 0;
        try (Pipeline pipeline = new Pipeline(bundle, variant, runtime)) {
            for (Golden.Photo photo : golden.photos) {
                List<Prediction> predictions = pipeline.predict(picture(photo));
                assertEquals(photo.file, photo.faces.size(), predictions.size());
                // The crops of the found boxes come before those of boxes made by hand.
                for (int at = 0; at < predictions.size(); at++) {
                    Prediction prediction = predictions.get(at);
                    assertEquals(photo.file, photo.crops.get(at).square, prediction.square);
                    assertArrayEquals(photo.file, photo.crops.get(at).gray, prediction.gray);
                    float[] wanted = answers.probabilities[vector + at];
                    assertArrayEquals(photo.file, wanted, prediction.probabilities, (float) INT8);
                    assertEquals(Emotion.ranked(bundle.contract.labels, wanted), prediction.emotions);
                    faces++;
                }
                vector += photo.crops.size();
            }
        }
        assertTrue("no golden photo has a face", faces > 0);
    }
}
