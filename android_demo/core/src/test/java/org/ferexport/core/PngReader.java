package org.ferexport.core;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import javax.imageio.ImageIO;

/** The desktop's decoder. */
final class PngReader implements PictureReader {
    @Override
    public Picture decode(byte[] png) throws IOException {
        BufferedImage image = ImageIO.read(new ByteArrayInputStream(png));
        int width = image.getWidth();
        int height = image.getHeight();
        return new PixelPicture(width, height, image.getRGB(0, 0, width, height, null, 0, width));
    }
}
