"""The runtimes behind one protocol, `run(images) -> probabilities`: Keras, LiteRT, tflite-runtime, onnxruntime.

Files that take whole pictures with a box have `run_frames(frames)` instead.

Images are the bytes of the contract whatever the file's input type: as they are for uint8, as 0..255 for
float32, minus 128 for int8. Exported files answer faces one by one (batch 1), as on a phone.
"""

from __future__ import annotations

from pathlib import Path

from ..contract import formats, nearest
from ..errors import UsageError
from ..model_file import inspect as modelfile
from ..model_file import is_folder, read_file
from .isolated import IsolatedRuntime
from .keras import KerasRuntime
from .litert import LiteRt
from .onnxruntime_ import OnnxRuntime
from .protocol import OnFace, Runtime, check_pictures
from .tensors import Tensors
from .tflite_runtime_ import TfliteRuntime, tflite_runtime_python

__all__ = [
    "IsolatedRuntime",
    "KerasRuntime",
    "LiteRt",
    "OnFace",
    "OnnxRuntime",
    "Runtime",
    "Tensors",
    "TfliteRuntime",
    "check_pictures",
    "open_runtime",
    "runtimes_of",
    "tflite_runtime_python",
]


def runtimes_of(file_format: str) -> tuple[str, ...]:
    """The runtimes of a format, by its name in contract.formats; its default first."""
    return tuple(row.name for row in formats.FORMATS[file_format].runtimes)


def open_runtime(
    model: Path | bytes, name: str | None = None, *, threads: int = 1, isolated: bool | None = None
) -> Runtime:
    """Load an exported file (path or bytes) or a Keras network (path or shipped name) in a runtime.

    name: a word of `--runtime`, by default the first of the file's format.
    threads: for a single face; more than there are cores is allowed and slower.

    Close it, or use it as a context manager.

    Raises UsageError for a runtime that is unknown, does not go with the format or is not installed, ExportFileError
    for a file that cannot be read or run, CheckpointError for a network that cannot be loaded.
    """
    names = tuple(formats.runtimes())
    if name is not None and name not in names:
        raise UsageError(f"unknown runtime {name!r}{nearest(name, names)}; choose one of {', '.join(names)}")
    if threads < 1:
        raise UsageError(f"{threads} threads are not possible; use `threads=1` or more")
    file_format, content = _format(model, name)
    row = formats.FORMATS[file_format]
    fitting = {runtime.name: runtime for runtime in row.runtimes}
    chosen = name or row.usual.name
    if chosen not in fitting:
        raise UsageError(f"{chosen} cannot run {row.file}; use `runtime={' or '.join(fitting)}`")
    if file_format == formats.KERAS:
        opened: Runtime = formats.loaded(fitting[chosen].opens)(_path(model), threads)
    elif fitting[chosen].library and (isinstance(model, Path) if isolated is None else isolated):
        opened = IsolatedRuntime(content, fitting[chosen], threads)
    else:
        opened = formats.loaded(fitting[chosen].opens)(content, threads)
    return opened


def _format(model: Path | bytes, name: str | None) -> tuple[str, bytes]:
    """(format, content): content is empty for a Keras network, which is read by its own module."""
    keras = formats.FORMATS[formats.KERAS].suffixes
    if isinstance(model, Path) and (model.is_dir() and not is_folder(model) or model.suffix.lower() in keras):
        return formats.KERAS, b""
    # The name of a shipped network is not a file.
    if name == KerasRuntime.name and isinstance(model, Path) and not model.exists():
        return formats.KERAS, b""
    content = read_file(model)
    return modelfile.format_of(content), content


def _path(model: Path | bytes) -> Path:
    if isinstance(model, bytes):
        raise UsageError("a Keras network is loaded from its path, not from its bytes; pass the path")
    return model
