package org.ferexport.fer;

import android.graphics.Bitmap;
import android.graphics.ImageFormat;
import android.media.Image;
import java.nio.ByteBuffer;
import org.ferexport.core.PixelPicture;
import org.ferexport.core.Yuv;

/** A camera's frame, copied and turned upright; the Image it came from may be closed at once. Never changes. */
public final class FerFrame {
    private final int width;
    private final int height;
    private final int[] pixels;

    private FerFrame(int width, int height, int[] pixels) {
        this.width = width;
        this.height = height;
        this.pixels = pixels;
    }

    /**
     * Copies an image of an ImageReader.
     *
     * @param image in {@link ImageFormat#YUV_420_888}
     * @param rotation clockwise degrees that turn it upright: 0, 90, 180 or 270
     * @throws IllegalArgumentException for another format or rotation
     */
    public static FerFrame copy(Image image, int rotation) {
        if (image.getFormat() != ImageFormat.YUV_420_888) {
            throw new IllegalArgumentException(
                    "the image has format " + image.getFormat() + "; make the ImageReader with YUV_420_888");
        }
        Image.Plane[] planes = image.getPlanes();
        return copy(image.getWidth(), image.getHeight(), plane(planes[0]), plane(planes[1]), plane(planes[2]),
                rotation);
    }

    /**
     * Copies the planes of a frame in YUV 4:2:0, wherever they come from; their buffers keep their positions.
     *
     * @param width of the frame as the sensor gives it, in pixels
     * @param height likewise
     * @param rotation clockwise degrees that turn it upright: 0, 90, 180 or 270
     * @throws IllegalArgumentException for another rotation, or a plane that is too short
     */
    public static FerFrame copy(int width, int height, Plane y, Plane u, Plane v, int rotation) {
        int[] pixels = Yuv.upright(width, height, y.read(), u.read(), v.read(), rotation);
        boolean aside = rotation % 180 != 0;
        return new FerFrame(aside ? height : width, aside ? width : height, pixels);
    }

    private static Plane plane(Image.Plane plane) {
        return new Plane(plane.getBuffer(), plane.getRowStride(), plane.getPixelStride());
    }

    /** Pixels across, upright. */
    public int getWidth() {
        return width;
    }

    /** Pixels down, upright. */
    public int getHeight() {
        return height;
    }

    /** The frame as a picture to show, in ARGB_8888. */
    public Bitmap toBitmap() {
        return Bitmap.createBitmap(pixels, width, height, Bitmap.Config.ARGB_8888);
    }

    PixelPicture picture() {
        return new PixelPicture(width, height, pixels);
    }

    /** One plane of a frame: its bytes and how they lie. */
    public static final class Plane {
        private final ByteBuffer bytes;
        private final int rowStride;
        private final int pixelStride;

        /**
         * Takes the buffer from its position to its limit, without a copy.
         *
         * @param rowStride bytes from a row's start to the next one's
         * @param pixelStride bytes from a sample to the next one of its row
         */
        public Plane(ByteBuffer bytes, int rowStride, int pixelStride) {
            this.bytes = bytes;
            this.rowStride = rowStride;
            this.pixelStride = pixelStride;
        }

        private Yuv.Plane read() {
            ByteBuffer source = bytes.duplicate();
            byte[] copy = new byte[source.remaining()];
            source.get(copy);
            return new Yuv.Plane(copy, rowStride, pixelStride);
        }
    }
}
