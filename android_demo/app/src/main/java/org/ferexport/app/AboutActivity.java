package org.ferexport.app;

import android.app.Activity;
import android.content.Intent;
import android.os.Bundle;
import android.view.View;
import android.widget.TextView;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import org.ferexport.fer.FerAnalyzer;

/** What the app must not be used for, what happens to photos, and whose work is in it. */
public final class AboutActivity extends Activity {
    /** Licences of the detectors; it ends with the text of the Apache License, which the other parts have too. */
    private static final String LICENCES = FerAnalyzer.ASSETS + "/detectors/LICENSE";

    @Override
    protected void onCreate(Bundle saved) {
        super.onCreate(saved);
        setContentView(R.layout.about);
        Insets.pad(findViewById(R.id.root));
        final TextView texts = (TextView) findViewById(R.id.licence_texts);
        findViewById(R.id.show_licences).setOnClickListener(new View.OnClickListener() {
            @Override
            public void onClick(View button) {
                texts.setText(licences());
                texts.setVisibility(View.VISIBLE);
                button.setVisibility(View.GONE);
            }
        });
        findViewById(R.id.self_check).setOnClickListener(new View.OnClickListener() {
            @Override
            public void onClick(View button) {
                startActivity(new Intent(AboutActivity.this, SelfCheckActivity.class));
            }
        });
    }

    private String licences() {
        try (InputStream file = getAssets().open(LICENCES)) {
            ByteArrayOutputStream text = new ByteArrayOutputStream();
            byte[] block = new byte[8192];
            for (int count = file.read(block); count >= 0; count = file.read(block)) {
                text.write(block, 0, count);
            }
            return text.toString("UTF-8");
        } catch (IOException missing) {
            return missing.toString();
        }
    }
}
