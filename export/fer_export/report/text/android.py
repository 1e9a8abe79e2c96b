"""What an Android app needs to use the bundle in its assets, as text."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from ...bundle import GRADLE, KOTLIN

if TYPE_CHECKING:
    from ...bundle import AndroidApp


def android_text(app: AndroidApp) -> str:
    """The lines to add to an app: three of Gradle's and ten of Kotlin's.

    app: whose assets hold the bundle.
    """
    return (
        f"in {app.module}, with fer.aar of android_demo in its libs (see android_demo/README.md),\n"
        f"build.gradle.kts, the first two among the dependencies:\n\n"
        + textwrap.indent("\n".join(GRADLE), "  ")
        + "\n\nKotlin, with a Context and an upright Bitmap (import org.ferexport.fer.*):\n\n"
        + textwrap.indent(KOTLIN.rstrip(), "  ")
    )
