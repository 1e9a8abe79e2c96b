"""Facial-emotion CNNs from Keras onto a phone.

    import fer_export as fer

    network = fer.load("compact-7")
    result = fer.export(network, "tflite", "int8")
    print(result)

Every command of `fer-export` is one function here; fer_export.api describes them. Names are loaded when they are first
used, so that the import costs next to nothing.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import (
        VARIANTS,
        Checkpoint,
        Options,
        Pipeline,
        Variant,
        bench,
        blame,
        compare,
        evaluate,
        examine,
        export,
        inspect,
        judge,
        load,
        make_bundle,
        make_probe_faces,
        phone_checks,
        read_dataset,
        serve_photos,
        summarize,
        train,
        verify_bundle,
    )
    from .errors import (
        BundleError,
        CheckpointError,
        ConversionError,
        DataError,
        DeviceError,
        DifferenceError,
        ExportFileError,
        FerExportError,
        OutputError,
        PhotoError,
        PhotoSizeError,
        TrainingError,
        UsageError,
    )

from .system.process import signals, telemetry

if sys.argv[:1] == ["-m"] and "fer_export" in sys.orig_argv:
    signals.end_at_once()  # this is the command's own process: `__main__` comes next

telemetry.switch_off()  # before any import of a library that reads it

__version__ = "0.1.0"

__all__ = [
    "BundleError",
    "Checkpoint",
    "CheckpointError",
    "ConversionError",
    "DataError",
    "DeviceError",
    "DifferenceError",
    "ExportFileError",
    "FerExportError",
    "Options",
    "OutputError",
    "PhotoError",
    "PhotoSizeError",
    "Pipeline",
    "TrainingError",
    "UsageError",
    "VARIANTS",
    "Variant",
    "__version__",
    "bench",
    "blame",
    "compare",
    "evaluate",
    "examine",
    "export",
    "inspect",
    "judge",
    "load",
    "make_bundle",
    "make_probe_faces",
    "phone_checks",
    "read_dataset",
    "serve_photos",
    "summarize",
    "train",
    "verify_bundle",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{'errors' if name.endswith('Error') else 'api'}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
