package org.ferexport.core;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.BeforeClass;
import org.junit.Test;

/** The self-check on the bundle that ships, with runtimes that are right, wrong and foreign. */
public class SelfCheckTest {
    private static final Device DEVICE = new Device("a \"phone\"", "cpu", "x86_64", "Linux");

    private static Bundle bundle;
    private static LiteRt desktop;

    @BeforeClass
    public static void open() throws IOException {
        bundle = Bundle.open(new Folder(Setting.bundle()));
        desktop = new LiteRt(Setting.library(), true);
    }

    /** The desktop's LiteRT under another name, every probability off by a little. */
    private static ModelRuntime off(float difference, String kernels) {
        return new RuntimeOf(desktop) {
            @Override
            public String name() {
                return "made up";
            }

            @Override
            public String kernels() {
                return kernels;
            }

            @Override
            public int threads() {
                return 2;
            }

            @Override
            public EmotionModel emotions(byte[] file) throws IOException {
                EmotionModel model = desktop.emotions(file);
                return new EmotionModel() {
                    @Override
                    public float[] run(byte[] gray) {
                        float[] answer = model.run(gray);
                        for (int at = 0; at < answer.length; at++) {
                            answer[at] += difference;
                        }
                        return answer;
                    }

                    @Override
                    public void close() {
                        model.close();
                    }
                };
            }
        };
    }

    private static SelfCheckReport report(ModelRuntime runtime, List<Integer> steps) throws IOException {
        return new SelfCheck(bundle, runtime, new PngReader(), 20).run((step, count) -> steps.add(step * 100 / count));
    }

    @Test
    public void passesWhereThisMachineComputesWhatPythonDid() throws IOException {
        List<Integer> steps = new ArrayList<>();
        SelfCheckReport report = report(desktop, steps);
        assertTrue(report.toJson(DEVICE), report.passed());
        assertEquals(0, (int) steps.get(0));
        assertEquals(100, (int) steps.get(steps.size() - 1));
        assertEquals(2, report.variants.size());
        for (VariantCheck variant : report.variants) {
            assertEquals(1, variant.agreement, 0);
            assertTrue(variant.p50 > 0 && variant.p50 <= variant.p95);
        }
    }

    @Test
    public void failsOnTheSameKernelsWhereAProbabilityIsOff() throws IOException {
        SelfCheckReport report = report(off(.006f, "litert-xnnpack"), new ArrayList<>());
        assertFalse(report.passed());
        assertTrue(report.photos.passed());
        for (VariantCheck variant : report.variants) {
            assertFalse(variant.withinTolerance);
            assertEquals(.006, variant.largestDifference, 1e-4);
        }
    }

    @Test
    public void allowsMoreOnOtherKernels() throws IOException {
        SelfCheckReport report = report(off(.00002f, "another"), new ArrayList<>());
        assertTrue(report.toJson(DEVICE), report.passed());
        assertFalse(report(off(.9f, "another"), new ArrayList<>()).passed());
    }

    @Test
    public void writesTheDocument() throws IOException {
        SelfCheckReport report = report(desktop, new ArrayList<>());
        Object document = Json.read(report.toJson(DEVICE), "check");
        Fields fields = Fields.document(document, "check", "fer-export device check", 1, "bundle",
                "runtime", "kernels", "threads", "device", "photos", "variants");
        assertEquals(bundle.manifest.digest, fields.text("bundle"));
        assertEquals("litert-xnnpack", fields.text("kernels"));
        assertEquals(1, fields.whole("threads"));
        assertEquals("a \"phone\"", ((Map<?, ?>) fields.any("device")).get("model"));
        assertEquals(report.photos.crops(), Fields.of(fields.any("photos"), "photos", "photos", "equal_photos", "crops",
                "equal_crops", "faces", "missing_faces", "foreign_faces", "box_distance").whole("equal_crops"));
        for (Object variant : fields.list("variants")) {
            Fields row = Fields.of(variant, "variant", "file", "format", "precision", "vectors", "largest_difference",
                    "agreement", "p50_ms", "p95_ms", "within_tolerance");
            assertEquals(report.photos.crops(), row.whole("vectors"));
            assertEquals("tflite", row.text("format"));
        }
    }

    @Test
    public void namesTheFileThatWasChanged() throws IOException {
        Source folder = new Folder(Setting.bundle());
        String changed = bundle.manifest.preferred.file;
        Source source = path -> path.equals(changed) ? flipped(folder.open(path)) : folder.open(path);
        Bundle damaged = Bundle.open(source);
        BundleException refused = assertThrows(BundleException.class,
                () -> new SelfCheck(damaged, desktop, new PngReader()).run((step, steps) -> { }));
        assertEquals(changed + " is not the manifest's file; make the bundle again with `fer-export bundle`",
                refused.getMessage());
    }

    @Test
    public void asksForNoFileThatTheRuntimeDoesNotRun() throws IOException {
        Bundle without = lacking(".onnx");
        assertTrue(new SelfCheck(without, desktop, new PngReader(), 1).run((step, steps) -> { }).passed());
        for (Manifest.Variant variant : without.manifest.variants) {
            if (!desktop.runs(variant.format)) {
                String message = assertThrows(BundleException.class, () -> without.model(variant)).getMessage();
                assertTrue(message, message.contains("has no " + variant.file));
            }
        }
    }

    @Test
    public void namesTheVariantThatIsMissing() throws IOException {
        String missing = bundle.manifest.preferred.file;
        Bundle without = lacking(missing);
        String message = assertThrows(BundleException.class,
                () -> new SelfCheck(without, desktop, new PngReader()).run((step, steps) -> { })).getMessage();
        assertTrue(message, message.contains("has no " + missing));
    }

    @Test
    public void skipsAVariantThatAnAppLeftOut() throws IOException {
        String left = null;
        for (Manifest.Variant variant : bundle.manifest.variants) {
            left = variant != bundle.manifest.preferred && variant.format.equals("tflite") ? variant.file : left;
        }
        SelfCheckReport report = new SelfCheck(lacking(left), desktop, new PngReader(), 1).run((step, steps) -> { });
        assertTrue(report.passed());
        assertEquals(bundle.manifest.preferred.file, report.variants.get(0).variant.file);
        assertEquals(1, report.variants.size());
    }

    @Test
    public void namesTheFileThatIsMissing() {
        Source empty = path -> {
            throw new FileNotFoundException(path);
        };
        String message = assertThrows(BundleException.class, () -> Bundle.open(empty)).getMessage();
        assertTrue(message, message.endsWith("has no manifest.json; make the bundle again with `fer-export bundle`"));
    }

    /** The bundle without the files whose names end so. */
    private static Bundle lacking(String ending) throws IOException {
        Source whole = new Folder(Setting.bundle());
        return Bundle.open(path -> {
            if (path.endsWith(ending)) {
                throw new FileNotFoundException(path);
            }
            return whole.open(path);
        });
    }

    private static InputStream flipped(InputStream file) {
        return new InputStream() {
            private int at;

            @Override
            public int read() throws IOException {
                int value = file.read();
                return value >= 0 && at++ == 1000 ? value ^ 1 : value;
            }
        };
    }
}
