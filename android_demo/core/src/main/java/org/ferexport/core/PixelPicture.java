package org.ferexport.core;

/** A picture whose pixels lie in one array, row by row, each as 0xAARRGGBB. */
public final class PixelPicture implements Picture {
    private final int width;
    private final int height;
    private final int[] pixels;

    /**
     * Takes the array as it is, without a copy.
     *
     * @throws IllegalArgumentException where the array does not hold width * height pixels, at least one
     */
    public PixelPicture(int width, int height, int[] pixels) {
        if (width < 1 || height < 1 || (long) width * height != pixels.length) {
            throw new IllegalArgumentException(pixels.length + " pixels are no " + width + " x " + height);
        }
        this.width = width;
        this.height = height;
        this.pixels = pixels;
    }

    @Override
    public int width() {
        return width;
    }

    @Override
    public int height() {
        return height;
    }

    @Override
    public void read(int row, int left, int count, int[] into) {
        System.arraycopy(pixels, row * width + left, into, 0, count);
    }
}
