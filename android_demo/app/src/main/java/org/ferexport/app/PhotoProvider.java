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
    private static final String FILE = "camera.jpg";

    /** Where the camera puts its photo. */
    static final Uri PHOTO = Uri.parse("content://org.ferexport.app.photos/" + FILE);

    /** Forgets the last photo, so that a camera that writes none does not show it again. */
    static void empty(Context context) {
        File last = new File(context.getCacheDir(), FILE);
        if (last.exists() && !last.delete()) {
            throw new IllegalStateException(last + " cannot be deleted");
        }
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
        if (!PHOTO.equals(uri)) {
            throw new FileNotFoundException(uri.toString());
        }
        return ParcelFileDescriptor.open(
                new File(getContext().getCacheDir(), FILE), ParcelFileDescriptor.parseMode(mode));
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
