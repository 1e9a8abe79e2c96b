package org.ferexport.app;

import android.content.Context;
import android.content.res.Resources;
import android.graphics.Bitmap;
import android.graphics.Canvas;
import android.graphics.Color;
import android.graphics.Paint;
import android.graphics.RectF;
import android.util.AttributeSet;
import android.util.TypedValue;
import android.view.MotionEvent;
import android.view.View;
import java.util.Collections;
import java.util.List;
import org.ferexport.core.Box;
import org.ferexport.core.Prediction;

/** A photo with its faces; a touch selects a face, a click of the keyboard or of TalkBack the next one. */
public final class PhotoView extends View {
    /** Hears which face the user selects. */
    interface Listener {
        void selected(int face);
    }

    private final Paint smooth = new Paint(Paint.FILTER_BITMAP_FLAG);
    private final Paint outline = new Paint(Paint.ANTI_ALIAS_FLAG);
    private final Paint fill = new Paint();
    private final Paint letters = new Paint(Paint.ANTI_ALIAS_FLAG);
    private final RectF place = new RectF();
    private Listener listener;
    private Bitmap photo;
    private List<Prediction> faces = Collections.emptyList();
    private int selected;

    public PhotoView(Context context, AttributeSet attributes) {
        super(context, attributes);
        outline.setStyle(Paint.Style.STROKE);
        letters.setTextSize(units(TypedValue.COMPLEX_UNIT_SP, 14));
    }

    void setListener(Listener to) {
        listener = to;
    }

    /** Shows a photo, or none, with its faces. */
    void show(Bitmap bitmap, List<Prediction> found, int face) {
        photo = bitmap;
        faces = found == null ? Collections.<Prediction>emptyList() : found;
        selected = face;
        setClickable(faces.size() > 1);
        setFocusable(photo != null);
        setContentDescription(description());
        invalidate();
    }

    /** The face at a point of the view, the smallest where several overlap; -1 where there is none. */
    int faceAt(float x, float y) {
        int found = -1;
        for (int at = 0; at < faces.size(); at++) {
            boolean smaller = found < 0 || faces.get(at).face.box.area() < faces.get(found).face.box.area();
            if (smaller && touchable(faces.get(at).face.box).contains(x, y)) {
                found = at;
            }
        }
        return found;
    }

    /** Where a box of the photo lies in the view. */
    RectF onScreen(Box box) {
        float scale = place.width() / photo.getWidth();
        return new RectF(place.left + box.left * scale, place.top + box.top * scale,
                place.left + box.right * scale, place.top + box.bottom * scale);
    }

    @Override
    protected void onDraw(Canvas canvas) {
        canvas.drawColor(getContext().getColor(R.color.photo_background));
        if (photo == null) {
            return;
        }
        fit();
        if (photo.hasAlpha()) {
            // As the network sees it, by day and by night.
            fill.setColor(Color.WHITE);
            canvas.drawRect(place, fill);
        }
        canvas.drawBitmap(photo, null, place, smooth);
        canvas.save();
        canvas.clipRect(place);
        for (int at = 0; at < faces.size(); at++) {
            if (at != selected) {
                drawFace(canvas, faces.get(at), false);
            }
        }
        if (selected < faces.size()) {
            drawFace(canvas, faces.get(selected), true);
        }
        canvas.restore();
    }

    @Override
    public boolean onTouchEvent(MotionEvent event) {
        if (event.getAction() == MotionEvent.ACTION_UP && photo != null) {
            int face = faceAt(event.getX(), event.getY());
            if (face >= 0 && listener != null) {
                setPressed(false);
                listener.selected(face);
            }
            return true;
        }
        return !faces.isEmpty();
    }

    @Override
    public boolean performClick() {
        super.performClick();
        if (listener != null && faces.size() > 1) {
            listener.selected((selected + 1) % faces.size());
        }
        return true;
    }

    private void fit() {
        float scale = Math.min((float) getWidth() / photo.getWidth(), (float) getHeight() / photo.getHeight());
        float left = (getWidth() - scale * photo.getWidth()) / 2;
        float top = (getHeight() - scale * photo.getHeight()) / 2;
        place.set(left, top, left + scale * photo.getWidth(), top + scale * photo.getHeight());
    }

    private void drawFace(Canvas canvas, Prediction face, boolean chosen) {
        RectF box = onScreen(face.face.box);
        int colour = getContext().getColor(chosen ? R.color.face_selected : R.color.face);
        outline.setColor(colour);
        outline.setStrokeWidth(units(TypedValue.COMPLEX_UNIT_DIP, chosen ? 3 : 2));
        canvas.drawRect(box, outline);
        String text = Words.emotion(getResources(), face.emotions.get(0));
        Paint.FontMetrics metrics = letters.getFontMetrics();
        float margin = units(TypedValue.COMPLEX_UNIT_DIP, 4);
        float width = letters.measureText(text) + 2 * margin;
        float height = metrics.descent - metrics.ascent + margin;
        // Above the box where there is room within the photo, else inside it.
        float left = Math.max(place.left, Math.min(box.left, place.right - width));
        float top = Math.max(place.top, box.top - height >= place.top ? box.top - height : box.top);
        fill.setColor(colour);
        canvas.drawRect(left, top, left + width, top + height, fill);
        letters.setColor(getContext().getColor(chosen ? R.color.on_face_selected : R.color.on_face));
        canvas.drawText(text, left + margin, top + margin / 2 - metrics.ascent, letters);
    }

    /** The box on the screen, made large enough for a finger. */
    private RectF touchable(Box box) {
        fit();
        RectF result = onScreen(box);
        float finger = units(TypedValue.COMPLEX_UNIT_DIP, 48);
        result.inset(Math.min(0, (result.width() - finger) / 2), Math.min(0, (result.height() - finger) / 2));
        return result;
    }

    private String description() {
        Resources resources = getResources();
        if (photo == null) {
            return resources.getString(R.string.photo_none);
        }
        if (faces.isEmpty()) {
            return resources.getString(R.string.photo);
        }
        return resources.getQuantityString(R.plurals.photo_faces, faces.size(), faces.size(), selected + 1,
                Words.emotion(resources, faces.get(selected).emotions.get(0)));
    }

    private float units(int unit, float value) {
        return TypedValue.applyDimension(unit, value, getResources().getDisplayMetrics());
    }
}
