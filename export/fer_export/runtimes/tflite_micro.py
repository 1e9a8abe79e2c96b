"""TensorFlow Lite for Microcontrollers in a process of its own, and LiteRT on the same C array."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..contract import formats
from ..model_file import microcontroller, read_file
from .foreign import Library, Process
from .isolated import IsolatedRuntime
from .litert import LiteRt
from .protocol import OnFace, Runtime
from .tensors import Tensors

LIBRARY = Library("tflite-micro", "tflite_micro", "FER_EXPORT_TFLITE_MICRO", "tflite-micro")

_MEASURING = 20.0
"""Seconds of a core that finding the smallest arena may take, which opens the file some twenty times."""


class TfliteMicro(Runtime):
    """tflite-micro's interpreter with its reference kernels, faces one by one.

    model: the path of a C array that fer-export wrote, or its bytes.
    python: an interpreter that has tflite_micro, by default the one that FER_EXPORT_TFLITE_MICRO names, or this one.

    Raises UsageError where there is no tflite-micro, ExportFileError when it cannot run the file.
    """

    name = LIBRARY.name

    def __init__(self, model: Path | bytes, threads: int = 1, *, python: str | Path | None = None) -> None:
        content = microcontroller.model_of(read_file(model))
        self._tensors = Tensors.of(content)
        self.input_shape, self.threads = self._tensors.input_shape, 1
        self._process = Process(LIBRARY, 1, python)
        self.version = self._process.version
        try:
            self.arena_bytes = int(self._process.load(content, ".tflite", _MEASURING)["arena_bytes"])
        except BaseException:
            self.close()
            raise

    @property
    def kernels(self) -> str:
        """Those of the Python package; a chip's compiler may choose others, such as CMSIS-NN."""
        return "reference kernels"

    def run(self, images: NDArray[np.uint8], on_face: OnFace = lambda done, total: None) -> NDArray[np.float32]:
        """uint8 [N, S, S, C] -> float32 probabilities [N, K]."""
        inputs = self._tensors.encode(images)
        if not len(inputs):
            return self._tensors.decode(self._tensors.stored(0))
        return self._tensors.decode(self._process.run(inputs, on_face))

    def close(self) -> None:
        """End the process; closing twice does nothing."""
        self._process.close()


def litert(content: bytes, isolated: bool) -> Runtime:
    """LiteRT with the network inside a C array: what the other kernels are compared with.

    isolated: whether somebody else made the file.
    """
    model = microcontroller.model_of(content)
    return IsolatedRuntime(model, formats.runtimes()[LiteRt.name]) if isolated else LiteRt(model)


def interpreter() -> Path:
    """The Python that has tflite-micro; raises UsageError where there is none."""
    return LIBRARY.checked()
