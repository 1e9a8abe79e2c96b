package org.ferexport.app;

import android.app.Activity;
import android.content.ActivityNotFoundException;
import android.content.Intent;
import android.os.Bundle;
import android.view.View;
import android.view.ViewGroup;
import android.widget.ProgressBar;
import android.widget.TextView;
import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.ferexport.fer.FerCheck;

/** Replays the bundle's golden vectors on this phone, shows what came out and shares it. */
public final class SelfCheckActivity extends Activity implements CheckRun.Screen {
    private static final String FILE = "self-check.json";

    private CheckRun run;
    private TextView status;
    private ProgressBar progress;
    private ViewGroup rows;
    private View share;

    @Override
    protected void onCreate(Bundle saved) {
        super.onCreate(saved);
        setContentView(R.layout.self_check);
        Insets.pad(findViewById(R.id.root));
        status = (TextView) findViewById(R.id.status);
        progress = (ProgressBar) findViewById(R.id.progress);
        rows = (ViewGroup) findViewById(R.id.rows);
        share = findViewById(R.id.share);
        share.setOnClickListener(new View.OnClickListener() {
            @Override
            public void onClick(View button) {
                share();
            }
        });
        run = (CheckRun) getLastNonConfigurationInstance();
        if (run == null) {
            run = new CheckRun();
            run.start(this);
        }
        run.attach(this);
        show();
    }

    @Override
    public void show() {
        FerCheck report = run.report;
        boolean running = report == null && run.failure == null;
        progress.setVisibility(running ? View.VISIBLE : View.GONE);
        progress.setMax(run.steps);
        progress.setProgress(run.step);
        share.setEnabled(report != null);
        rows.removeAllViews();
        if (report == null) {
            status.setText(running ? getString(R.string.check_running)
                    : getString(R.string.check_failed, run.failure));
            return;
        }
        status.setText(report.isPassed() ? R.string.check_passed : R.string.check_differs);
        for (FerCheck.Variant variant : report.getVariants()) {
            row(variant.getName(), variant.isPassed(), getString(R.string.check_variant,
                    variant.getLargestDifference(), variant.getTolerance(), 100 * variant.getAgreement(),
                    variant.getVectors(), variant.getMedian(), variant.getSlowest()));
        }
        FerCheck.Photos photos = report.getPhotos();
        row(getString(R.string.check_photos_title), photos.isPassed(), getString(R.string.check_photos,
                photos.getEqualPhotos(), photos.getPhotos(), photos.getEqualCrops(), photos.getCrops(),
                photos.getFaces() - photos.getMissingFaces(), photos.getFaces(), photos.getForeignFaces(),
                photos.getBoxDistance()));
        row(getString(R.string.check_phone_title), true, getString(R.string.check_phone, report.getPhone(),
                report.getProcessor(), report.getSystem(), report.getRuntime(), report.getThreads()));
        keep(report.toJson());
    }

    private void row(String title, boolean good, String text) {
        View row = getLayoutInflater().inflate(R.layout.check_row, rows, false);
        ((TextView) row.findViewById(R.id.title)).setText(
                good ? title : getString(R.string.check_row_differs, title));
        ((TextView) row.findViewById(R.id.text)).setText(text);
        rows.addView(row);
    }

    /** For adb, where it is connected; without storage the button still shares it. */
    private void keep(String json) {
        File folder = getExternalFilesDir(null);
        if (folder == null) {
            return;
        }
        try (FileOutputStream file = new FileOutputStream(new File(folder, FILE))) {
            file.write(json.getBytes(StandardCharsets.UTF_8));
        } catch (IOException full) {
            status.append("\n" + getString(R.string.check_not_kept, full.getMessage()));
        }
    }

    private void share() {
        Intent intent = new Intent(Intent.ACTION_SEND);
        intent.setType("text/plain");
        intent.putExtra(Intent.EXTRA_SUBJECT, FILE);
        intent.putExtra(Intent.EXTRA_TEXT, run.report.toJson());
        try {
            startActivity(Intent.createChooser(intent, getString(R.string.share)));
        } catch (ActivityNotFoundException none) {
            status.setText(R.string.no_share);
        }
    }

    @Override
    public Object onRetainNonConfigurationInstance() {
        return run;
    }

    @Override
    protected void onDestroy() {
        run.attach(null);
        if (!isChangingConfigurations()) {
            run.leave();
        }
        super.onDestroy();
    }
}
