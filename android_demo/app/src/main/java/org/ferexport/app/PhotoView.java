package org.ferexport.app;

import android.content.Context;
import android.content.res.Resources;
import android.graphics.Bitmap;
import android.graphics.Canvas;
import android.graphics.Color;
import android.graphics.Paint;
import android.graphics.Rect;
import android.graphics.RectF;
import android.util.AttributeSet;
import android.util.TypedValue;
import android.view.MotionEvent;
import android.view.View;
import android.view.accessibility.AccessibilityNodeProvider;
import java.util.Collections;
import java.util.List;
import org.ferexport.fer.FerFace;

/**
 * A photo with its faces; a touch selects a face, a click of the keyboard the next one. For TalkBack every face is a
 * node of its own.
 */
public final class PhotoView extends View {
    /** Hears which face the user selects. */
    interface Listener {
        void selected(int face);
    }

    private final Paint smooth = new Paint(Paint.FILTER_BITMAP_FLAG);
    private final Paint fill = new Paint();
    private final FacePainter painter;
    private final FaceNodes nodes = new FaceNodes(this);
    private final RectF place = new RectF();
    private Listener listener;
    private Bitmap photo;
    private List<FerFace> faces = Collections.emptyList();
    private int selected;

    public PhotoView(Context context, AttributeSet attributes) {
        super(context, attributes);
        painter = new FacePainter(context);
    }

    void setListener(Listener to) {
        listener = to;
    }

    /** Shows a photo, or none, with its faces. */
    void show(Bitmap bitmap, List<FerFace> found, int face) {
        photo = bitmap;
        faces = found == null ? Collections.<FerFace>emptyList() : found;
        selected = face;
        setClickable(faces.size() > 1);
        setFocusable(photo != null);
        setContentDescription(description());
        nodes.changed();
        invalidate();
    }

    /** The face at a point of the view, the smallest where several overlap; -1 where there is none. */
    int faceAt(float x, float y) {
        int found = -1;
        for (int at = 0; at < faces.size(); at++) {
            boolean smaller = found < 0 || area(faces.get(at).getBox()) < area(faces.get(found).getBox());
            if (smaller && touchable(faces.get(at).getBox()).contains(x, y)) {
                found = at;
            }
        }
        return found;
    }

    /** Where a box of the photo lies in the view. */
    RectF onScreen(Rect box) {
        fit();
        float scale = place.width() / photo.getWidth();
        return new RectF(place.left + box.left * scale, place.top + box.top * scale,
                place.left + box.right * scale, place.top + box.bottom * scale);
    }

    @Override
    protected void onDraw(Canvas canvas) {
        canvas.save();
        painter.clip(canvas, this);
        canvas.drawColor(getContext().getColor(R.color.surface_container));
        if (photo != null) {
            fit();
            drawPhoto(canvas);
        }
        canvas.restore();
    }

    private void drawPhoto(Canvas canvas) {
        if (photo.hasAlpha()) {
            // As the network sees it, by day and by night.
            fill.setColor(Color.WHITE);
            canvas.drawRect(place, fill);
        }
        canvas.drawBitmap(photo, null, place, smooth);
        canvas.clipRect(place);
        for (int at = 0; at < faces.size(); at++) {
            if (at != selected) {
                drawFace(canvas, faces.get(at), false);
            }
        }
        if (selected < faces.size()) {
            drawFace(canvas, faces.get(selected), true);
        }
    }

    private void drawFace(Canvas canvas, FerFace face, boolean chosen) {
        painter.draw(canvas, onScreen(face.getBox()), place, Words.emotion(getContext(), face.getEmotion()), chosen);
    }

    @Override
    public boolean onTouchEvent(MotionEvent event) {
        if (event.getAction() == MotionEvent.ACTION_UP && photo != null) {
            int face = faceAt(event.getX(), event.getY());
            if (face >= 0 && listener != null) {
                setPressed(false);
                select(face);
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
        FacePainter.fit(place, this, photo.getWidth(), photo.getHeight());
    }

    private static long area(Rect box) {
        return (long) box.width() * box.height();
    }

    /** The box on the screen, made large enough for a finger. */
    private RectF touchable(Rect box) {
        RectF result = onScreen(box);
        float finger = units(TypedValue.COMPLEX_UNIT_DIP, 48);
        result.inset(Math.min(0, (result.width() - finger) / 2), Math.min(0, (result.height() - finger) / 2));
        return result;
    }

    /** Selects a face as a touch does. */
    void select(int face) {
        if (listener != null) {
            listener.selected(face);
        }
    }

    int faceCount() {
        return faces.size();
    }

    boolean isSelectedFace(int face) {
        return face == selected;
    }

    /** What TalkBack says of one face, such as "Face 2 of 3: surprise 60%". */
    String describe(int face) {
        return getResources().getString(R.string.face_of, face + 1, faces.size(),
                Words.emotion(getContext(), faces.get(face).getEmotion()));
    }

    /** Where a face lies in the view, as large as a finger needs. */
    Rect boundsOf(int face) {
        Rect result = new Rect();
        touchable(faces.get(face).getBox()).roundOut(result);
        return result;
    }

    @Override
    public AccessibilityNodeProvider getAccessibilityNodeProvider() {
        return nodes;
    }

    @Override
    protected boolean dispatchHoverEvent(MotionEvent event) {
        return nodes.hovered(event) || super.dispatchHoverEvent(event);
    }

    private String description() {
        Resources resources = getResources();
        if (photo == null) {
            return resources.getString(R.string.photo_none);
        }
        return faces.isEmpty() ? resources.getString(R.string.photo)
                : resources.getQuantityString(R.plurals.photo_faces, faces.size(), faces.size());
    }

    private float units(int unit, float value) {
        return TypedValue.applyDimension(unit, value, getResources().getDisplayMetrics());
    }
}
