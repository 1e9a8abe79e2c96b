package org.ferexport.app;

import android.graphics.Bitmap;
import java.util.Collections;
import java.util.List;
import org.ferexport.fer.FerAnalyzer;
import org.ferexport.fer.FerCallback;
import org.ferexport.fer.FerException;
import org.ferexport.fer.FerFace;
import org.ferexport.fer.FerFrame;
import org.ferexport.fer.FerSmoother;

/**
 * A camera's frames and what is found in them: every frame is shown, the newest one is analysed as soon as the one
 * before has been. Used on the main thread only.
 */
final class Live {
    /** Shows the camera after a change. */
    interface Screen {
        void show();
    }

    private final FerAnalyzer analyzer;
    private final Screen screen;
    private final FerSmoother smoother = new FerSmoother();
    private final Rate shown = new Rate();
    private final Rate analysed = new Rate();
    private boolean working;

    /** Changes with every start of a camera: answers about an earlier one are dropped. */
    private int round;

    /** The newest frame, upright; null before there is one. */
    Bitmap picture;

    boolean mirrored;

    /** The faces of the last frame that was analysed, steadied. */
    List<FerFace> faces = Collections.emptyList();

    /** Whether a frame was analysed yet. */
    boolean known;

    /** What went wrong last, or null. */
    FerException error;

    Live(FerAnalyzer analyzer, Screen screen) {
        this.analyzer = analyzer;
        this.screen = screen;
    }

    /** Forgets what was seen so far: another camera, or the same one after a pause. */
    void restart() {
        round++;
        working = false;
        picture = null;
        faces = Collections.emptyList();
        known = false;
        error = null;
        smoother.reset();
        shown.reset();
        analysed.reset();
        screen.show();
    }

    /** Takes the next frame; front cameras are shown as in a mirror and analysed as others see the face. */
    void frame(FerFrame frame, Bitmap bitmap, boolean front) {
        picture = bitmap;
        mirrored = front;
        shown.tick(System.nanoTime());
        if (!working) {
            working = true;
            analyse(frame, round);
        }
        screen.show();
    }

    /** Frames shown and frames analysed, a second. */
    double[] rates() {
        long now = System.nanoTime();
        return new double[] {shown.perSecond(now), analysed.perSecond(now)};
    }

    private void analyse(FerFrame frame, final int of) {
        analyzer.analyseAsync(frame, new FerCallback() {
            @Override
            public void onFaces(List<FerFace> found) {
                if (of == round) {
                    working = false;
                    known = true;
                    error = null;
                    faces = smoother.smooth(found);
                    analysed.tick(System.nanoTime());
                    screen.show();
                }
            }

            @Override
            public void onError(FerException why) {
                if (of == round) {
                    working = false;
                    error = why;
                    screen.show();
                }
            }
        });
    }
}
