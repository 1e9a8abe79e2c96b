package org.ferexport.app;

import android.content.Context;
import android.graphics.Canvas;
import android.graphics.Paint;
import android.graphics.Path;
import android.graphics.RectF;
import android.graphics.Typeface;
import android.util.TypedValue;
import android.view.View;

/** Draws faces onto a picture: a box with rounded corners, and a label above it where there is room. */
final class FacePainter {
    private final Context context;
    private final Paint outline = new Paint(Paint.ANTI_ALIAS_FLAG);
    private final Paint fill = new Paint(Paint.ANTI_ALIAS_FLAG);
    private final Paint letters = new Paint(Paint.ANTI_ALIAS_FLAG);
    private final Path corners = new Path();

    FacePainter(Context context) {
        this.context = context;
        outline.setStyle(Paint.Style.STROKE);
        letters.setTextSize(units(TypedValue.COMPLEX_UNIT_SP, 14));
        letters.setTypeface(Typeface.create("sans-serif-medium", Typeface.NORMAL));
    }

    /** Cuts a view's corners as those of a card; until the canvas is restored. */
    void clip(Canvas canvas, View view) {
        float radius = units(TypedValue.COMPLEX_UNIT_DIP, 16);
        corners.reset();
        corners.addRoundRect(0, 0, view.getWidth(), view.getHeight(), radius, radius, Path.Direction.CW);
        canvas.clipPath(corners);
    }

    /** Draws a face; the label stays within the picture's place. */
    void draw(Canvas canvas, RectF box, RectF place, String text, boolean chosen) {
        int colour = context.getColor(chosen ? R.color.face_selected : R.color.face);
        float radius = units(TypedValue.COMPLEX_UNIT_DIP, 8);
        outline.setColor(colour);
        outline.setStrokeWidth(units(TypedValue.COMPLEX_UNIT_DIP, chosen ? 3 : 2));
        canvas.drawRoundRect(box, radius, radius, outline);
        Paint.FontMetrics metrics = letters.getFontMetrics();
        float margin = units(TypedValue.COMPLEX_UNIT_DIP, 8);
        float width = letters.measureText(text) + 2 * margin;
        float height = metrics.descent - metrics.ascent + margin / 2;
        float gap = units(TypedValue.COMPLEX_UNIT_DIP, 4);
        // Above the box where there is room within the picture, else inside it.
        float left = Math.max(place.left, Math.min(box.left, place.right - width));
        float top = box.top - height - gap >= place.top ? box.top - height - gap
                : Math.max(place.top, box.top) + gap;
        fill.setColor(colour);
        canvas.drawRoundRect(left, top, left + width, top + height, radius, radius, fill);
        letters.setColor(context.getColor(chosen ? R.color.on_face_selected : R.color.on_face));
        canvas.drawText(text, left + margin, top + margin / 4 - metrics.ascent, letters);
    }

    /** Where a picture lies in a view: as large as it fits, in the middle. */
    static void fit(RectF place, View view, int width, int height) {
        float scale = Math.min((float) view.getWidth() / width, (float) view.getHeight() / height);
        float left = (view.getWidth() - scale * width) / 2;
        float top = (view.getHeight() - scale * height) / 2;
        place.set(left, top, left + scale * width, top + scale * height);
    }

    private float units(int unit, float value) {
        return TypedValue.applyDimension(unit, value, context.getResources().getDisplayMetrics());
    }
}
