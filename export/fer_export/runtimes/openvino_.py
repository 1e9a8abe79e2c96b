"""OpenVINO in a process of its own: a runtime for the .onnx and .tflite files as they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ExportFileError
from ..model_file import inspect as modelfile
from ..model_file import read_file
from ..photo import Frame
from .foreign import Library, Process
from .protocol import OnFace, Runtime, check_frame, check_pictures

LIBRARY = Library("openvino", "openvino", "FER_EXPORT_OPENVINO", "openvino")

_TYPES = {"uint8", "int8", "float32"}


class OpenVino(Runtime):
    """OpenVINO on the processor, faces one by one; floats are computed in float32.

    model: the path of an .onnx or .tflite file or its bytes.
    python: an interpreter that has openvino, by default the one that FER_EXPORT_OPENVINO names, or this one.

    Raises UsageError where there is no OpenVINO, ExportFileError when it cannot run the file, or the file's inputs or
    output are not those of a classifier of one picture.
    """

    name = LIBRARY.name

    def __init__(self, model: Path | bytes, threads: int = 1, *, python: str | Path | None = None) -> None:
        content = read_file(model)
        graph = modelfile.inspect(content)
        self.threads = threads
        self._process = Process(LIBRARY, threads, python)
        self.version = self._process.version
        try:
            ends = self._process.load(content, f".{graph.format}")
            self._type, self.input_shape, self.takes_frames, self._labels = _ends(ends["inputs"], ends["outputs"])
        except BaseException:
            self.close()
            raise
        # Of a .tflite file whose output is quantised OpenVINO gives the stored bytes.
        self._output = graph.outputs[0]

    @property
    def kernels(self) -> str:
        """OpenVINO's plugin and what it computes floats in."""
        return "OpenVINO CPU, f32"

    def run(self, images: NDArray[np.uint8], on_face: OnFace = lambda done, total: None) -> NDArray[np.float32]:
        """uint8 [N, S, S, C] -> float32 probabilities [N, K]."""
        check_pictures(images, self.input_shape)
        if not len(images):
            return np.zeros((0, self._labels), np.float32)
        stored = (images ^ 0x80).view(np.int8) if self._type == "int8" else images.astype(self._type)
        return self._decoded(self._process.run(stored, on_face))

    def run_frames(self, frames: Sequence[Frame], on_face: OnFace = lambda done, total: None) -> NDArray[np.float32]:
        """Pictures of any size with a box each -> float32 probabilities [N, K]."""
        if not self.takes_frames:
            return super().run_frames(frames)
        answers = np.zeros((len(frames), self._labels), np.float32)
        for i, frame in enumerate(frames):
            check_frame(frame)
            stored = self._process.run(frame.photo[None], lambda done, total: None, frame.clamped.tolist())
            answers[i] = self._decoded(stored)[0]
            on_face(i + 1, len(frames))
        return answers

    def close(self) -> None:
        """End the process; closing twice does nothing."""
        self._process.close()

    def _decoded(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        scale, zero = self._output.scale, self._output.zero_point
        if stored.dtype.kind == "f" or scale is None or zero is None:
            return stored.astype(np.float32)
        return (np.float32(scale) * (stored.astype(np.int32) - zero)).astype(np.float32)


def installed() -> bool:
    """Whether OpenVINO is there."""
    return LIBRARY.installed()


def interpreter() -> Path:
    """The Python that has OpenVINO; raises UsageError where there is none."""
    return LIBRARY.checked()


def _ends(inputs: list[dict[str, Any]], outputs: list[dict[str, Any]]) -> tuple[str, tuple[int, ...], bool, int]:
    """Type and shape of the image, whether a box goes with it, and the number of outputs."""
    image, *others = inputs
    boxes = [end for end in others if (end["shape"], end["dtype"]) == ([4], "int32")]
    fits = len(outputs) == 1 and len(image["shape"]) == 4 and image["dtype"] in _TYPES and len(others) == len(boxes)
    if not fits or len(boxes) > 1 or len(outputs[0]["shape"]) != 2 or image["shape"][3] not in (1, 3):
        raise ExportFileError(
            f"the file's inputs {inputs} and outputs {outputs} are not those of an emotion classifier; "
            "pass one with an image [1, S, S, C] in and probabilities [1, K] out"
        )
    return image["dtype"], (1, *image["shape"][1:]), bool(boxes), int(outputs[0]["shape"][1])
