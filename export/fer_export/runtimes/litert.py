"""LiteRT (ai-edge-litert) in this process: what Android and iOS apps run today."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ExportFileError, one_line
from ..model_file import read_file
from ..photo import Frame
from ..system import keras_backend, machine
from .protocol import OnFace, Runtime
from .tensors import Tensors, kernels_of

Given = tuple[NDArray[Any], ...]
"""The inputs of one inference: the image, and the box of a frame file."""

TRIAL = 16
"""Faces that show how fast the file is."""

_WORTH = 1.0
"""Remaining seconds of work from which further interpreters are worth their start."""

_MOST = 8
"""Largest number of interpreters, as each holds the weights."""


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

    @cached_property
    def kernels(self) -> str:
        """XNNPACK, and the ops that TFLite's builtin kernels compute."""
        first = self.interpreters[0]
        nodes = first.interpreter._get_ops_details()
        return kernels_of([(node["op_name"], node["inputs"], node["outputs"]) for node in nodes], first.result)

    def run(self, images: NDArray[np.uint8], on_face: OnFace = lambda done, total: None) -> NDArray[np.float32]:
        """uint8 [N, S, S, C] -> float32 probabilities [N, K]."""
        faces = self._tensors.encode(images)
        return self._answers(_Queue(lambda i: (faces[i : i + 1],), self._tensors.stored(len(faces))), on_face)

    def run_frames(self, frames: Sequence[Frame], on_face: OnFace = lambda done, total: None) -> NDArray[np.float32]:
        """Pictures of any size with a box each -> float32 probabilities [N, K]."""
        if not self.takes_frames:
            return super().run_frames(frames)
        queue = _Queue(lambda i: self._tensors.encode_frame(frames[i]), self._tensors.stored(len(frames)))
        return self._answers(queue, on_face)

    def _answers(self, queue: _Queue, on_face: OnFace) -> NDArray[np.float32]:
        started = time.perf_counter()
        try:
            queue.work(self.interpreters[0], on_face, most=TRIAL)
            seconds_left = (time.perf_counter() - started) / TRIAL * (len(queue.stored) - TRIAL)
            queue.share(self.side_by_side(seconds_left), on_face)
        except RuntimeError as error:
            raise ExportFileError(f"LiteRT {self.version} cannot run the file: {one_line(error)}") from error
        return self._tensors.decode(queue.stored)

    def close(self) -> None:
        """Release the interpreters."""
        self.interpreters.clear()

    def side_by_side(self, seconds_left: float) -> list[_Interpreter]:
        usual = min(machine.cores() // self.threads, _MOST) if seconds_left > _WORTH else 1
        wanted = max(1, usual if self._workers is None else self._workers)
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


class _Queue:
    """Faces that wait for an interpreter, which writes its answer at the face's place in `stored`.

    Interpreters may share it from several threads, since each gives up the interpreter lock while it computes.
    """

    def __init__(self, given: Callable[[int], Given], stored: NDArray[Any]) -> None:
        """A queue of faces.

        given: the stored inputs of a face.
        stored: room for all answers [N, K].
        """
        self.stored = stored
        self._given = given
        self._waiting, self._done = deque(range(len(stored))), deque[int]()
        self._stopped = threading.Event()

    def share(self, interpreters: list[_Interpreter], on_face: OnFace) -> None:
        """Answer all waiting faces; only this thread calls `on_face`.

        An exception, Ctrl-C too, stops every interpreter.
        """
        first, *others = interpreters
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(len(interpreters)) as pool:
            try:
                helpers = [pool.submit(self.work, other) for other in others]
                self.work(first, on_face)
                for helper in helpers:
                    helper.result()
            finally:
                self._stopped.set()
        if others and len(self.stored):
            on_face(len(self._done), len(self.stored))

    def work(
        self, interpreter: _Interpreter, on_face: OnFace = lambda done, total: None, most: int | None = None
    ) -> None:
        """Answer faces with one interpreter until none waits, or `most` are answered."""
        try:
            for _ in range(len(self.stored) if most is None else most):
                if self._stopped.is_set() or (i := self._next()) is None:
                    return
                self.stored[i] = interpreter.answer(self._given(i))
                self._done.append(i)
                on_face(len(self._done), len(self.stored))
        except BaseException:
            self._stopped.set()
            raise

    def _next(self) -> int | None:
        try:
            return self._waiting.popleft()
        except IndexError:
            return None
