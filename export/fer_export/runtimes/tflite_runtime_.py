"""tflite-runtime 2.14, the oldest runtime the files are made for, in a process of its own.

It cannot share a process with TensorFlow. The process is this environment's Python where the extra
`tflite-runtime` is installed, or the one that FER_EXPORT_TFLITE_RUNTIME names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import ExportFileError
from ..model_file import read_file, tflite
from ..photo import Frame
from .foreign import Library, Process
from .protocol import OnFace, Runtime
from .tensors import Tensors, kernels_of

LIBRARY = Library(
    "tflite-runtime",
    "tflite_runtime",
    "FER_EXPORT_TFLITE_RUNTIME",
    'tflite-runtime==2.14.0 "numpy<2"',
    python="python3.11",
    numpy_below=2,
    limits="its last release, 2.14, has wheels for Linux and Python up to 3.11 only and needs numpy < 2",
    platforms=("linux",),
    elsewhere="use `runtime='litert'` here",
)


def tflite_runtime_python() -> Path:
    """The interpreter that runs tflite-runtime: FER_EXPORT_TFLITE_RUNTIME, or else this one.

    Starts it once to check. Raises UsageError when it cannot be started or has no tflite-runtime that works.
    """
    return LIBRARY.checked()


class TfliteRuntime(Runtime):
    """tflite-runtime, faces one by one (batch 1).

    model: the path of a .tflite file or its bytes.
    python: an interpreter that has tflite_runtime, by default the one that `tflite_runtime_python` finds.

    Close it, or use it as a context manager.

    Raises UsageError when that interpreter cannot be started or lacks the package, ExportFileError when the runtime
    cannot run the file within the bounds of a stranger's file.
    """

    name = LIBRARY.name

    def __init__(self, model: Path | bytes, threads: int = 1, *, python: str | Path | None = None) -> None:
        content = read_file(model)
        self._tensors = Tensors.of(content)
        self.input_shape, self.threads = self._tensors.input_shape, threads
        self.takes_frames = self._tensors.box is not None
        self.process = Process(LIBRARY, threads, python)
        self.version = self.process.version
        try:
            loaded = self.process.load(content, ".tflite")
        except ExportFileError as error:
            self.close()
            raise _in_words(error, content) from error
        except BaseException:
            self.close()
            raise
        self._kernels = kernels_of(loaded["ops"], loaded["output"])

    @property
    def kernels(self) -> str:
        """XNNPACK, and the ops that TFLite's builtin kernels compute."""
        return self._kernels

    def run(self, images: NDArray[np.uint8], on_face: OnFace = lambda done, total: None) -> NDArray[np.float32]:
        """uint8 [N, S, S, C] -> float32 probabilities [N, K]."""
        inputs = self._tensors.encode(images)
        if not len(inputs):
            return self._tensors.decode(self._tensors.stored(0))
        return self._tensors.decode(self.process.run(inputs, on_face))

    def run_frames(self, frames: Sequence[Frame], on_face: OnFace = lambda done, total: None) -> NDArray[np.float32]:
        """Pictures of any size with a box each -> float32 probabilities [N, K]."""
        if not self.takes_frames:
            return super().run_frames(frames)
        outputs = self._tensors.stored(len(frames))
        for i, frame in enumerate(frames):
            photo, box = self._tensors.encode_frame(frame)
            outputs[i] = self.process.run(photo, lambda done, total: None, box.tolist())[0]
            on_face(i + 1, len(frames))
        return self._tensors.decode(outputs)

    def close(self) -> None:
        """End the process; closing twice does nothing."""
        self.process.close()


def _in_words(error: ExportFileError, content: bytes) -> ExportFileError:
    """The error, with names instead of the runtime's codes where the file has ops that are too new for it."""
    missing = re.search(r"(.* cannot run the file): .*builtin opcode '(\w+)' version '(\d+)'", str(error))
    if not missing:
        return error
    needed = tflite.inspect(content).min_runtime_version
    return ExportFileError(
        f"{missing[1]}: it has no version {missing[3]} of {missing[2]}"
        f"{f' (the file needs TFLite {needed})' if needed else ''}; "
        "export the file again with `export()`, which writes older ops, or use `runtime='litert'`"
    )
