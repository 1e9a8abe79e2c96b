package org.ferexport.app;

import android.content.ContentProvider;
import android.content.ContentValues;
import android.content.Context;
import android.database.Cursor;
import android.net.Uri;
import android.os.ParcelFileDescriptor;
import java.io.File;
import java.io.FileNotFoundException;

/** Lets a camera app write its photo into the app's cache, and nothing else. */
public final class PhotoProvider extends ContentProvider {
    private static final String PHOTOS = "content://org.ferexport.app.photos/";

    /** Where the camera puts its photo. */
    static final Uri TAKEN = Uri.parse(PHOTOS + "taken.jpg");

    /** The last photo that was kept. */
    static final Uri PHOTO = Uri.parse(PHOTOS + "camera.jpg");

    /** Forgets what a camera left that was cancelled; the last photo that was kept stays. */
    static void discard(Context context) {
        file(context, TAKEN).delete();
    }

    /** Puts the photo that was taken in the place of the last one; false where the camera wrote none. */
    static boolean keep(Context context) {
        File taken = file(context, TAKEN);
        return taken.length() > 0 && taken.renameTo(file(context, PHOTO));
    }

    private static File file(Context context, Uri photo) {
        return new File(context.getCacheDir(), photo.getLastPathSegment());
    }

    @Override
    public boolean onCreate() {
        return true;
    }

    @Override
    public String getType(Uri uri) {
        return "image/jpeg";
    }

    @Override
    public ParcelFileDescriptor openFile(Uri uri, String mode) throws FileNotFoundException {
        if (!PHOTO.equals(uri) && !TAKEN.equals(uri)) {
            throw new FileNotFoundException(uri.toString());
        }
        return ParcelFileDescriptor.open(file(getContext(), uri), ParcelFileDescriptor.parseMode(mode));
    }

    @Override
    public Cursor query(Uri uri, String[] columns, String selection, String[] values, String order) {
        return null;
    }

    @Override
    public Uri insert(Uri uri, ContentValues values) {
        throw new UnsupportedOperationException("this provider only opens its file");
    }

    @Override
    public int delete(Uri uri, String selection, String[] values) {
        throw new UnsupportedOperationException("this provider only opens its file");
    }

    @Override
    public int update(Uri uri, ContentValues content, String selection, String[] values) {
        throw new UnsupportedOperationException("this provider only opens its file");
    }
}
