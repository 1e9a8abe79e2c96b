/**
 * Facial emotions in an app of your own: {@link org.ferexport.fer.FerAnalyzer} over a bundle of `fer-export bundle`.
 *
 * <p>Nothing is null unless a type says {@code @Nullable}. Nothing leaves the phone, and no permission is needed.
 */
@NullMarked
package org.ferexport.fer;

import org.jspecify.annotations.NullMarked;
