"""One file in one runtime in a process of its own, and the questions `fer-export bench` asks it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from ..contract import formats
from ..errors import ExportFileError, UsageError
from ..model_file import BOUNDARY_OPS, SHAPE_OPS
from ..runtimes import bounded

STARTING, PATIENCE = 30.0, 5.0
"""Seconds that a process may take until it has imported its runtime; how many times as long as usual a file may take,
as on a busy machine, until it has given its first answer."""

_NO_WORK = SHAPE_OPS | BOUNDARY_OPS | {"CAST"}


@dataclass(frozen=True)
class Kernels:
    """The code that computes the file."""

    library: str
    """The runtime's own kernels."""

    delegate: str | None
    """Name of the delegate that took ops over; None without one."""

    delegated: int
    """How many ops it took."""

    ops: dict[str, int]
    """Ops left to the library, by name; in onnxruntime after fusion."""

    @property
    def total(self) -> int:
        return self.delegated + sum(self.ops.values())

    @property
    def computing(self) -> dict[str, int]:
        """`ops` without those that only convert types or shapes."""
        return {name: count for name, count in self.ops.items() if name not in _NO_WORK}


@dataclass(frozen=True)
class Timed:
    """Latencies of one block of inferences."""

    ns: Sequence[int]
    """Nanoseconds of each inference."""

    off_cpu: float
    """Share of that time in which the process did not compute, 0..1."""


class Process:
    """A process that has imported a runtime, loaded a file and run it once, and now waits.

    runtime: a word of `--runtime`.
    python: an interpreter that has it.

    Use it as a context manager: leaving it ends the process.

    Raises UsageError when the interpreter cannot be started or lacks the runtime, ExportFileError when the runtime
    cannot run the file or the process dies.
    """

    def __init__(self, runtime: str, path: Path, threads: int, *, python: str | Path = sys.executable) -> None:
        self._runtime, self._path, self._row = runtime, path, formats.runtimes()[runtime]
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
        worker = Path(__file__).with_name("worker.py")
        environment = dict(os.environ)
        if str(python) != sys.executable:
            # Packages of this interpreter do not fit another one.
            environment.pop("PYTHONPATH", None)
        stopwatch = self._row.stopwatch or self._row.opens
        command = [str(python), str(worker), stopwatch, runtime, str(path), str(threads)]
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._messages, env=environment
            )
        except OSError as error:
            self._messages.close()
            raise UsageError(f"cannot start {python} ({error.strerror}); choose another interpreter") from error
        try:
            self._started = self._first_answer(python)
        except BaseException:
            self.kill()
            raise

    @property
    def version(self) -> str:
        return str(self._started["version"])

    @property
    def python(self) -> str:
        """`3.11.7, NumPy 2.4.6`: what the runtime runs in."""
        return f"{self._started['python']}, NumPy {self._started['numpy']}"

    @property
    def import_s(self) -> float:
        return float(self._started["import_ns"]) / 1e9

    @property
    def load_ms(self) -> float:
        return float(self._started["load_ns"]) / 1e6

    @property
    def first_ms(self) -> float:
        return float(self._started["first_ns"]) / 1e6

    @property
    def imported_mb(self) -> float:
        """Peak resident memory before the file was loaded, in millions of bytes."""
        return float(self._started["imported_bytes"]) / 1e6

    def time(self, inferences: int) -> Timed:
        """Time `count` inferences, after one that does not count."""
        answer = self._ask({"time": inferences})
        return Timed(answer["ns"], answer["off_cpu"])

    def peak_mb(self) -> float:
        """Peak resident memory so far, in millions of bytes. Ask before `kernels`, which may open the file again."""
        return float(self._ask({"memory": True})["peak_bytes"]) / 1e6

    def kernels(self) -> Kernels:
        answer = self._ask({"kernels": True})
        delegate = None
        if answer["delegated"]:
            # LiteRT says on stderr which delegate it made; its list of ops calls every one DELEGATE.
            said = re.search(r"Created TensorFlow Lite (\w+) delegate", self._read_messages())
            delegate = said[1] if said else "a delegate"
        return Kernels(answer["library"], delegate, answer["delegated"], answer["ops"])

    @property
    def parameters(self) -> int | None:
        """Parameters as the runtime counts them, None where it does not."""
        return self._started.get("parameters")

    def kill(self) -> None:
        """End the process at once; ending it twice does nothing."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(BrokenPipeError):
                if stream:
                    stream.close()
        self._messages.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.kill()

    def _first_answer(self, python: str | Path) -> dict[str, Any]:
        limit = STARTING + PATIENCE * _usual_seconds(self._path)
        if self._process.stdout and not select.select([self._process.stdout], [], [], limit)[0]:
            raise ExportFileError(
                f"{self._path}: {self._runtime} gave no answer to one face in {limit:.0f} s: the file may compute "
                "without end; export it again from its network"
            )
        answer = self._read()
        if "error" not in answer:
            return answer
        reason = " ".join(str(answer["error"]).split())[:300]
        if answer["stage"] == "import":
            raise UsageError(
                f"{python} has no {self._runtime} that works ({reason}); "
                f"install it with: pip install {self._row.install}"
            )
        raise ExportFileError(
            f"{self._path}: {self._runtime} {answer['version']} cannot run the file: {reason}; "
            "export it again, or choose another `runtime`"
        )

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        # If the process is gone, the missing answer tells.
        with contextlib.suppress(BrokenPipeError):
            if self._process.stdin:
                self._process.stdin.write(json.dumps(request).encode() + b"\n")
                self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        line = self._process.stdout.readline() if self._process.stdout else b""
        try:
            document = json.loads(line)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise ExportFileError(f"{self._path}: {self._runtime} cannot run the file: {self._end()}")
        return document

    def _end(self) -> str:
        """Why there is no answer: how the process ended and its last words."""
        try:
            code = self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            return "its process answers something else; choose another interpreter"
        if code == -signal.SIGKILL:
            return "its process was killed, as the system does when memory runs out; close other programs"
        words = self._read_messages().split("\n")
        last = next((f" ({line.strip()[:200]})" for line in reversed(words) if line.strip()), "")
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return f"its process ended with {how}{last}; export it again, or choose another `runtime`"

    def _read_messages(self) -> str:
        # The process writes where this file's position is: reading must not move it.
        return os.pread(self._messages.fileno(), 1 << 20, 0).decode(errors="replace")


def _usual_seconds(path: Path) -> float:
    """Seconds in which a file is loaded and gives an answer, at most."""
    if not path.is_file():
        return bounded.LOAD_SECONDS + bounded.FACE_SECONDS
    content = path.read_bytes()
    try:
        return bounded.load_seconds(content) + bounded.face_seconds(content)
    except ExportFileError:  # the runtime says what is wrong with the file
        return bounded.LOAD_SECONDS + bounded.FACE_SECONDS
