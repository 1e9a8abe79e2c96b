package org.ferexport.app;

import android.content.res.AssetManager;
import java.io.IOException;
import java.io.InputStream;
import org.ferexport.core.Source;

/** The bundle in the app's assets. */
final class AssetSource implements Source {
    private static final String FOLDER = "bundle/";

    private final AssetManager assets;

    AssetSource(AssetManager assets) {
        this.assets = assets;
    }

    @Override
    public InputStream open(String path) throws IOException {
        return assets.open(FOLDER + path);
    }

    @Override
    public String toString() {
        return "in the app's assets";
    }
}
