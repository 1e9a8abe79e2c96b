"""tflite-runtime 2.14, the oldest runtime the files are made for, in a process of its own.

It cannot share a process with TensorFlow. The process is this environment's Python where the extra
`tflite-runtime` is installed, or the one that FER_EXPORT_TFLITE_RUNTIME names.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ExportFileError, UsageError, one_line
from ..model_file import read_file, tflite
from ..photo import Frame
from .protocol import OnFace, Runtime
from .tensors import Tensors, kernels_of

VARIABLE = "FER_EXPORT_TFLITE_RUNTIME"
"""Environment variable with the interpreter of an environment that has tflite-runtime."""

_WHY = "its last release, 2.14, has wheels for Linux and Python up to 3.11 only and needs numpy < 2"
_FIX = (
    "make it an environment with `python3.11 -m venv tflite && tflite/bin/pip install tflite-runtime==2.14.0 "
    f'"numpy<2"` and set {VARIABLE}=tflite/bin/python'
)
_ELSEWHERE = "use `runtime='litert'` here"

_CHUNK = 256
"""Faces sent to the worker at once."""


def tflite_runtime_python() -> Path:
    """The interpreter that runs tflite-runtime: FER_EXPORT_TFLITE_RUNTIME, or else this one.

    Starts it once to check. Raises UsageError when it cannot be started or has no tflite-runtime that works.
    """
    process, python, _ = _greeted(None, 1)
    _end(process)
    return python


class TfliteRuntime(Runtime):
    """tflite-runtime, faces one by one (batch 1).

    model: the path of a .tflite file or its bytes.
    python: an interpreter that has tflite_runtime, by default the one that `tflite_runtime_python` finds.

    Close it, or use it as a context manager.

    Raises UsageError when that interpreter cannot be started or lacks the package, ExportFileError when the runtime
    cannot run the file.
    """

    name = "tflite-runtime"

    def __init__(self, model: Path | bytes, threads: int = 1, *, python: str | Path | None = None) -> None:
        content = read_file(model)
        self._tensors = Tensors.of(content)
        self.input_shape, self.threads = self._tensors.input_shape, threads
        self.takes_frames = self._tensors.box is not None
        self.process, _, self.version = _greeted(python, threads)
        try:
            self._send({"size": len(content)}, content)
            loaded = self._answer(content)
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
        outputs = [self._tensors.decode(self._tensors.stored(0))]
        for start in range(0, len(inputs), _CHUNK):
            chunk = inputs[start : start + _CHUNK]
            self._send({"shape": chunk.shape, "dtype": chunk.dtype.name}, chunk.tobytes())
            outputs.append(self._tensors.decode(self._outputs()))
            on_face(start + len(chunk), len(inputs))
        return np.concatenate(outputs)

    def run_frames(self, frames: Sequence[Frame], on_face: OnFace = lambda done, total: None) -> NDArray[np.float32]:
        """Pictures of any size with a box each -> float32 probabilities [N, K]."""
        if not self.takes_frames:
            return super().run_frames(frames)
        outputs = self._tensors.stored(len(frames))
        for i, frame in enumerate(frames):
            photo, box = self._tensors.encode_frame(frame)
            self._send({"shape": photo.shape, "dtype": photo.dtype.name, "box": box.tolist()}, photo.tobytes())
            outputs[i] = self._outputs()[0]
            on_face(i + 1, len(frames))
        return self._tensors.decode(outputs)

    def close(self) -> None:
        """End the process; closing twice does nothing."""
        _end(self.process)

    def _send(self, head: dict[str, Any], content: bytes) -> None:
        sent, _ = _pipes(self.process)
        # If the process is gone, the missing answer tells.
        with contextlib.suppress(BrokenPipeError):
            sent.write(json.dumps(head).encode() + b"\n" + content)
            sent.flush()

    def _answer(self, content: bytes | None = None) -> dict[str, Any]:
        """The worker's next line.

        content: of the file, where the answer is to its loading.
        """
        head = _json_line(_pipes(self.process)[1])
        if head is None or "error" in head:
            raise self._refusal("its process ended" if head is None else one_line(head["error"]), content)
        return head

    def _outputs(self) -> NDArray[Any]:
        head = self._answer()
        dtype, shape = np.dtype(head["dtype"]), tuple(head["shape"])
        content = _pipes(self.process)[1].read(dtype.itemsize * math.prod(shape))
        if len(content) < dtype.itemsize * math.prod(shape):
            raise self._refusal("its process ended")
        return np.frombuffer(content, dtype).reshape(shape)

    def _refusal(self, reason: str, content: bytes | None = None) -> ExportFileError:
        """Why the runtime refused the file, with names instead of its codes."""
        missing = re.search(r"builtin opcode '(\w+)' version '(\d+)'", reason)
        if content is None or not missing:
            return ExportFileError(f"tflite-runtime {self.version} cannot run the file: {reason}")
        needed = tflite.inspect(content).min_runtime_version
        return ExportFileError(
            f"tflite-runtime {self.version} cannot run the file: it has no version {missing[2]} of {missing[1]}"
            f"{f' (the file needs TFLite {needed})' if needed else ''}; "
            "export the file again with `export()`, which writes older ops, or use `runtime='litert'`"
        )


def _greeted(python: str | Path | None, threads: int) -> tuple[subprocess.Popen[bytes], Path, str]:
    """(process, its interpreter, version of tflite-runtime) of a worker that waits for its model."""
    found = interpreter_of(python)
    process = _start(found, threads)
    try:
        return process, found, _version(process, found)
    except BaseException:
        _end(process)
        raise


def interpreter_of(python: str | Path | None) -> Path:
    given = os.path.expanduser(python or os.environ.get(VARIABLE) or sys.executable)
    found = shutil.which(given)
    if found is None:
        raise _unusable(f"{given} is not a program that can be started")
    return Path(found)


def _start(python: Path, threads: int) -> subprocess.Popen[bytes]:
    worker = Path(__file__).with_name("tflite_worker.py")
    # The child must find neither this process's packages nor, beside the worker, the package's own modules.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["PYTHONSAFEPATH"] = "1"
    try:
        return subprocess.Popen(
            [str(python), str(worker), str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
    except OSError as error:
        raise _unusable(f"{python} cannot be started ({error.strerror})") from error


def _version(process: subprocess.Popen[bytes], python: Path) -> str:
    """The worker's first message: the version of its tflite-runtime."""
    head = _json_line(_pipes(process)[1])
    if head is None:
        raise _unusable(f"{python} does not answer as a Python")
    if "error" in head:
        raise _unusable(f"{python} has no tflite-runtime that works ({one_line(head['error'])})")
    if int(head["numpy"].partition(".")[0]) >= 2:
        raise _unusable(f"{python} has numpy {head['numpy']}")
    return str(head["version"])


def _unusable(finding: str) -> UsageError:
    fix = _FIX if sys.platform == "linux" else _ELSEWHERE
    return UsageError(f"tflite-runtime cannot run: {finding}; {_WHY}; {fix}")


def _end(process: subprocess.Popen[bytes]) -> None:
    sent, received = _pipes(process)
    with contextlib.suppress(BrokenPipeError):
        sent.close()
    received.close()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None:
        raise ValueError("the process was started without pipes")
    return process.stdin, process.stdout


def _json_line(stream: IO[bytes]) -> dict[str, Any] | None:
    """The next line of the protocol, None where the process ended or sent something else."""
    try:
        document = json.loads(stream.readline())
    except ValueError:
        return None
    return document if isinstance(document, dict) else None
