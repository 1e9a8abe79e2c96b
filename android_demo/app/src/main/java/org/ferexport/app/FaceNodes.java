package org.ferexport.app;

import android.content.Context;
import android.graphics.Rect;
import android.os.Bundle;
import android.view.MotionEvent;
import android.view.View;
import android.view.accessibility.AccessibilityEvent;
import android.view.accessibility.AccessibilityManager;
import android.view.accessibility.AccessibilityNodeInfo;
import android.view.accessibility.AccessibilityNodeProvider;
import android.widget.Button;

/** The faces of a photo for TalkBack: each one can be heard, focused and selected on its own. */
final class FaceNodes extends AccessibilityNodeProvider {
    private static final int NONE = -1;

    private final PhotoView view;
    private int focused = NONE;
    private int hovered = NONE;

    FaceNodes(PhotoView view) {
        this.view = view;
    }

    /** Other faces, or another one selected. */
    void changed() {
        focused = focused < view.faceCount() ? focused : NONE;
        send(View.NO_ID, AccessibilityEvent.TYPE_WINDOW_CONTENT_CHANGED);
    }

    /** A finger that explores the screen; whether it is over a face, or just left one. */
    boolean hovered(MotionEvent event) {
        boolean leaves = event.getAction() == MotionEvent.ACTION_HOVER_EXIT;
        int face = leaves || view.faceCount() == 0 ? NONE : view.faceAt(event.getX(), event.getY());
        if (face == hovered) {
            return face != NONE;
        }
        int former = hovered;
        hovered = face;
        if (former != NONE) {
            send(former, AccessibilityEvent.TYPE_VIEW_HOVER_EXIT);
        }
        if (face != NONE) {
            send(face, AccessibilityEvent.TYPE_VIEW_HOVER_ENTER);
        }
        return true;
    }

    @Override
    public AccessibilityNodeInfo createAccessibilityNodeInfo(int id) {
        if (id == View.NO_ID) {
            AccessibilityNodeInfo host = node(view, View.NO_ID);
            view.onInitializeAccessibilityNodeInfo(host);
            for (int face = 0; face < view.faceCount(); face++) {
                host.addChild(view, face);
            }
            return host;
        }
        return id >= 0 && id < view.faceCount() ? face(id) : null;
    }

    private AccessibilityNodeInfo face(int face) {
        AccessibilityNodeInfo node = node(view, face);
        node.setParent(view);
        node.setPackageName(view.getContext().getPackageName());
        node.setClassName(Button.class.getName());
        node.setContentDescription(view.describe(face));
        node.setEnabled(true);
        node.setClickable(true);
        node.setFocusable(true);
        node.setVisibleToUser(view.isShown());
        node.setSelected(view.isSelectedFace(face));
        node.setAccessibilityFocused(face == focused);
        node.addAction(AccessibilityNodeInfo.AccessibilityAction.ACTION_CLICK);
        node.addAction(face == focused ? AccessibilityNodeInfo.AccessibilityAction.ACTION_CLEAR_ACCESSIBILITY_FOCUS
                : AccessibilityNodeInfo.AccessibilityAction.ACTION_ACCESSIBILITY_FOCUS);
        place(node, view.boundsOf(face));
        return node;
    }

    @SuppressWarnings("deprecation") // The bounds in the parent; older readers know no others.
    private void place(AccessibilityNodeInfo node, Rect bounds) {
        node.setBoundsInParent(bounds);
        int[] corner = new int[2];
        view.getLocationOnScreen(corner);
        bounds.offset(corner[0], corner[1]);
        node.setBoundsInScreen(bounds);
    }

    @SuppressWarnings("deprecation") // Its successor, the constructor, begins with API 30.
    private static AccessibilityNodeInfo node(View view, int id) {
        return id == View.NO_ID ? AccessibilityNodeInfo.obtain(view) : AccessibilityNodeInfo.obtain(view, id);
    }

    @Override
    public boolean performAction(int id, int action, Bundle arguments) {
        if (id < 0 || id >= view.faceCount()) {
            return id == View.NO_ID && view.performAccessibilityAction(action, arguments);
        }
        switch (action) {
            case AccessibilityNodeInfo.ACTION_CLICK:
                view.select(id);
                send(id, AccessibilityEvent.TYPE_VIEW_CLICKED);
                return true;
            case AccessibilityNodeInfo.ACTION_ACCESSIBILITY_FOCUS:
                focused = id;
                view.invalidate();
                send(id, AccessibilityEvent.TYPE_VIEW_ACCESSIBILITY_FOCUSED);
                return true;
            case AccessibilityNodeInfo.ACTION_CLEAR_ACCESSIBILITY_FOCUS:
                focused = focused == id ? NONE : focused;
                view.invalidate();
                send(id, AccessibilityEvent.TYPE_VIEW_ACCESSIBILITY_FOCUS_CLEARED);
                return true;
            default:
                return false;
        }
    }

    @SuppressWarnings("deprecation") // Its successor, the constructor, begins with API 30.
    private void send(int id, int type) {
        AccessibilityManager manager =
                (AccessibilityManager) view.getContext().getSystemService(Context.ACCESSIBILITY_SERVICE);
        if (!manager.isEnabled() || view.getParent() == null || !view.isShown()) {
            return;
        }
        AccessibilityEvent event = AccessibilityEvent.obtain(type);
        event.setPackageName(view.getContext().getPackageName());
        event.setClassName(view.getClass().getName());
        event.setSource(view, id);
        if (id >= 0 && id < view.faceCount()) {
            event.setContentDescription(view.describe(id));
        }
        view.getParent().requestSendAccessibilityEvent(view, event);
    }
}
