package org.ferexport.app;

import android.Manifest;
import android.app.Activity;
import android.content.Intent;
import android.content.pm.PackageManager;
import android.graphics.Bitmap;
import android.net.Uri;
import android.os.Bundle;
import android.provider.Settings;
import android.view.View;
import android.widget.Button;
import android.widget.TextView;
import org.ferexport.fer.FerAnalyzer;
import org.ferexport.fer.FerException;
import org.ferexport.fer.FerFrame;

/** The camera's picture with faces and emotions, live; asks for the camera, and stops in the background. */
public final class CameraActivity extends Activity
        implements CameraFeed.Listener, CameraFeed.Display, Live.Screen {
    private static final int ASK = 1;
    private static final String FRONT = "front";
    private static final String DENIED = "denied";

    private LiveView view;
    private TextView status;
    private TextView rate;
    private View explanation;
    private Button allow;
    private Button other;
    private FerAnalyzer analyzer;
    private Live live;
    private CameraFeed feed;
    private boolean front = true;

    /** Whether the user denied the camera on this screen. */
    private boolean denied;

    /** Why there is no picture, or 0. */
    private int trouble;

    @Override
    protected void onCreate(Bundle saved) {
        super.onCreate(saved);
        setContentView(R.layout.camera);
        Insets.pad(findViewById(R.id.root));
        view = (LiveView) findViewById(R.id.live);
        status = (TextView) findViewById(R.id.status);
        rate = (TextView) findViewById(R.id.rate);
        explanation = findViewById(R.id.explanation);
        allow = (Button) findViewById(R.id.allow);
        other = (Button) findViewById(R.id.other_camera);
        view.setKeepScreenOn(true);
        if (saved != null) {
            front = saved.getBoolean(FRONT);
            denied = saved.getBoolean(DENIED);
        } else {
            front = CameraFeed.has(this, true);
        }
        listen();
        try {
            analyzer = FerAnalyzer.open(this);
            live = new Live(analyzer, this);
        } catch (FerException broken) {
            status.setText(broken.getSentence(this));
            other.setEnabled(false);
        }
    }

    private void listen() {
        View.OnClickListener buttons = new View.OnClickListener() {
            @Override
            public void onClick(View button) {
                if (button == allow) {
                    ask();
                } else {
                    front = !front;
                    restart();
                }
            }
        };
        allow.setOnClickListener(buttons);
        other.setOnClickListener(buttons);
    }

    @Override
    protected void onResume() {
        super.onResume();
        restart();
    }

    @Override
    protected void onPause() {
        stop();
        super.onPause();
    }

    /** Frees the camera and opens the one that is wanted now. */
    private void restart() {
        stop();
        if (live == null) {
            return;
        }
        trouble = 0;
        if (granted()) {
            feed = new CameraFeed(this, this, this);
            feed.start(front);
        }
        live.restart();
    }

    private void stop() {
        if (feed != null) {
            feed.stop();
            feed = null;
        }
    }

    private boolean granted() {
        return checkSelfPermission(Manifest.permission.CAMERA) == PackageManager.PERMISSION_GRANTED;
    }

    /** By the system's own question, or in its settings where it does not ask any more. */
    private void ask() {
        if (denied && !shouldShowRequestPermissionRationale(Manifest.permission.CAMERA)) {
            startActivity(new Intent(Settings.ACTION_APPLICATION_DETAILS_SETTINGS,
                    Uri.fromParts("package", getPackageName(), null)));
        } else {
            requestPermissions(new String[] {Manifest.permission.CAMERA}, ASK);
        }
    }

    @Override
    public void onRequestPermissionsResult(int request, String[] permissions, int[] results) {
        // Without an answer the question was only interrupted.
        denied = results.length > 0 && !granted();
        show();
    }

    @Override
    @SuppressWarnings("deprecation") // Its successor, of the context, begins with API 30.
    public int rotation() {
        return getWindowManager().getDefaultDisplay().getRotation();
    }

    @Override
    public void onFrame(FerFrame frame, Bitmap picture, boolean frontSide) {
        live.frame(frame, picture, frontSide);
    }

    @Override
    public void onFailed(int text) {
        trouble = text;
        show();
    }

    @Override
    public void show() {
        boolean may = granted();
        explanation.setVisibility(may ? View.GONE : View.VISIBLE);
        view.setVisibility(may ? View.VISIBLE : View.GONE);
        other.setEnabled(may && CameraFeed.has(this, !front));
        other.setText(front ? R.string.live_to_back : R.string.live_to_front);
        if (!may) {
            boolean settings = denied && !shouldShowRequestPermissionRationale(Manifest.permission.CAMERA);
            allow.setText(settings ? R.string.live_settings : R.string.live_allow);
            status.setText(denied ? R.string.live_denied : R.string.live_ask);
            rate.setText("");
            return;
        }
        view.show(live.picture, live.faces, live.mirrored);
        String now = sentence();
        // TalkBack reads every change; the emotions are said where they change, not with every frame.
        if (!now.contentEquals(status.getText())) {
            status.setText(now);
        }
        double[] rates = live.rates();
        rate.setText(live.known ? getString(R.string.live_rate, rates[0], rates[1]) : "");
    }

    private String sentence() {
        if (trouble != 0) {
            return getString(trouble);
        }
        if (live.error != null) {
            return live.error.getSentence(this);
        }
        if (!live.known) {
            return getString(R.string.live_starting);
        }
        if (live.faces.isEmpty()) {
            return getString(R.string.live_no_face);
        }
        String first = live.faces.get(0).getEmotion().getName(this);
        int count = live.faces.size();
        return getResources().getQuantityString(R.plurals.live_faces, count, count, first);
    }

    @Override
    protected void onSaveInstanceState(Bundle saved) {
        super.onSaveInstanceState(saved);
        saved.putBoolean(FRONT, front);
        saved.putBoolean(DENIED, denied);
    }

    @Override
    protected void onDestroy() {
        if (analyzer != null) {
            analyzer.close();
        }
        super.onDestroy();
    }

    /** What the camera shows, for pictures of the screen. */
    Live live() {
        return live;
    }

    /** The camera in use, or null. */
    CameraFeed feed() {
        return feed;
    }
}
