package org.ferexport.app;

import android.content.Context;
import android.graphics.Bitmap;
import android.graphics.Canvas;
import android.graphics.Paint;
import android.graphics.Rect;
import android.graphics.RectF;
import android.util.AttributeSet;
import android.view.View;
import java.util.Collections;
import java.util.List;
import org.ferexport.fer.FerFace;

/** A camera's picture with its faces; that of the front camera as in a mirror. */
public final class LiveView extends View {
    private final Paint smooth = new Paint(Paint.FILTER_BITMAP_FLAG);
    private final RectF place = new RectF();
    private final FacePainter painter;
    private Bitmap frame;
    private List<FerFace> faces = Collections.emptyList();
    private boolean mirrored;

    public LiveView(Context context, AttributeSet attributes) {
        super(context, attributes);
        painter = new FacePainter(context);
    }

    /** Shows an upright frame, or none, and the faces that were last found. */
    void show(Bitmap picture, List<FerFace> found, boolean mirror) {
        frame = picture;
        faces = found;
        mirrored = mirror;
        invalidate();
    }

    /** Where a box of the frame lies in the view. */
    RectF onScreen(Rect box) {
        FacePainter.fit(place, this, frame.getWidth(), frame.getHeight());
        float scale = place.width() / frame.getWidth();
        float left = mirrored ? place.right - box.right * scale : place.left + box.left * scale;
        float top = place.top + box.top * scale;
        return new RectF(left, top, left + box.width() * scale, top + box.height() * scale);
    }

    @Override
    protected void onDraw(Canvas canvas) {
        canvas.save();
        painter.clip(canvas, this);
        canvas.drawColor(getContext().getColor(R.color.surface_container));
        if (frame != null) {
            FacePainter.fit(place, this, frame.getWidth(), frame.getHeight());
            canvas.save();
            if (mirrored) {
                canvas.scale(-1, 1, place.centerX(), place.centerY());
            }
            canvas.drawBitmap(frame, null, place, smooth);
            canvas.restore();
            canvas.clipRect(place);
            for (FerFace face : faces) {
                painter.draw(canvas, onScreen(face.getBox()), place,
                        Words.emotion(getContext(), face.getEmotion()), true);
            }
        }
        canvas.restore();
    }
}
