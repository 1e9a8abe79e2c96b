"""An exported file that somebody else made, run in a process of its own with bounds on memory and computing time.

A runtime computes what the file says: a loop without end, tensors of terabytes, damage that no check of ours foresaw.
None of it may take this process down. What this process has just made runs inside it, without the detour.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ..contract import RuntimeRow
from ..errors import ExportFileError
from ..model_file import inspect as modelfile
from ..photo import Frame
from .protocol import OnFace, Runtime, check_frame, check_pictures

MEMORY = 1 << 30
"""Bytes that the file may take beside the runtime itself, and 4 for each of its own."""

LOAD_SECONDS, FACE_SECONDS = 3.0, 2.0
"""Seconds of a core that loading may take, and the answer to one face or picture; more for a large network."""

_MACS_A_SECOND, _MOST_SECONDS = 5e8, 60.0
"""Multiply-accumulates that the slowest kernels do in a second; most seconds that they add."""

_WAIT = 90.0
"""Seconds without an answer after which a process that does not even compute is ended."""

_WORK, _LEAST, _MOST = 3.0, 16, 512
"""Seconds of work that are sent at once, and faces at least and at most."""

_PROGRAM = "from fer_export.runtimes.isolated_worker import main; main()"


class IsolatedRuntime(Runtime):
    """A runtime in a process of its own, behind the same protocol.

    content: of an exported file; row: the runtime in contract.formats. Close it, or use it as a context manager. Raises
    ExportFileError when the runtime cannot run the file, or the file goes beyond the bounds.
    """

    def __init__(self, content: bytes, row: RuntimeRow, threads: int = 1) -> None:
        self.name, self.threads = row.name, threads
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
        package = str(Path(__file__).parents[2])
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([package, *filter(None, sys.path)])}
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._messages,
            env=environment,
            start_new_session=True,  # Ctrl-C ends this process, which ends that one
        )
        try:
            macs = modelfile.inspect(content).macs or 0
            self._seconds = FACE_SECONDS + min(macs / _MACS_A_SECOND, _MOST_SECONDS)
            limits = {"memory": MEMORY + 4 * len(content), "load": LOAD_SECONDS + len(content) / 50e6}
            head = {"opens": row.opens, "library": row.library, "threads": threads, "size": len(content)}
            self._send({**head, "limits": limits}, content)
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
            count = 1 if self._pace is None else min(max(int(_WORK / self._pace), _LEAST), _MOST)
            chunk = np.ascontiguousarray(images[done : done + count])
            seconds = self._seconds + (self._pace or 0) * 20 * len(chunk)
            started = time.perf_counter()
            self._send({"shape": chunk.shape, "seconds": seconds}, chunk.tobytes())
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
            self._send(head, np.ascontiguousarray(frame.photo).tobytes())
            answers[i] = self._probabilities(1, self._seconds)[0]
            on_face(i + 1, len(frames))
        return answers

    def close(self) -> None:
        """End the process; closing twice does nothing."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        self._messages.close()

    def _send(self, head: dict[str, Any], content: bytes) -> None:
        sent, _ = self._pipes()
        # If the process is gone, the missing answer tells.
        with contextlib.suppress(BrokenPipeError):
            sent.write(json.dumps(head).encode() + b"\n" + content)
            sent.flush()

    def _probabilities(self, faces: int, seconds: float) -> NDArray[np.float32]:
        self._answer("a face", seconds)
        size = 4 * faces * self._labels
        content = self._pipes()[1].read(size)
        if len(content) < size:
            raise self._end("a face")
        return np.frombuffer(content, np.float32).reshape(faces, self._labels)

    def _answer(self, task: str, seconds: float) -> dict[str, Any]:
        """The worker's next line; ExportFileError for an error in it, or for none."""
        received = self._pipes()[1]
        # The bounds are of computing time: on a busy machine it takes longer to spend.
        if not select.select([received], [], [], _WAIT + 10 * seconds)[0]:
            raise self._refusal("it does not answer")
        line = received.readline(1 << 16)
        try:
            head = json.loads(line)
        except ValueError:
            raise self._end(task) from None
        if not isinstance(head, dict):
            raise self._end(task)
        if "error" in head:
            raise ExportFileError(str(head["error"])[:500])
        return head

    def _end(self, task: str) -> ExportFileError:
        """Why there is no answer."""
        deadline = time.monotonic() + 10
        while self.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        code = self.process.returncode
        if code == -signal.SIGXCPU:
            return self._refusal(f"{task} takes more computing than such a file may, as a loop without end does")
        if code is not None and code < 0:
            how = (
                "it needs more memory than such a file may"
                if -code in (signal.SIGABRT, signal.SIGKILL)
                else (f"its process ended with {signal.Signals(-code).name}")
            )
            return self._refusal(f"{how} ({task})")
        return self._refusal(f"its process ended ({task})")

    def _refusal(self, why: str) -> ExportFileError:
        return ExportFileError(f"{self.name} cannot run the file: {why}; export it again from its network")

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        if self.process.stdin is None or self.process.stdout is None:
            raise ValueError("the process was started without pipes")
        return self.process.stdin, self.process.stdout
