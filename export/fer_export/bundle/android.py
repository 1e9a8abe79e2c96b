"""Android projects: which module is the app, where its assets lie, and the lines that use a bundle there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError

SOURCES = Path("src", "main")
"""Where a module of Gradle's keeps what travels inside the app."""

FOLDER = "bundle"
"""The bundle's folder within the assets, where FerAnalyzer.open looks for it."""

LITERT = "com.google.ai.edge.litert:litert:1.4.1"
"""The last LiteRT 1.x, aligned to pages of 16 kB; android_demo/gradle.properties has the same."""

GRADLE = (
    'implementation(files("libs/fer.aar"))',
    f'implementation("{LITERT}")',
    'android.androidResources { noCompress += "tflite"; ignoreAssetsPattern = "!.*:!*~:!*.onnx" }',
)
"""What build.gradle.kts of the app needs; the last line keeps the ONNX files out of the APK."""

KOTLIN = """\
val analyzer = FerAnalyzer.open(context) // reads assets/bundle
analyzer.analyseAsync(bitmap, 0, object : FerCallback { // 0: the bitmap is upright
    override fun onFaces(faces: List<FerFace>) {
        for (face in faces) println("${face.box}: ${face.emotion.getName(context)}, ${face.emotion.percent} %")
        analyzer.close()
    }
    override fun onError(error: FerException) {
        println(error.getSentence(context))
    }
})
"""
"""From a picture to emotions; android_demo/kotlin compiles it."""

_APPLICATION = re.compile(r"com\.android\.application(?!.*apply false)|plugins\.android\.application(?!.*apply false)")
_BUILD_FILES = ("build.gradle.kts", "build.gradle")
_DEPTH = 3


@dataclass(frozen=True)
class AndroidApp:
    """The module of an Android project that becomes the app."""

    module: Path
    """The module's folder."""

    @property
    def bundle(self) -> Path:
        """Where the app reads its bundle, whether there is one or not."""
        return self.module / SOURCES / "assets" / FOLDER


def find_app(project: Path) -> AndroidApp:
    """The app of an Android project, by its root or by the app's own folder.

    A module has src/main; the app is the one whose build file applies com.android.application, or the only module.
    Raises UsageError where there is none, or more than one and none of them is called app.
    """
    modules = [folder for folder in (project, *_folders(project, _DEPTH)) if (folder / SOURCES).is_dir()]
    if not modules:
        raise UsageError(
            f"{project} is not an Android project: no folder in it has {SOURCES.as_posix()}; pass the project's root, "
            "or the app's own folder"
        )
    apps = [module for module in modules if _is_application(module)] or modules
    named = [app for app in apps if app.name == "app"]
    if len(apps) > 1 and len(named) != 1:
        names = ", ".join(str(app) for app in apps)
        raise UsageError(f"{project} has several apps ({names}); pass the folder of one of them")
    return AndroidApp(named[0] if len(apps) > 1 else apps[0])


def _folders(folder: Path, depth: int) -> list[Path]:
    """Folders below, but for hidden ones, build outputs and sources."""
    if depth == 0 or not folder.is_dir():
        return []
    inner = sorted(each for each in folder.iterdir() if each.is_dir() and not each.is_symlink())
    wanted = [each for each in inner if not each.name.startswith(".") and each.name not in ("build", "src", "target")]
    return [found for each in wanted for found in (each, *_folders(each, depth - 1))]


def _is_application(module: Path) -> bool:
    files = (module / name for name in _BUILD_FILES)
    return any(_APPLICATION.search(file.read_text("utf-8", "replace")) for file in files if file.is_file())
