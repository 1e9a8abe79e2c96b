package org.ferexport.fer;

import android.content.ContentProvider;
import android.content.ContentValues;
import android.database.Cursor;
import android.net.Uri;
import android.os.ParcelFileDescriptor;
import java.io.File;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import org.robolectric.Robolectric;

/** Another app's documents, as the system's picker names them: files of a folder, and one that is denied. */
public final class Documents extends ContentProvider {
    /** Opening it throws a SecurityException. */
    public static final Uri DENIED = Uri.parse("content://org.ferexport.documents/denied");

    /** Opening it throws what no provider may throw. */
    public static final Uri BROKEN = Uri.parse("content://org.ferexport.documents/broken");

    private File folder;

    /** Starts the provider on an empty folder. */
    public static Documents in(File folder) {
        Documents documents = Robolectric.setupContentProvider(Documents.class, DENIED.getAuthority());
        documents.folder = folder;
        return documents;
    }

    public Uri keep(String name, byte[] content) throws IOException {
        Files.write(new File(folder, name).toPath(), content);
        return uri(name);
    }

    /** The place of a file, whether there is one or not. */
    public static Uri uri(String name) {
        return DENIED.buildUpon().path(name).build();
    }

    @Override
    public ParcelFileDescriptor openFile(Uri uri, String mode) throws FileNotFoundException {
        if (DENIED.equals(uri)) {
            throw new SecurityException("Permission Denial: reading " + uri);
        }
        if (BROKEN.equals(uri)) {
            throw new IllegalStateException("the provider's own fault");
        }
        return ParcelFileDescriptor.open(
                new File(folder, uri.getLastPathSegment()), ParcelFileDescriptor.MODE_READ_ONLY);
    }

    @Override
    public boolean onCreate() {
        return true;
    }

    @Override
    public String getType(Uri uri) {
        return "image/*";
    }

    @Override
    public Cursor query(Uri uri, String[] columns, String selection, String[] values, String order) {
        return null;
    }

    @Override
    public Uri insert(Uri uri, ContentValues values) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int delete(Uri uri, String selection, String[] values) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int update(Uri uri, ContentValues content, String selection, String[] values) {
        throw new UnsupportedOperationException();
    }
}
