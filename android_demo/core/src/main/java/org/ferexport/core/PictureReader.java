package org.ferexport.core;

import java.io.IOException;

/** Decodes the PNG files of golden vectors. */
public interface PictureReader {
    /**
     * The picture of a PNG file.
     *
     * @throws IOException where the file cannot be decoded
     */
    Picture decode(byte[] png) throws IOException;
}
