package org.ferexport.core;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/** SHA-256 in hexadecimal, and the bytes of base64 (RFC 4648), which Android has only from API 26 on. */
final class Hash {
    private static final String DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    private Hash() {}

    static String sha256(byte[] content) {
        return hexadecimal(digest().digest(content));
    }

    /** The hash of a picture's red, green and blue bytes, row by row. */
    static String sha256(Picture picture) {
        MessageDigest digest = digest();
        int[] pixels = new int[picture.width()];
        byte[] bytes = new byte[pixels.length * 3];
        for (int row = 0; row < picture.height(); row++) {
            picture.read(row, 0, pixels.length, pixels);
            for (int at = 0; at < pixels.length; at++) {
                bytes[at * 3] = (byte) (pixels[at] >> 16);
                bytes[at * 3 + 1] = (byte) (pixels[at] >> 8);
                bytes[at * 3 + 2] = (byte) pixels[at];
            }
            digest.update(bytes);
        }
        return hexadecimal(digest.digest());
    }

    /** The bytes of a padded base64 text, or null where it is none. */
    static byte[] base64(String text) {
        int padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
        if (text.length() % 4 != 0) {
            return null;
        }
        byte[] result = new byte[text.length() / 4 * 3 - padding];
        for (int at = 0; at < text.length(); at += 4) {
            int bits = 0;
            for (int digit = at; digit < at + 4; digit++) {
                int value = digit < text.length() - padding ? DIGITS.indexOf(text.charAt(digit)) : 0;
                if (value < 0) {
                    return null;
                }
                bits = bits << 6 | value;
            }
            for (int octet = 0; octet < 3 && at / 4 * 3 + octet < result.length; octet++) {
                result[at / 4 * 3 + octet] = (byte) (bits >> 16 - 8 * octet);
            }
        }
        return result;
    }

    private static MessageDigest digest() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException("every platform has SHA-256", impossible);
        }
    }

    private static String hexadecimal(byte[] bytes) {
        StringBuilder result = new StringBuilder();
        for (byte one : bytes) {
            result.append(Character.forDigit(one >> 4 & 15, 16)).append(Character.forDigit(one & 15, 16));
        }
        return result.toString();
    }
}
