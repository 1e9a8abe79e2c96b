"""A library in an environment of its own, in a process of its own: what cannot be installed beside TensorFlow."""

from __future__ import annotations

import importlib.util
import math
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ExportFileError, UsageError, one_line
from . import bounded
from .protocol import OnFace

_CHUNK = 256
"""Faces sent to the worker at once."""

_SETTINGS = {"TF_CPP_MIN_LOG_LEVEL": "3"}

_START_SECONDS = 20.0
"""Seconds of a core that importing the library may take."""


@dataclass(frozen=True)
class Library:
    """A library that a process of its own imports."""

    name: str
    """Its word of `--runtime`, and its package."""

    module: str
    """Key of foreign_worker.LIBRARIES."""

    variable: str
    """Environment variable with the interpreter of an environment that has it; else this one is tried."""

    install: str
    """What pip installs there."""

    python: str = "python3"
    """The program that makes such an environment."""

    numpy_below: int | None = None
    """Major version of numpy that is too new for it; None where any goes."""

    limits: str = ""
    """Which Pythons, systems and packages it goes with, where not with all."""

    platforms: tuple[str, ...] = ()
    """Values of sys.platform that it can be installed on; empty for all."""

    elsewhere: str = ""
    """What helps on others."""

    def interpreter(self, python: str | Path | None = None) -> Path:
        """The Python that has the library: `python`, what the variable names, or this one; it is not started."""
        given = os.path.expanduser(python or os.environ.get(self.variable) or sys.executable)
        found = shutil.which(given)
        if found is None:
            raise self.missing(f"{given} is not a program that can be started")
        return Path(found)

    def checked(self) -> Path:
        """The Python that has the library, started once to check. Raises UsageError where it has not."""
        with Process(self, 1) as process:
            return process.python

    def installed(self) -> bool:
        """Whether the library is there and can be imported."""
        if not os.environ.get(self.variable) and importlib.util.find_spec(self.module) is None:
            return False
        try:
            self.checked()
        except UsageError:
            return False
        return True

    def missing(self, finding: str) -> UsageError:
        """The error for a library that is not there."""
        folder = self.module.replace("_", "-")
        fix = (
            f"make it an environment with `{self.python} -m venv {folder} && {folder}/bin/pip install {self.install}` "
            f"and set {self.variable}={folder}/bin/python"
        )
        there = not self.platforms or sys.platform in self.platforms
        said = [f"{self.name} cannot run: {finding}", self.limits, fix if there else self.elsewhere]
        return UsageError("; ".join(filter(None, said)))


class Process:
    """A worker that has imported a library and waits for a file, within bounds; a context manager.

    library: the library; threads: for a single face; python: an interpreter that has it, by default the library's own.

    Raises UsageError when the interpreter cannot be started or lacks the library.
    """

    def __init__(self, library: Library, threads: int, python: str | Path | None = None) -> None:
        self._library, self._threads, self.python = library, threads, library.interpreter(python)
        worker = Path(__file__).with_name("foreign_worker.py")
        # The child must find neither this process's packages nor, beside the worker, the package's own modules.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        environment |= {"PYTHONSAFEPATH": "1", **_SETTINGS}
        command = [str(self.python), str(worker), library.module, str(threads)]
        try:
            self._worker = bounded.Worker(library.name, command, environment)
        except OSError as error:
            raise library.missing(f"{self.python} cannot be started ({error.strerror})") from error
        try:
            self.version = self._greeting()
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._worker.pid

    def load(self, content: bytes, suffix: str, seconds: float = 0.0) -> dict[str, Any]:
        """What the library says of a file; raises ExportFileError where it cannot run it within the bounds.

        seconds: of a core, that the library may take for any file.
        """
        self._seconds = bounded.face_seconds(content)
        limits = {"memory": bounded.memory(content), "seconds": bounded.load_seconds(content) + seconds}
        self._worker.send({"size": len(content), "suffix": suffix, **limits}, content)
        return self._answer("loading it", limits["seconds"])

    def run(self, inputs: NDArray[Any], on_face: OnFace, box: list[int] | None = None) -> NDArray[Any]:
        """Stored inputs [N, ...], N not 0 -> stored outputs [N, ...]; box: the second input of a frame file."""
        outputs, start = [], 0
        while start < len(inputs):
            # A file that does not answer one face is ended after the seconds of one.
            chunk = np.ascontiguousarray(inputs[start : start + (_CHUNK if start else 1)])
            seconds = self._seconds * len(chunk)
            head: dict[str, Any] = {"shape": chunk.shape, "dtype": chunk.dtype.name, "seconds": seconds}
            self._worker.send(head if box is None else {**head, "box": box}, chunk.tobytes())
            answer = self._answer("a face", seconds)
            dtype, shape = np.dtype(answer["dtype"]), tuple(answer["shape"])
            content = self._worker.read(dtype.itemsize * math.prod(shape), "a face")
            outputs.append(np.frombuffer(content, dtype).reshape(shape))
            start += len(chunk)
            on_face(start, len(inputs))
        return np.concatenate(outputs)

    def close(self) -> None:
        """End the process; closing twice does nothing."""
        self._worker.close()

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _greeting(self) -> str:
        """The worker's first message: the version of its library."""
        try:
            head = self._worker.line(_START_SECONDS)
        except ExportFileError:
            head = None
        if head is None:
            raise self._library.missing(f"{self.python} does not answer as a Python")
        if "error" in head:
            why = one_line(head["error"])
            raise self._library.missing(f"{self.python} has no {self._library.name} that works ({why})")
        below = self._library.numpy_below
        if below is not None and int(str(head["numpy"]).partition(".")[0]) >= below:
            raise self._library.missing(f"{self.python} has numpy {one_line(str(head['numpy']))}")
        return str(head["version"])

    def _answer(self, task: str, seconds: float) -> dict[str, Any]:
        head = self._worker.answer(task, seconds)
        if "error" in head:
            reason, said = one_line(head["error"]), self._worker.last_words()
            whole = f"{reason} ({said})" if said and said not in reason else reason
            raise ExportFileError(f"{self._library.name} {self.version} cannot run the file: {whole}")
        return head
