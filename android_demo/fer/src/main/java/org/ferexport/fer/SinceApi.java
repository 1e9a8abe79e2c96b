package org.ferexport.fer;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** Marks a method that is only called on this or a later API level, which is above the lowest that the app runs on. */
@Retention(RetentionPolicy.CLASS)
@Target(ElementType.METHOD)
@interface SinceApi {
    int value();
}
