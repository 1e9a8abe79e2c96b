package org.ferexport.fer;

import android.os.Build;
import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import org.ferexport.core.Device;

/** What this phone says of itself. */
final class Phone {
    private final Device device = new Device(Build.MANUFACTURER + " " + Build.MODEL, cpu(), Build.SUPPORTED_ABIS[0],
            "Android " + Build.VERSION.RELEASE);

    Device device() {
        return device;
    }

    private static String cpu() {
        String chip = Build.VERSION.SDK_INT >= 31 ? chip() : "";
        if (chip.isEmpty()) {
            chip = hardware();
        }
        return chip.isEmpty() ? Build.HARDWARE : chip;
    }

    @SinceApi(31)
    private static String chip() {
        boolean known = !Build.UNKNOWN.equals(Build.SOC_MODEL);
        return known ? Build.SOC_MANUFACTURER + " " + Build.SOC_MODEL : "";
    }

    /** The line that older ARM kernels write. */
    private static String hardware() {
        try (BufferedReader lines = new BufferedReader(
                new InputStreamReader(new FileInputStream("/proc/cpuinfo"), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.startsWith("Hardware")) {
                    return line.substring(line.indexOf(':') + 1).trim();
                }
            }
        } catch (IOException hidden) {
            return "";
        }
        return "";
    }
}
