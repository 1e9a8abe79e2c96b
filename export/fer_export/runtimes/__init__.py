"""The runtimes behind one protocol, `run(images) -> probabilities`: Keras, LiteRT, tflite-runtime, onnxruntime.

Files that take whole pictures with a box have `run_frames(frames)` instead.

Images are the bytes of the contract whatever the file's input type: as they are for uint8, as 0..255 for
float32, minus 128 for int8. Exported files answer faces one by one (batch 1), as on a phone.
"""

from __future__ import annotations

from pathlib import Path

from ..contract.variants import nearest
from ..errors import UsageError
from ..model_file import inspect as modelfile
from .keras import KerasRuntime
from .litert import LiteRt
from .onnxruntime_ import OnnxRuntime
from .protocol import OnFace, Runtime, check_pictures, cores, read
from .tensors import Tensors
from .tflite_process import TfliteRuntime, tflite_runtime_python

__all__ = [
    "RUNTIMES",
    "KerasRuntime",
    "LiteRt",
    "OnFace",
    "OnnxRuntime",
    "Runtime",
    "Tensors",
    "TfliteRuntime",
    "check_pictures",
    "cores",
    "open_runtime",
    "runtimes_of",
    "tflite_runtime_python",
]

_OF_FORMAT = {
    "tflite": (LiteRt.name, TfliteRuntime.name),
    "onnx": (OnnxRuntime.name,),
    "keras": (KerasRuntime.name,),
}

RUNTIMES: tuple[str, ...] = tuple(name for names in _OF_FORMAT.values() for name in names)
"""The words of `--runtime`."""

_TITLES = {"tflite": "a TFLite file", "onnx": "an ONNX file", "keras": "a Keras network"}
_KERAS_SUFFIXES = (".keras", ".h5", ".hdf5", ".json")


def runtimes_of(file_format: str) -> tuple[str, ...]:
    """The runtimes of `tflite`, `onnx` or `keras`, its default first."""
    return _OF_FORMAT[file_format]


def open_runtime(model: Path | bytes, name: str | None = None, *, threads: int = 1) -> Runtime:
    """Load an exported file (path or bytes) or a Keras network (path or shipped name) in a runtime.

    name: one of RUNTIMES, by default the first of the file's format. threads: for a single face; more than there
    are cores is allowed and slower. Close it, or use it as a context manager. Raises UsageError for a runtime that
    is unknown, does not go with the format or is not installed, ExportFileError for a file that cannot be read or
    run, CheckpointError for a network that cannot be loaded.
    """
    if name is not None and name not in RUNTIMES:
        raise UsageError(f"unknown runtime {name!r}{nearest(name, RUNTIMES)}; choose one of {', '.join(RUNTIMES)}")
    if threads < 1:
        raise UsageError(f"{threads} threads cannot compute; give 1 or more with --threads")
    file_format, content = _format(model, name)
    fitting = _OF_FORMAT[file_format]
    chosen = name or fitting[0]
    if chosen not in fitting:
        raise UsageError(f"{chosen} cannot run {_TITLES[file_format]}; use --runtime {' or '.join(fitting)}")
    if chosen == KerasRuntime.name:
        return KerasRuntime(_path(model), threads)
    if chosen == OnnxRuntime.name:
        return OnnxRuntime(content, threads)
    return LiteRt(content, threads) if chosen == LiteRt.name else TfliteRuntime(content, threads)


def _format(model: Path | bytes, name: str | None) -> tuple[str, bytes]:
    """(format, content): content is empty for a Keras network, which is read by its own module."""
    if isinstance(model, Path) and (model.is_dir() or model.suffix.lower() in _KERAS_SUFFIXES):
        return "keras", b""
    # The name of a shipped network is no file.
    if name == KerasRuntime.name and isinstance(model, Path) and not model.exists():
        return "keras", b""
    content = read(model)
    return modelfile.format_of(content), content


def _path(model: Path | bytes) -> Path:
    if isinstance(model, bytes):
        raise UsageError("a Keras network is loaded from its path, not from its bytes; give the path")
    return model
