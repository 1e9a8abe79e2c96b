package org.ferexport.shipped;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import com.googlecode.d2j.dex.Dex2jar;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.net.URISyntaxException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Enumeration;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.junit.Rule;
import org.junit.Test;
import org.junit.rules.TemporaryFolder;

/**
 * Runs core's tests on what ships: the classes are those of the APK's dex files, turned back into Java
 * bytecode, and the bundle is the one in its assets. Core's own classes are out of reach here.
 *
 * <p>The APK is named by the system property {@code apk}, by default where the module app leaves it.
 */
public class ShippedApkTest {
    private static final String ASSETS = "assets/bundle/";
    private static final String GOLDEN_TEST = "org.ferexport.core.GoldenTest";

    /** One class of every library that the replayed tests need. */
    private static final String[] LIBRARIES = {
        GOLDEN_TEST, "org.junit.runner.JUnitCore", "org.hamcrest.Matcher", "com.sun.jna.Native",
    };

    /** A file of the manifest and its hash. */
    private static final Pattern LISTED = Pattern.compile("\"([^\"]+)\": \\{\\s*\"sha256\": \"([0-9a-f]{64})\"");

    @Rule
    public final TemporaryFolder temporary = new TemporaryFolder();

    @Test
    public void coreTestsHoldOnTheClassesAndAssetsOfTheApk() throws Exception {
        Path folder = temporary.getRoot().toPath();
        List<URL> places = new ArrayList<>();
        for (Path classes : unpacked(apk(), folder)) {
            places.add(classes.toUri().toURL());
        }
        for (String library : LIBRARIES) {
            places.add(location(library));
        }
        System.setProperty("FER_BUNDLE", folder.resolve(ASSETS).toString());
        System.setProperty("FER_FORMATS", "tflite");
        ClassLoader platform = ClassLoader.getPlatformClassLoader();
        try (URLClassLoader loader = new URLClassLoader(places.toArray(new URL[0]), platform)) {
            URL core = loader.loadClass("org.ferexport.core.Crop").getProtectionDomain().getCodeSource().getLocation();
            assertTrue("core comes from " + core, core.getPath().startsWith(folder.toString()));
            for (String test : coreTests(location(GOLDEN_TEST))) {
                replay(loader, test);
            }
        }
    }

    @Test
    public void theAssetsAreTheManifestsFilesButForOnnx() throws Exception {
        Map<String, String> held = new TreeMap<>();
        String manifest = "";
        try (ZipFile archive = new ZipFile(apk())) {
            for (ZipEntry entry : Collections.list(archive.entries())) {
                String name = entry.getName();
                assertFalse(name, name.toLowerCase(Locale.ROOT).endsWith(".onnx"));
                byte[] content = archive.getInputStream(entry).readAllBytes();
                if (name.equals(ASSETS + "manifest.json")) {
                    manifest = new String(content, StandardCharsets.UTF_8);
                } else if (name.startsWith("assets/")) {
                    byte[] hash = MessageDigest.getInstance("SHA-256").digest(content);
                    held.put(name, HexFormat.of().formatHex(hash));
                }
            }
        }
        Map<String, String> wanted = new TreeMap<>();
        boolean left = false;
        for (Matcher file = LISTED.matcher(manifest); file.find();) {
            if (file.group(1).endsWith(".onnx")) {
                left = true;
            } else {
                wanted.put(ASSETS + file.group(1), file.group(2));
            }
        }
        assertTrue("the bundle lists no ONNX file, so none was left out", left);
        assertEquals(wanted, held);
    }

    /** Where a class lies, without running any of it. */
    private static URL location(String name) throws ClassNotFoundException {
        Class<?> known = Class.forName(name, false, ShippedApkTest.class.getClassLoader());
        return known.getProtectionDomain().getCodeSource().getLocation();
    }

    private static File apk() {
        File apk = new File(System.getProperty("apk", "../app/target/fer-export-demo.apk"));
        assertTrue("there is no APK " + apk.getAbsolutePath()
                + "; run `mvn -f android_demo package`, or name one by -Dapk=FILE", apk.isFile());
        return apk;
    }

    /** Writes the bundle into the folder; returns a jar for every dex file. */
    private static List<Path> unpacked(File apk, Path folder) throws IOException {
        List<Path> jars = new ArrayList<>();
        try (ZipFile archive = new ZipFile(apk)) {
            for (Enumeration<? extends ZipEntry> entries = archive.entries(); entries.hasMoreElements();) {
                ZipEntry entry = entries.nextElement();
                String name = entry.getName();
                boolean dex = name.matches("classes\\d*\\.dex");
                Path target = folder.resolve(name).normalize();
                if (!dex && (entry.isDirectory() || !name.startsWith(ASSETS) || !target.startsWith(folder))) {
                    continue;
                }
                Files.createDirectories(target.getParent());
                try (InputStream content = archive.getInputStream(entry)) {
                    Files.copy(content, target, StandardCopyOption.REPLACE_EXISTING);
                }
                if (dex) {
                    Path jar = folder.resolve(name + ".jar");
                    Dex2jar.from(target.toFile()).computeFrames(true).to(jar);
                    jars.add(jar);
                }
            }
        }
        assertTrue(apk + " has no classes.dex", !jars.isEmpty());
        assertTrue(apk + " has no " + ASSETS, Files.isRegularFile(folder.resolve(ASSETS + "manifest.json")));
        return jars;
    }

    /** The names of all test classes in core's test jar. */
    private static List<String> coreTests(URL jar) throws IOException, URISyntaxException {
        List<String> tests = new ArrayList<>();
        try (ZipFile archive = new ZipFile(new File(jar.toURI()))) {
            for (Enumeration<? extends ZipEntry> entries = archive.entries(); entries.hasMoreElements();) {
                String name = entries.nextElement().getName();
                if (name.endsWith("Test.class")) {
                    tests.add(name.substring(0, name.length() - ".class".length()).replace('/', '.'));
                }
            }
        }
        assertTrue(jar + " lacks " + GOLDEN_TEST, tests.contains(GOLDEN_TEST));
        return tests;
    }

    /** Runs a test class within the loader, by its own JUnit. */
    private static void replay(ClassLoader loader, String test) throws ReflectiveOperationException {
        Class<?> runner = loader.loadClass("org.junit.runner.JUnitCore");
        Class<?>[] tests = {loader.loadClass(test)};
        Object result = runner.getMethod("runClasses", Class[].class).invoke(null, (Object) tests);
        Object failures = result.getClass().getMethod("getFailures").invoke(result);
        int count = (Integer) result.getClass().getMethod("getRunCount").invoke(result);
        assertEquals(test, "[]", failures.toString());
        assertTrue(test + " ran nothing", count > 0);
        System.out.println(test + ": " + count + " tests hold on the classes and assets of the APK");
    }
}
