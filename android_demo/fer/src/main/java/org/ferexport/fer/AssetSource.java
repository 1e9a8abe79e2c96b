package org.ferexport.fer;

import android.content.res.AssetManager;
import java.io.IOException;
import java.io.InputStream;
import org.ferexport.core.Source;

/** A bundle in the app's assets. */
final class AssetSource implements Source {
    private final AssetManager assets;
    private final String folder;

    AssetSource(AssetManager assets, String folder) {
        this.assets = assets;
        this.folder = folder;
    }

    @Override
    public InputStream open(String path) throws IOException {
        return assets.open(folder + "/" + path);
    }

    @Override
    public String toString() {
        return "in the app's assets/" + folder;
    }
}
