package org.ferexport.fer;

import java.util.List;

/** Hears the answer to one request, on the main thread; exactly one method is called, none after close. */
public interface FerCallback {
    /** The faces, the largest first; an empty list where there is no face. */
    void onFaces(List<FerFace> faces);

    /** Why there is no answer. */
    void onError(FerException error);
}
