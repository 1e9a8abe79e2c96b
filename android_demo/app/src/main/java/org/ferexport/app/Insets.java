package org.ferexport.app;

import android.view.View;
import android.view.WindowInsets;

/** Keeps a screen clear of the system's bars and of the cutout, under which Android 15 draws every app. */
final class Insets implements View.OnApplyWindowInsetsListener {
    private Insets() {}

    static void pad(View root) {
        root.setOnApplyWindowInsetsListener(new Insets());
    }

    @Override
    @SuppressWarnings("deprecation") // Its successor begins with API 30, and these answer the same.
    public WindowInsets onApplyWindowInsets(View root, WindowInsets insets) {
        root.setPadding(insets.getSystemWindowInsetLeft(), insets.getSystemWindowInsetTop(),
                insets.getSystemWindowInsetRight(), insets.getSystemWindowInsetBottom());
        return insets;
    }
}
