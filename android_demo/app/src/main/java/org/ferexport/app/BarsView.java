package org.ferexport.app;

import android.content.Context;
import android.graphics.Canvas;
import android.graphics.Paint;
import android.util.AttributeSet;
import android.util.TypedValue;
import android.view.View;
import java.util.Collections;
import java.util.List;
import org.ferexport.fer.FerEmotion;

/** One row for every emotion, the most probable first: name, bar, per cent. */
public final class BarsView extends View {
    private static final float CORNER = 4;

    private final Paint letters = new Paint(Paint.ANTI_ALIAS_FLAG);
    private final Paint fill = new Paint(Paint.ANTI_ALIAS_FLAG);
    private List<FerEmotion> emotions = Collections.emptyList();

    public BarsView(Context context, AttributeSet attributes) {
        super(context, attributes);
        letters.setTextSize(units(TypedValue.COMPLEX_UNIT_SP, 14));
    }

    /** Shows the emotions of one face in the order of the list. */
    void show(List<FerEmotion> ranked) {
        emotions = ranked;
        StringBuilder text = new StringBuilder();
        for (FerEmotion emotion : ranked) {
            text.append(text.length() == 0 ? "" : ", ").append(Words.emotion(getContext(), emotion));
        }
        setContentDescription(text);
        requestLayout();
        invalidate();
    }

    int rows() {
        return emotions.size();
    }

    @Override
    protected void onMeasure(int width, int height) {
        int wanted = Math.round(rows() * rowHeight()) + getPaddingTop() + getPaddingBottom();
        setMeasuredDimension(getDefaultSize(0, width), resolveSize(wanted, height));
    }

    @Override
    protected void onDraw(Canvas canvas) {
        float gap = units(TypedValue.COMPLEX_UNIT_DIP, 12);
        float names = 0;
        float figures = 0;
        for (FerEmotion emotion : emotions) {
            names = Math.max(names, letters.measureText(emotion.getName(getContext())));
            figures = Math.max(figures, letters.measureText(figure(emotion)));
        }
        float left = getPaddingLeft() + names + gap;
        float right = getWidth() - getPaddingRight() - figures - gap;
        Paint.FontMetrics metrics = letters.getFontMetrics();
        for (int at = 0; at < emotions.size(); at++) {
            FerEmotion emotion = emotions.get(at);
            float middle = getPaddingTop() + (at + 0.5f) * rowHeight();
            float baseline = middle - (metrics.ascent + metrics.descent) / 2;
            letters.setFakeBoldText(at == 0);
            letters.setColor(getContext().getColor(R.color.on_surface));
            canvas.drawText(emotion.getName(getContext()), getPaddingLeft(), baseline, letters);
            String figure = figure(emotion);
            float end = getWidth() - getPaddingRight();
            canvas.drawText(figure, end - letters.measureText(figure), baseline, letters);
            bar(canvas, left, right, middle, R.color.surface_container_highest);
            bar(canvas, left, left + (right - left) * emotion.getProbability(), middle,
                    at == 0 ? R.color.primary : R.color.bar);
        }
    }

    private void bar(Canvas canvas, float left, float right, float middle, int colour) {
        float half = units(TypedValue.COMPLEX_UNIT_DIP, 4);
        float corner = units(TypedValue.COMPLEX_UNIT_DIP, CORNER);
        fill.setColor(getContext().getColor(colour));
        canvas.drawRoundRect(left, middle - half, right, middle + half, corner, corner, fill);
    }

    private String figure(FerEmotion emotion) {
        return getResources().getString(R.string.percent, emotion.getPercent());
    }

    private float rowHeight() {
        return Math.max(units(TypedValue.COMPLEX_UNIT_DIP, 26), letters.getFontSpacing() * 1.3f);
    }

    private float units(int unit, float value) {
        return TypedValue.applyDimension(unit, value, getResources().getDisplayMetrics());
    }
}
