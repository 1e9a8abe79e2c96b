"""LiteRT (ai-edge-litert) in this process: what Android and iOS apps run today."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ExportFileError, one_line
from ..model_file import read_file
from ..photo import Frame
from ..system import keras_backend
from .face_queue import FaceQueue, Given, usual
from .protocol import OnFace, Runtime
from .tensors import Tensors, kernels_of


class LiteRt(Runtime):
    """LiteRT with XNNPACK, faces one by one (batch 1) as on a phone.

    model: the path of a .tflite file or its bytes.
    threads: of one interpreter.
    workers: interpreters side by side; by default as many as there are cores for once a slow file (int16x8 has no
        optimised kernels) keeps `run` busy for more than a second. They change no answer.

    Raises ExportFileError when LiteRT cannot run the file.
    """

    name = "litert"

    def __init__(self, model: Path | bytes, threads: int = 1, *, workers: int | None = None) -> None:
        self.version = metadata.version("ai-edge-litert")
        self.threads = threads
        self._content, self._workers = read_file(model), workers
        self._tensors = Tensors.of(self._content)
        self.input_shape, self.takes_frames = self._tensors.input_shape, self._tensors.box is not None
        self.interpreters = [self._interpreter()]
        self._pace: float | None = None

    @cached_property
    def kernels(self) -> str:
        """XNNPACK, and the ops that TFLite's builtin kernels compute."""
        first = self.interpreters[0]
        nodes = first.interpreter._get_ops_details()
        return kernels_of([(node["op_name"], node["inputs"], node["outputs"]) for node in nodes], first.result)

    def run(self, images: NDArray[np.uint8], on_face: OnFace = lambda done, total: None) -> NDArray[np.float32]:
        """uint8 [N, S, S, C] -> float32 probabilities [N, K]."""
        faces = self._tensors.encode(images)
        return self._answers(FaceQueue(lambda i: (faces[i : i + 1],), self._tensors.stored(len(faces))), on_face)

    def run_frames(self, frames: Sequence[Frame], on_face: OnFace = lambda done, total: None) -> NDArray[np.float32]:
        """Pictures of any size with a box each -> float32 probabilities [N, K]."""
        if not self.takes_frames:
            return super().run_frames(frames)
        queue = FaceQueue(lambda i: self._tensors.encode_frame(frames[i]), self._tensors.stored(len(frames)))
        return self._answers(queue, on_face)

    def _answers(self, queue: FaceQueue, on_face: OnFace) -> NDArray[np.float32]:
        try:
            self._pace = queue.answer_all(self.interpreters[0], self.side_by_side, on_face, self._pace)
        except RuntimeError as error:
            raise ExportFileError(f"LiteRT {self.version} cannot run the file: {one_line(error)}") from error
        return self._tensors.decode(queue.stored)

    def close(self) -> None:
        """Release the interpreters."""
        self.interpreters.clear()

    def side_by_side(self, seconds_left: float) -> list[_Interpreter]:
        wanted = usual(seconds_left, self.threads) if self._workers is None else max(1, self._workers)
        while len(self.interpreters) < wanted:
            self.interpreters.append(self._interpreter())
        return self.interpreters[:wanted]

    def _interpreter(self) -> _Interpreter:
        try:
            with keras_backend.silenced():
                return _Interpreter(self._content, self.threads)
        except (ValueError, RuntimeError) as error:
            raise ExportFileError(f"LiteRT {self.version} cannot run the file: {one_line(error)}") from error


class _Interpreter:
    """One interpreter, ready for single faces or frames."""

    def __init__(self, content: bytes, threads: int) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self.interpreter = Interpreter(model_content=content, num_threads=threads)
        self.interpreter.allocate_tensors()
        # The image, of four dimensions, before the box.
        details = sorted(self.interpreter.get_input_details(), key=lambda detail: -len(detail["shape"]))
        self.given = [detail["index"] for detail in details]
        self._shape = tuple(details[0]["shape"])
        self.result = self.interpreter.get_output_details()[0]["index"]

    def answer(self, given: Given) -> NDArray[Any]:
        """Stored inputs, of which the first is [1, H, W, C] -> stored output [K]."""
        if given[0].shape != self._shape:
            self.interpreter.resize_tensor_input(self.given[0], given[0].shape)
            self.interpreter.allocate_tensors()
            self._shape = given[0].shape
        for index, value in zip(self.given, given, strict=True):
            self.interpreter.set_tensor(index, value)
        self.interpreter.invoke()
        return self.interpreter.get_tensor(self.result)[0]  # type: ignore[no-any-return]
