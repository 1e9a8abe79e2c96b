/**
 * Photo to faces to emotions in plain Java, byte for byte what `fer-export predict` computes.
 *
 * <p>Everything that decides a result is read from a bundle made by `fer-export bundle`: {@link
 * org.ferexport.core.Bundle} opens it, {@link org.ferexport.core.Pipeline} runs it, {@link
 * org.ferexport.core.SelfCheck} replays its golden vectors. The inference itself is behind {@link
 * org.ferexport.core.ModelRuntime}, so that the same classes run on a phone and on a desktop JVM.
 * The sources keep to Java 8 without lambdas and to the classes that Android 7.0 (API 24) has.
 */
package org.ferexport.core;
