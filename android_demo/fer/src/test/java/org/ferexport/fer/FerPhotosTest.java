package org.ferexport.fer;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import android.content.Context;
import android.graphics.Bitmap;
import android.graphics.Color;
import android.net.Uri;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.junit.Before;
import org.junit.Rule;
import org.junit.Test;
import org.junit.rules.TemporaryFolder;
import org.junit.runner.RunWith;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.annotation.Config;
import org.robolectric.annotation.GraphicsMode;

/** Photos made here, decoded by Android's own graphics through a content provider. */
@RunWith(RobolectricTestRunner.class)
@GraphicsMode(GraphicsMode.Mode.NATIVE)
@Config(sdk = 35)
public class FerPhotosTest {
    /** The upright photo's corners: top left, top right, bottom left, bottom right. */
    private static final int[] CORNERS = {Color.RED, Color.GREEN, Color.BLUE, Color.WHITE};

    private static final int WIDTH = 96;
    private static final int HEIGHT = 64;

    @Rule
    public final TemporaryFolder folder = new TemporaryFolder();

    private Context context;
    private Documents documents;

    @Before
    public void provide() {
        context = RuntimeEnvironment.getApplication();
        documents = Documents.in(folder.getRoot());
    }

    @Test
    public void turnsEveryExifOrientationUpright() throws Exception {
        for (int orientation = 0; orientation <= 9; orientation++) {
            byte[] file = Exif.with(orientation, Exif.jpeg(stored(orientation)));
            Bitmap photo = load(documents.keep("turned.jpg", file));
            String which = "orientation " + orientation;
            assertEquals(which, WIDTH + " x " + HEIGHT, photo.getWidth() + " x " + photo.getHeight());
            for (int corner = 0; corner < 4; corner++) {
                int pixel = photo.getPixel(corner % 2 == 0 ? 8 : WIDTH - 9, corner < 2 ? 8 : HEIGHT - 9);
                assertEquals(which + ", corner " + corner, CORNERS[corner], rounded(pixel));
            }
        }
    }

    @Test
    public void decodesALargePhotoAtAReducedSize() throws Exception {
        Bitmap large = Bitmap.createBitmap(6000, 4000, Bitmap.Config.RGB_565);
        large.eraseColor(Color.BLUE);
        Uri uri = documents.keep("large.jpg", Exif.with(6, Exif.jpeg(large)));
        large.recycle();
        int sample = FerPhotos.sampleSize(6000, 4000, Runtime.getRuntime().maxMemory());
        assertTrue("sample size " + sample, sample >= 2);
        Bitmap photo = load(uri);
        assertEquals(4000 / sample + " x " + 6000 / sample, photo.getWidth() + " x " + photo.getHeight());
        assertEquals(Bitmap.Config.ARGB_8888, photo.getConfig());
        assertEquals(Color.BLUE, rounded(photo.getPixel(photo.getWidth() / 2, photo.getHeight() / 2)));
    }

    @Test
    public void refusesWhatIsNoPicture() throws IOException {
        byte[] jpeg = Exif.jpeg(stored(1));
        assertRefused(R.string.fer_no_picture, documents.keep("empty.jpg", new byte[0]));
        assertRefused(R.string.fer_no_picture, documents.keep("cut.jpg", Arrays.copyOf(jpeg, 100)));
        byte[] text = "no picture at all\n".getBytes(StandardCharsets.US_ASCII);
        assertRefused(R.string.fer_no_picture, documents.keep("text.jpg", text));
    }

    @Test
    public void showsWhatThereIsOfACutPhoto() throws Exception {
        Bitmap whole = Bitmap.createScaledBitmap(stored(1), 10 * WIDTH, 10 * HEIGHT, false);
        byte[] jpeg = Exif.jpeg(whole);
        Bitmap photo = load(documents.keep("half.jpg", Arrays.copyOf(jpeg, jpeg.length * 2 / 3)));
        assertEquals(whole.getWidth() + " x " + whole.getHeight(), photo.getWidth() + " x " + photo.getHeight());
        assertEquals(CORNERS[0], rounded(photo.getPixel(8, 8)));
    }

    @Test
    public void tellsWhyAPhotoCannotBeRead() {
        assertRefused(R.string.fer_unreadable, Documents.uri("gone.jpg"));
        assertRefused(R.string.fer_photo_denied, Documents.DENIED);
        assertRefused(R.string.fer_unreadable, Documents.BROKEN);
    }

    @Test
    public void laysATransparentPictureOnWhite() throws Exception {
        Bitmap drawn = Bitmap.createBitmap(3, 1, Bitmap.Config.ARGB_8888);
        drawn.setPixel(1, 0, 0x80FF0000);
        drawn.setPixel(2, 0, Color.BLACK);
        ByteArrayOutputStream png = new ByteArrayOutputStream();
        drawn.compress(Bitmap.CompressFormat.PNG, 100, png);
        int[] row = new int[3];
        new BitmapPicture(load(documents.keep("clear.png", png.toByteArray()))).read(0, 0, 3, row);
        assertArrayEquals(new int[] {Color.WHITE, 0xFFFF7F7F, Color.BLACK}, row);
    }

    @Test
    public void keepsPhotosWithinMemory() {
        assertEquals(1, FerPhotos.sampleSize(4000, 3000, 512L << 20));
        assertEquals(2, FerPhotos.sampleSize(4000, 3000, 256L << 20));
        assertEquals(4, FerPhotos.sampleSize(12000, 9000, 512L << 20));
        assertEquals(1, FerPhotos.sampleSize(1, 1, 64L << 20));
    }

    private Bitmap load(Uri uri) throws FerException {
        return FerPhotos.load(context, uri);
    }

    private void assertRefused(int text, Uri uri) {
        FerException told = assertThrows(uri.toString(), FerException.Photo.class, () -> load(uri));
        assertEquals(uri.toString(), context.getString(text), told.getSentence(context));
    }

    /** The upright photo as a camera held that way stores it: where Exif says that its first row and column belong. */
    private static Bitmap stored(int orientation) {
        boolean turned = orientation >= 5 && orientation <= 8;
        int width = turned ? HEIGHT : WIDTH;
        int height = turned ? WIDTH : HEIGHT;
        Bitmap stored = Bitmap.createBitmap(width, height, Bitmap.Config.ARGB_8888);
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                boolean right = upright(orientation, x, y, width, height, true) >= WIDTH / 2;
                boolean low = upright(orientation, x, y, width, height, false) >= HEIGHT / 2;
                stored.setPixel(x, y, CORNERS[(right ? 1 : 0) + (low ? 2 : 0)]);
            }
        }
        return stored;
    }

    /** Column, or else row, of the upright photo at which a stored pixel is seen. */
    private static int upright(int orientation, int x, int y, int width, int height, boolean column) {
        switch (orientation) {
            case 2: // first row at the top, first column at the right
                return column ? width - 1 - x : y;
            case 3: // bottom, right
                return column ? width - 1 - x : height - 1 - y;
            case 4: // bottom, left
                return column ? x : height - 1 - y;
            case 5: // left, top
                return column ? y : x;
            case 6: // right, top
                return column ? height - 1 - y : x;
            case 7: // right, bottom
                return column ? height - 1 - y : width - 1 - x;
            case 8: // left, bottom
                return column ? y : width - 1 - x;
            default: // top, left; also for what Exif does not define
                return column ? x : y;
        }
    }

    /** Every channel as 0 or 255: JPEG changes levels a little. */
    private static int rounded(int pixel) {
        return Color.rgb(Color.red(pixel) > 127 ? 255 : 0, Color.green(pixel) > 127 ? 255 : 0,
                Color.blue(pixel) > 127 ? 255 : 0);
    }
}
