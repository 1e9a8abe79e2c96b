package org.ferexport.fer;

import android.content.ContentResolver;
import android.content.Context;
import android.graphics.Bitmap;
import android.graphics.BitmapFactory;
import android.graphics.Matrix;
import android.media.ExifInterface;
import android.net.Uri;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import org.jspecify.annotations.Nullable;

/** From a photo picker's, document's or camera's Uri to an upright bitmap that fits into memory. */
public final class FerPhotos {
    private static final int LONGEST_SIDE = 4096;
    private static final int BYTES_PER_PIXEL = 4;

    /** Part of the memory that one photo may take; turning it takes as much again for a moment. */
    private static final int MEMORY_PARTS = 8;

    private FerPhotos() {}

    /**
     * Reads a photo at the largest size that fits, turned as its Exif data says. Not on the main thread.
     *
     * @throws FerException.Photo where it is gone, denied, or not a picture
     * @throws FerException.Memory where it is too large for the phone
     */
    public static Bitmap load(Context context, Uri uri) throws FerException {
        ContentResolver resolver = context.getContentResolver();
        try {
            BitmapFactory.Options bounds = BitmapReader.options();
            bounds.inJustDecodeBounds = true;
            decode(resolver, uri, bounds);
            if (bounds.outWidth < 1 || bounds.outHeight < 1) {
                throw new FerException.Photo(R.string.fer_no_picture, uri + " is not a picture", null);
            }
            BitmapFactory.Options options = BitmapReader.options();
            options.inSampleSize = sampleSize(bounds.outWidth, bounds.outHeight, Runtime.getRuntime().maxMemory());
            Bitmap photo = decode(resolver, uri, options);
            if (photo == null) {
                throw new FerException.Photo(R.string.fer_no_picture, uri + " is not a picture", null);
            }
            return upright(photo, orientation(resolver, uri));
        } catch (FerException told) {
            throw told;
        } catch (IOException failed) {
            throw unreadable(uri, failed);
        } catch (SecurityException denied) {
            throw new FerException.Photo(R.string.fer_photo_denied, uri + " is denied", denied);
        } catch (OutOfMemoryError large) {
            throw new FerException.Memory(large);
        } catch (RuntimeException foreign) {
            // Whatever the app that provides the document throws must not end this one.
            throw unreadable(uri, foreign);
        }
    }

    private static FerException unreadable(Uri uri, Exception cause) {
        return new FerException.Photo(R.string.fer_unreadable, uri + " cannot be read: " + cause.getMessage(), cause);
    }

    /** The power of two that keeps a photo within the longest side and its part of the memory, in bytes. */
    static int sampleSize(int width, int height, long memory) {
        int sample = 1;
        while (Math.max(width, height) / sample > LONGEST_SIDE
                || (long) (width / sample) * (height / sample) * BYTES_PER_PIXEL >= memory / MEMORY_PARTS) {
            sample *= 2;
        }
        return sample;
    }

    /** What turns a picture upright; the identity for an orientation that Exif does not define. */
    static Matrix matrix(int orientation) {
        Matrix matrix = new Matrix();
        switch (orientation) {
            case ExifInterface.ORIENTATION_FLIP_HORIZONTAL:
                matrix.setScale(-1, 1);
                break;
            case ExifInterface.ORIENTATION_ROTATE_180:
                matrix.setRotate(180);
                break;
            case ExifInterface.ORIENTATION_FLIP_VERTICAL:
                matrix.setScale(1, -1);
                break;
            case ExifInterface.ORIENTATION_TRANSPOSE:
                matrix.setRotate(90);
                matrix.postScale(-1, 1);
                break;
            case ExifInterface.ORIENTATION_ROTATE_90:
                matrix.setRotate(90);
                break;
            case ExifInterface.ORIENTATION_TRANSVERSE:
                matrix.setRotate(-90);
                matrix.postScale(-1, 1);
                break;
            case ExifInterface.ORIENTATION_ROTATE_270:
                matrix.setRotate(-90);
                break;
            default:
                break;
        }
        return matrix;
    }

    private static Bitmap upright(Bitmap photo, int orientation) {
        Matrix matrix = matrix(orientation);
        if (matrix.isIdentity()) {
            return photo;
        }
        Bitmap turned = Bitmap.createBitmap(photo, 0, 0, photo.getWidth(), photo.getHeight(), matrix, false);
        photo.recycle();
        return turned;
    }

    private static @Nullable Bitmap decode(ContentResolver resolver, Uri uri, BitmapFactory.Options options) throws IOException {
        InputStream stream = open(resolver, uri);
        try {
            return BitmapFactory.decodeStream(stream, null, options);
        } finally {
            stream.close();
        }
    }

    private static int orientation(ContentResolver resolver, Uri uri) throws IOException {
        InputStream stream = open(resolver, uri);
        try {
            return new ExifInterface(stream).getAttributeInt(
                    ExifInterface.TAG_ORIENTATION, ExifInterface.ORIENTATION_NORMAL);
        } catch (IOException none) {
            // Not a format that carries Exif.
            return ExifInterface.ORIENTATION_NORMAL;
        } catch (RuntimeException damaged) {
            return ExifInterface.ORIENTATION_NORMAL;
        } catch (StackOverflowError looped) {
            // Android 7 follows a directory that names itself without end.
            return ExifInterface.ORIENTATION_NORMAL;
        } finally {
            stream.close();
        }
    }

    private static InputStream open(ContentResolver resolver, Uri uri) throws IOException {
        InputStream stream = resolver.openInputStream(uri);
        if (stream == null) {
            throw new FileNotFoundException(uri.toString());
        }
        return stream;
    }
}
