"""An exported file that somebody else made, run in a process of its own with bounds on memory and computing time.

What this process has just made runs inside it, without the detour.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract import RuntimeRow
from ..errors import ExportFileError
from ..photo import Frame
from . import bounded
from .protocol import OnFace, Runtime, check_frame, check_pictures

_WORK, _LEAST, _MOST = 3.0, 16, 32 << 20
"""Seconds of work that are sent at once, faces at least, and bytes at most."""

_PROGRAM = "from fer_export.runtimes.isolated_worker import main; main()"


class IsolatedRuntime(Runtime):
    """A runtime in a process of its own, behind the same protocol.

    content: of an exported file; row: the runtime in contract.formats. Close it, or use it as a context manager. Raises
    ExportFileError when the runtime cannot run the file, or the file goes beyond the bounds.
    """

    def __init__(self, content: bytes, row: RuntimeRow, threads: int = 1) -> None:
        self.name, self.threads = row.name, threads
        package = str(Path(__file__).parents[2])
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([package, *filter(None, sys.path)])}
        self.worker = bounded.Worker(row.name, [sys.executable, "-P", "-c", _PROGRAM], environment)
        try:
            self._seconds = bounded.face_seconds(content)
            limits = {"memory": bounded.memory(content), "load": bounded.load_seconds(content)}
            head = {"opens": row.opens, "library": row.library, "threads": threads, "size": len(content)}
            self.worker.send({**head, "limits": limits}, content)
            loaded = self._answer("loading it", limits["load"])
        except BaseException:
            self.close()
            raise
        self.version, self._kernels = str(loaded["version"]), str(loaded["kernels"])
        self.input_shape, self.takes_frames = tuple(loaded["input_shape"]), bool(loaded["takes_frames"])
        self._labels = int(loaded["labels"])
        self._pace: float | None = None

    @property
    def kernels(self) -> str:
        """What does the arithmetic, as the runtime reports it."""
        return self._kernels

    def run(self, images: NDArray[np.uint8], on_face: OnFace = lambda done, total: None) -> NDArray[np.float32]:
        """uint8 [N, S, S, C] -> float32 probabilities [N, K]."""
        check_pictures(images, self.input_shape)
        answers = np.zeros((len(images), self._labels), np.float32)
        done = 0
        while done < len(images):
            # The first face shows how long the others may take.
            most = max(_MOST // math.prod(images.shape[1:]), 1)
            count = 1 if self._pace is None else min(max(int(_WORK / self._pace), _LEAST), most)
            chunk = np.ascontiguousarray(images[done : done + count])
            seconds = self._seconds + (self._pace or 0) * 20 * len(chunk)
            started = time.perf_counter()
            self.worker.send({"shape": chunk.shape, "seconds": seconds}, chunk.tobytes())
            answers[done : done + len(chunk)] = self._probabilities(len(chunk), seconds)
            self._pace = max((time.perf_counter() - started) / len(chunk), 1e-6)
            done += len(chunk)
            on_face(done, len(images))
        return answers

    def run_frames(self, frames: Sequence[Frame], on_face: OnFace = lambda done, total: None) -> NDArray[np.float32]:
        """Pictures of any size with a box each -> float32 probabilities [N, K]."""
        if not self.takes_frames:
            return super().run_frames(frames)
        answers = np.zeros((len(frames), self._labels), np.float32)
        for i, frame in enumerate(frames):
            check_frame(frame)
            head = {"shape": frame.photo.shape, "box": frame.clamped.tolist(), "seconds": self._seconds}
            self.worker.send(head, np.ascontiguousarray(frame.photo).tobytes())
            answers[i] = self._probabilities(1, self._seconds)[0]
            on_face(i + 1, len(frames))
        return answers

    def close(self) -> None:
        """End the process; closing twice does nothing."""
        self.worker.close()

    def _probabilities(self, faces: int, seconds: float) -> NDArray[np.float32]:
        self._answer("a face", seconds)
        content = self.worker.read(4 * faces * self._labels, "a face")
        return np.frombuffer(content, np.float32).reshape(faces, self._labels)

    def _answer(self, task: str, seconds: float) -> dict[str, Any]:
        """The worker's next line; ExportFileError for an error in it, or for none."""
        head = self.worker.answer(task, seconds)
        if "error" in head:
            raise ExportFileError(str(head["error"])[:500])
        return head
