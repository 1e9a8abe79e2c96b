package org.ferexport.core;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertThrows;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import org.junit.Test;

public class EmotionTest {
    @Test
    public void ranksTheMostProbableFirstAndKeepsTheOrderOfEquals() {
        List<Emotion> ranked = Emotion.ranked(List.of("a", "b", "c"), new float[] {.25f, .5f, .25f});
        assertEquals(List.of(new Emotion("b", .5f), new Emotion("a", .25f), new Emotion("c", .25f)), ranked);
    }

    @Test
    public void refusesProbabilitiesOfAnotherNetwork() {
        assertThrows(IllegalArgumentException.class, () -> Emotion.ranked(List.of("a"), new float[2]));
    }

    @Test
    public void hashesBytesAndPixels() {
        assertEquals("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                Hash.sha256("abc".getBytes(StandardCharsets.US_ASCII)));
        assertEquals(Hash.sha256(new byte[] {1, 2, 3, (byte) 200, 5, 6}),
                Hash.sha256(new PixelPicture(1, 2, new int[] {0xFF010203, 0x00C80506})));
    }

    @Test
    public void decodesBase64OfEveryLength() {
        for (int length = 0; length < 9; length++) {
            byte[] bytes = new byte[length];
            for (int at = 0; at < length; at++) {
                bytes[at] = (byte) (at * 89 + 250);
            }
            assertArrayEquals(bytes, Hash.base64(Base64.getEncoder().encodeToString(bytes)));
        }
        for (String wrong : Arrays.asList("a", "ab", "abc", "ab*=", "a===", "=abc", "ab\n=")) {
            assertNull(wrong, Hash.base64(wrong));
        }
    }
}
