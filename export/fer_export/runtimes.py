"""The runtimes that stand for a phone: one protocol, `run(images) -> probabilities`.

Images are the bytes of the contract whatever the file's input type: as they are for uint8, as 0..255 for
float32, minus 128 for int8. Faces go through one by one (batch 1), as on a phone.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from . import backend, flatbuffer
from .errors import ExportFileError, UsageError

TFLITE_RUNTIME = 'on Linux with Python 3.11: pip install tflite-runtime==2.14.0 "numpy<2"'
"""The last release of tflite-runtime, and the numpy it was built for."""


OnFace = Callable[[int, int], None]
"""Called with the number of faces done and the number of all."""

_CHUNK = 256
"""Faces sent to the worker at once."""


class Runtime(Protocol):
    """An exported file, loaded and ready. name: of the runtime; version: of the runtime's package."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def input_shape(self) -> tuple[int, ...]:
        """[1, S, S, C]."""
        ...

    def run(self, images: NDArray[np.uint8], on_face: OnFace = lambda done, total: None) -> NDArray[np.float32]:
        """uint8 [N, S, S, C] -> float32 probabilities [N, K] in the order of the file's labels."""
        ...


@dataclass(frozen=True)
class Tensors:
    """The one input and the one output of an exported file, and how bytes and probabilities are stored in them."""

    image: flatbuffer.TensorSummary
    probabilities: flatbuffer.TensorSummary

    @classmethod
    def of(cls, model: bytes) -> Tensors:
        """Read them from a .tflite file.

        Raises ExportFileError when it is no TFLite model, or no classifier of one picture.
        """
        summary = flatbuffer.inspect(model)
        if len(summary.inputs) != 1 or len(summary.outputs) != 1:
            raise ExportFileError(
                f"the file has {len(summary.inputs)} inputs and {len(summary.outputs)} outputs; "
                "give an emotion classifier with one of each"
            )
        image, probabilities = summary.inputs[0], summary.outputs[0]
        if image.dtype not in ("uint8", "int8", "float32") or len(image.shape) != 4 or image.shape[0] not in (1, -1):
            raise ExportFileError(
                f"the file's input is {image.dtype} {list(image.shape)}; "
                "give one with float32, uint8 or int8 [1, S, S, C]"
            )
        quantised = probabilities.dtype in ("uint8", "int8") and probabilities.scale is not None
        if not (quantised or probabilities.dtype == "float32") or len(probabilities.shape) != 2:
            raise ExportFileError(
                f"the file's output is {probabilities.dtype} {list(probabilities.shape)}; "
                "give one with float32 or quantised probabilities [1, K]"
            )
        return cls(image, probabilities)

    def encode(self, images: NDArray[np.uint8]) -> NDArray[Any]:
        """uint8 [N, S, S, C] -> the same faces in the type of the input; raises ExportFileError on other shapes."""
        if images.shape[1:] != self.image.shape[1:]:
            raise ExportFileError(
                f"the file takes pictures {list(self.image.shape[1:])} and was given {list(images.shape[1:])}; "
                "name the network it was made from with --model"
            )
        if self.image.dtype == "int8":
            # Flipping the top bit subtracts 128.
            return (images ^ 0x80).view(np.int8)
        return np.ascontiguousarray(images, dtype=self.image.dtype)

    def decode(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """Stored outputs [N, K] -> float32 probabilities [N, K]."""
        scale, zero = self.probabilities.scale, self.probabilities.zero_point
        if stored.dtype == np.float32 or scale is None or zero is None:
            return stored.astype(np.float32, copy=False)
        return (np.float32(scale) * (stored.astype(np.int32) - zero)).astype(np.float32)


class LiteRt:
    """LiteRT (ai-edge-litert) with XNNPACK: what Android and iOS apps run today.

    model: the path of a .tflite file or its bytes. Raises ExportFileError when LiteRT cannot run it.
    """

    name = "litert"

    def __init__(self, model: Path | bytes, threads: int = 1) -> None:
        from importlib import metadata

        from ai_edge_litert.interpreter import Interpreter

        self.version = metadata.version("ai-edge-litert")
        content = _read(model)
        self._tensors = Tensors.of(content)
        try:
            with backend.silenced():
                self._interpreter = Interpreter(model_content=content, num_threads=threads)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ExportFileError(f"LiteRT {self.version} cannot run the file: {_one_line(error)}") from error
        self._given = self._interpreter.get_input_details()[0]["index"]
        self._result = self._interpreter.get_output_details()[0]["index"]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """[1, S, S, C]."""
        return self._tensors.image.shape

    def run(self, images: NDArray[np.uint8], on_face: OnFace = lambda done, total: None) -> NDArray[np.float32]:
        """uint8 [N, S, S, C] -> float32 probabilities [N, K]."""
        interpreter, result = self._interpreter, self._result
        stored = np.zeros((len(images), self._tensors.probabilities.shape[-1]), self._tensors.probabilities.dtype)
        for i, face in enumerate(self._tensors.encode(images)[:, None]):
            interpreter.set_tensor(self._given, face)
            interpreter.invoke()
            stored[i] = interpreter.get_tensor(result)[0]
            on_face(i + 1, len(images))
        return self._tensors.decode(stored)


class TfliteRuntime:
    """tflite-runtime 2.14, the oldest runtime the files are made for, in a process of its own.

    It cannot share a process with TensorFlow or numpy 2. model: the path of a .tflite file; python: an
    interpreter that has tflite_runtime, by default this one. Close it, or use it as a context manager.
    Raises UsageError when that interpreter cannot be started or lacks the package, ExportFileError when the
    runtime cannot run the file.
    """

    name = "tflite-runtime"

    def __init__(self, model: Path, threads: int = 1, *, python: str | Path = sys.executable) -> None:
        self._tensors = Tensors.of(_read(model))
        self._process = _start_worker(python, model, threads)
        try:
            self.version = _first_answer(self._process, python)
        except BaseException:
            self.close()
            raise

    def run(self, images: NDArray[np.uint8], on_face: OnFace = lambda done, total: None) -> NDArray[np.float32]:
        """uint8 [N, S, S, C] -> float32 probabilities [N, K]."""
        inputs = self._tensors.encode(images)
        outputs = [np.zeros((0, self._tensors.probabilities.shape[-1]), np.float32)]
        for start in range(0, len(inputs), _CHUNK):
            chunk = inputs[start : start + _CHUNK]
            outputs.append(self._tensors.decode(self._ask(chunk)))
            on_face(start + len(chunk), len(inputs))
        return np.concatenate(outputs)

    def _ask(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Stored outputs of the worker for stored inputs [N, ...]."""
        request = json.dumps({"shape": inputs.shape, "dtype": inputs.dtype.name}).encode() + b"\n"
        sent, received = _pipes(self._process)
        # If the process is gone, the missing answer tells.
        with contextlib.suppress(BrokenPipeError):
            sent.write(request + inputs.tobytes())
            sent.flush()
        head = _json_line(received)
        if head is None or "error" in head:
            reason = "its process ended" if head is None else _one_line(head["error"])
            raise ExportFileError(f"tflite-runtime {self.version} cannot run the file: {reason}")
        dtype, shape = np.dtype(head["dtype"]), tuple(head["shape"])
        content = received.read(dtype.itemsize * math.prod(shape))
        if len(content) < dtype.itemsize * math.prod(shape):
            raise ExportFileError(f"tflite-runtime {self.version} cannot run the file: its process ended")
        return np.frombuffer(content, dtype).reshape(shape)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """[1, S, S, C]."""
        return self._tensors.image.shape

    def close(self) -> None:
        """End the process; closing twice does nothing."""
        sent, received = _pipes(self._process)
        with contextlib.suppress(BrokenPipeError):
            sent.close()
        received.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _start_worker(python: str | Path, model: Path, threads: int) -> subprocess.Popen[bytes]:
    worker = Path(__file__).with_name("tflite_worker.py")
    # The child must find neither this process's packages nor, beside the worker, the package's own modules.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["PYTHONSAFEPATH"] = "1"
    command = [str(python), str(worker), str(model), str(threads)]
    try:
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )
    except OSError as error:
        raise UsageError(
            f"cannot start {python} ({error.strerror}); give the interpreter of an environment with "
            f"tflite-runtime, made {TFLITE_RUNTIME}"
        ) from error


def _first_answer(process: subprocess.Popen[bytes], python: str | Path) -> str:
    """The version of tflite-runtime in a worker that has loaded its model."""
    head = _json_line(_pipes(process)[1])
    if head is None:
        raise UsageError(f"{python} does not run as a Python with tflite-runtime; make one {TFLITE_RUNTIME}")
    if "version" in head:
        return str(head["version"])
    reason = _one_line(head["error"])
    if "numpy" not in head:
        raise UsageError(f"{python} has no tflite-runtime that can be used ({reason}); install it {TFLITE_RUNTIME}")
    if int(head["numpy"].split(".")[0]) >= 2:
        raise UsageError(f"tflite-runtime cannot use numpy {head['numpy']} of {python}; make one {TFLITE_RUNTIME}")
    raise ExportFileError(f"tflite-runtime cannot load the file: {reason}; export it again with `fer-export tflite`")


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None:
        raise ValueError("the process was started without pipes")
    return process.stdin, process.stdout


def _json_line(stream: IO[bytes]) -> dict[str, Any] | None:
    """The next line of the protocol, None where the process ended or speaks something else."""
    try:
        document = json.loads(stream.readline())
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _read(model: Path | bytes) -> bytes:
    if isinstance(model, bytes):
        return model
    try:
        return model.read_bytes()
    except OSError as error:
        raise ExportFileError(f"cannot read {model}: {error.strerror}; give an exported .tflite file") from error


def _one_line(reason: object) -> str:
    return " ".join(str(reason).split())[:300]
