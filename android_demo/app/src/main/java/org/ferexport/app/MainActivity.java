package org.ferexport.app;

import android.Manifest;
import android.app.Activity;
import android.app.AlertDialog;
import android.content.ActivityNotFoundException;
import android.content.ClipData;
import android.content.DialogInterface;
import android.content.Intent;
import android.content.pm.PackageManager;
import android.graphics.Bitmap;
import android.net.Uri;
import android.os.Build;
import android.os.Bundle;
import android.os.ext.SdkExtensions;
import android.provider.MediaStore;
import android.view.View;
import android.view.ViewGroup;
import android.widget.AdapterView;
import android.widget.ArrayAdapter;
import android.widget.LinearLayout;
import android.widget.Spinner;
import android.widget.TextView;
import java.util.ArrayList;
import java.util.List;
import org.ferexport.fer.FerFace;
import org.ferexport.fer.FerVariant;

/** Choose or take a photo; see its faces and their emotions, and analyse it again. Begins with a sample. */
public final class MainActivity extends Activity implements Session.Screen {
    private static final int CHOOSE = 1;
    private static final int TAKE = 2;
    private static final String URI = "uri";
    private static final String VARIANT = "variant";

    /** Above this scale of the letters the buttons' longest words do not fit side by side. */
    private static final float LARGE_LETTERS = 1.3f;

    private Session session;
    private PhotoView photo;
    private BarsView bars;
    private TextView status;
    private TextView latency;
    private View progress;
    private Spinner variants;
    private ArrayAdapter<String> names;

    @Override
    protected void onCreate(Bundle saved) {
        super.onCreate(saved);
        setContentView(R.layout.main);
        Insets.pad(findViewById(R.id.root));
        photo = (PhotoView) findViewById(R.id.photo);
        bars = (BarsView) findViewById(R.id.bars);
        status = (TextView) findViewById(R.id.status);
        latency = (TextView) findViewById(R.id.latency);
        progress = findViewById(R.id.progress);
        variants = (Spinner) findViewById(R.id.variants);
        Session kept = (Session) getLastNonConfigurationInstance();
        session = kept != null ? kept : new Session(this);
        if (kept == null) {
            begin(saved);
        }
        if (getResources().getConfiguration().fontScale > LARGE_LETTERS) {
            makeRoom((LinearLayout) findViewById(R.id.header), (LinearLayout) findViewById(R.id.buttons));
        }
        listen();
        session.attach(this);
        show();
    }

    /** With the sample, or with the photo that was there when the system ended the app. */
    private void begin(Bundle saved) {
        if (!session.usable()) {
            return;
        }
        if (saved != null) {
            int variant = saved.getInt(VARIANT);
            session.variant = variant < session.variants.size() ? variant : session.variant;
        }
        Uri uri = saved == null ? Uri.EMPTY : Uri.parse(saved.getString(URI, ""));
        if (Uri.EMPTY.equals(uri)) {
            session.openSample(getAssets());
        } else {
            session.open(this, uri);
        }
    }

    /** Puts header and buttons one below the other, and in landscape to both ends of what scrolls. */
    private void makeRoom(LinearLayout header, LinearLayout buttons) {
        stack(header);
        stack(buttons);
        ViewGroup scrolling = (ViewGroup) findViewById(R.id.beside);
        if (scrolling != null) {
            ((ViewGroup) header.getParent()).removeView(header);
            ((ViewGroup) buttons.getParent()).removeView(buttons);
            scrolling.addView(header, 0);
            scrolling.addView(buttons);
        }
    }

    private void stack(LinearLayout row) {
        row.setOrientation(LinearLayout.VERTICAL);
        for (int at = 0; at < row.getChildCount(); at++) {
            LinearLayout.LayoutParams place = new LinearLayout.LayoutParams(
                    LinearLayout.LayoutParams.MATCH_PARENT, LinearLayout.LayoutParams.WRAP_CONTENT);
            place.bottomMargin = getResources().getDimensionPixelSize(R.dimen.gap);
            row.getChildAt(at).setLayoutParams(place);
        }
    }

    private void listen() {
        names = new ArrayAdapter<String>(this, android.R.layout.simple_spinner_item, new ArrayList<String>());
        names.setDropDownViewResource(android.R.layout.simple_spinner_dropdown_item);
        variants.setAdapter(names);
        variants.setOnItemSelectedListener(new AdapterView.OnItemSelectedListener() {
            @Override
            public void onItemSelected(AdapterView<?> parent, View row, int position, long id) {
                session.use(position);
            }

            @Override
            public void onNothingSelected(AdapterView<?> parent) {}
        });
        photo.setListener(new PhotoView.Listener() {
            @Override
            public void selected(int face) {
                session.select(face);
            }
        });
        View.OnClickListener buttons = new View.OnClickListener() {
            @Override
            public void onClick(View button) {
                if (button.getId() == R.id.choose) {
                    choose();
                } else if (button.getId() == R.id.live) {
                    startActivity(new Intent(MainActivity.this, CameraActivity.class));
                } else if (button.getId() == R.id.take) {
                    take();
                } else if (button.getId() == R.id.analyse) {
                    session.analyse();
                } else {
                    startActivity(new Intent(MainActivity.this, AboutActivity.class));
                }
            }
        };
        findViewById(R.id.choose).setOnClickListener(buttons);
        findViewById(R.id.take).setOnClickListener(buttons);
        findViewById(R.id.analyse).setOnClickListener(buttons);
        findViewById(R.id.about).setOnClickListener(buttons);
        findViewById(R.id.live).setOnClickListener(buttons);
    }

    /** By the system's photo picker where there is one, which asks for no permission either. */
    private void choose() {
        if (hasPhotoPicker()) {
            try {
                startActivityForResult(new Intent(MediaStore.ACTION_PICK_IMAGES).setType("image/*"), CHOOSE);
                return;
            } catch (ActivityNotFoundException removed) {
                // By a maker of phones that left it out; documents are everywhere.
            } catch (SecurityException refused) {
                session.tell(R.string.photo_denied);
                return;
            }
        }
        Intent intent = new Intent(Intent.ACTION_OPEN_DOCUMENT);
        intent.addCategory(Intent.CATEGORY_OPENABLE);
        intent.setType("image/*");
        start(intent, CHOOSE, R.string.no_gallery, R.string.photo_denied);
    }

    private static boolean hasPhotoPicker() {
        return Build.VERSION.SDK_INT >= 33 || Build.VERSION.SDK_INT >= 30 && hasUpdatedPicker();
    }

    @SinceApi(30)
    private static boolean hasUpdatedPicker() {
        return SdkExtensions.getExtensionVersion(30) >= 2;
    }

    /**
     * By the camera app. Android lets an app that may ask for the camera, as this one does for the live picture, start
     * the camera app only after it was granted.
     */
    private void take() {
        if (checkSelfPermission(Manifest.permission.CAMERA) == PackageManager.PERMISSION_GRANTED) {
            takeNow();
            return;
        }
        new AlertDialog.Builder(this).setTitle(R.string.take).setMessage(R.string.take_ask)
                .setNegativeButton(android.R.string.cancel, null)
                .setPositiveButton(R.string.take_go_on, new DialogInterface.OnClickListener() {
                    @Override
                    public void onClick(DialogInterface dialog, int button) {
                        requestPermissions(new String[] {Manifest.permission.CAMERA}, TAKE);
                    }
                }).show();
    }

    @Override
    public void onRequestPermissionsResult(int request, String[] permissions, int[] results) {
        if (results.length > 0 && results[0] == PackageManager.PERMISSION_GRANTED) {
            takeNow();
        } else {
            session.tell(R.string.camera_denied);
        }
    }

    private void takeNow() {
        PhotoProvider.discard(this);
        Intent intent = new Intent(MediaStore.ACTION_IMAGE_CAPTURE);
        intent.putExtra(MediaStore.EXTRA_OUTPUT, PhotoProvider.TAKEN);
        // The grant goes with the clip; Android 7 grants nothing for an extra alone.
        intent.setClipData(ClipData.newRawUri("", PhotoProvider.TAKEN));
        intent.addFlags(Intent.FLAG_GRANT_WRITE_URI_PERMISSION | Intent.FLAG_GRANT_READ_URI_PERMISSION);
        start(intent, TAKE, R.string.no_camera, R.string.camera_denied);
    }

    private void start(Intent intent, int request, int missing, int denied) {
        try {
            startActivityForResult(intent, request);
        } catch (ActivityNotFoundException none) {
            session.tell(missing);
        } catch (SecurityException refused) {
            session.tell(denied);
        }
    }

    @Override
    protected void onActivityResult(int request, int result, Intent data) {
        Uri uri = data == null ? null : data.getData();
        if (request == TAKE) {
            uri = result == RESULT_OK && PhotoProvider.keep(this) ? PhotoProvider.PHOTO : null;
        }
        if (result == RESULT_OK && uri != null) {
            session.open(this, uri);
        } else {
            session.tell(request == TAKE ? R.string.not_taken : R.string.not_chosen);
        }
    }

    @Override
    public void show() {
        List<FerFace> faces = session.faces;
        boolean found = faces != null && !faces.isEmpty();
        photo.show(session.photo, faces, session.selected);
        bars.setVisibility(found ? View.VISIBLE : View.GONE);
        if (found) {
            bars.show(faces.get(session.selected).getEmotions());
        }
        progress.setVisibility(session.busy ? View.VISIBLE : View.INVISIBLE);
        status.setText(sentence());
        latency.setText(faces == null || session.busy ? "" : getString(R.string.latency, session.milliseconds));
        showVariants();
        findViewById(R.id.choose).setEnabled(session.usable());
        findViewById(R.id.take).setEnabled(session.usable());
        findViewById(R.id.live).setEnabled(session.usable());
        findViewById(R.id.analyse).setEnabled(session.ready());
    }

    private String sentence() {
        if (session.error != null) {
            return session.error.getSentence(this);
        }
        if (session.text != 0) {
            return getString(session.text);
        }
        if (session.busy) {
            return getString(session.photo == null ? R.string.loading : R.string.analysing);
        }
        if (session.faces == null) {
            return getString(R.string.start);
        }
        if (session.sample) {
            return getString(R.string.start_sample);
        }
        int count = session.faces.size();
        return count == 0 ? getString(R.string.no_face)
                : getResources().getQuantityString(R.plurals.faces, count, count);
    }

    private void showVariants() {
        List<String> rows = new ArrayList<String>();
        for (FerVariant variant : session.variants) {
            Double inference = session.inference(variant);
            rows.add(inference == null ? variant.getName()
                    : getString(R.string.variant_latency, variant.getName(), inference));
        }
        names.setNotifyOnChange(false);
        names.clear();
        names.addAll(rows);
        names.notifyDataSetChanged();
        variants.setSelection(session.variant);
        variants.setEnabled(!session.busy && session.usable());
    }

    /** Shows a result without a runtime, for pictures of the screen. */
    void show(Bitmap bitmap, List<FerFace> faces, double whole, double face) {
        session.sample = false;
        session.loaded(bitmap);
        session.analysed(faces, whole, face);
    }

    @Override
    protected void onSaveInstanceState(Bundle saved) {
        super.onSaveInstanceState(saved);
        saved.putInt(VARIANT, session.variant);
        if (session.uri != null) {
            saved.putString(URI, session.uri.toString());
        }
    }

    @Override
    public Object onRetainNonConfigurationInstance() {
        return session;
    }

    @Override
    protected void onDestroy() {
        session.attach(null);
        if (!isChangingConfigurations()) {
            session.close();
        }
        super.onDestroy();
    }
}
