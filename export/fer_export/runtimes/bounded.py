"""A worker process that may not take more time or memory than its task can need, and what to say when it did.

A runtime computes what the file says: a loop without end, tensors of terabytes, damage that no check of ours foresaw.
None of it may take this process down.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import IO, Any

from ..errors import ExportFileError, one_line
from ..model_file import inspect as modelfile

MEMORY = 1 << 30
"""Bytes that the file may take beside the runtime itself, and 4 for each of its own."""

LOAD_SECONDS, FACE_SECONDS = 3.0, 2.0
"""Seconds of a core that loading may take, and the answer to one face or picture; more for a large network."""

_MACS_A_SECOND, _MOST_SECONDS = 5e8, 60.0
"""Multiply-accumulates that the slowest kernels do in a second; most seconds that they add."""

_WAIT = 90.0
"""Seconds without an answer after which a process that does not even compute is ended."""


def memory(content: bytes) -> int:
    """Bytes that a runtime may take for a file."""
    return MEMORY + 4 * len(content)


def load_seconds(content: bytes) -> float:
    """Seconds of a core that loading a file may take."""
    return LOAD_SECONDS + len(content) / 50e6


def face_seconds(content: bytes) -> float:
    """Seconds of a core that a file's answer to one face may take; raises ExportFileError for a damaged file."""
    macs = modelfile.inspect(content).macs or 0
    return FACE_SECONDS + min(macs / _MACS_A_SECOND, _MOST_SECONDS)


class Worker:
    """A process that answers on its stdout, one JSON line with raw bytes behind it for each that it gets on its stdin.

    name: the runtime, for messages; command: the program; environment: its variables.

    It bounds itself (see isolated_worker and foreign_worker); this end waits no longer than those bounds allow, and
    says which of them ended it. Raises OSError when it cannot be started.
    """

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.name = name
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._messages,
                env=environment,
                start_new_session=True,  # Ctrl-C ends this process, which ends that one
            )
        except BaseException:
            self._messages.close()
            raise

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def send(self, head: Mapping[str, Any], content: bytes = b"") -> None:
        """One line and what belongs to it."""
        sent, _ = self._pipes()
        # If the process is gone, the missing answer tells.
        with contextlib.suppress(BrokenPipeError):
            sent.write(json.dumps(head).encode() + b"\n" + content)
            sent.flush()

    def line(self, seconds: float) -> dict[str, Any] | None:
        """The next line; None where the process ended or sent something else. Raises ExportFileError for silence.

        seconds: of a core, which on a busy machine take longer to spend.
        """
        received = self._pipes()[1]
        if not select.select([received], [], [], _WAIT + 10 * seconds)[0]:
            raise self._refusal("it does not answer")
        try:
            document = json.loads(received.readline(1 << 16))
        except ValueError:
            return None
        return document if isinstance(document, dict) else None

    def answer(self, task: str, seconds: float) -> dict[str, Any]:
        """The next line, which may hold an "error"; raises ExportFileError where there is none.

        task: what the worker does, for the message.
        """
        head = self.line(seconds)
        if head is None:
            raise self._end(task)
        return head

    def read(self, size: int, task: str) -> bytes:
        """What belongs to the line."""
        content = self._pipes()[1].read(size)
        if len(content) < size:
            raise self._end(task)
        return content

    def last_words(self) -> str:
        """The last lines that the library printed, which often say more than its exception."""
        words = os.pread(self._messages.fileno(), 1 << 16, 0).decode(errors="replace")
        lines = [line.strip() for line in words.splitlines() if line.strip()]
        return one_line(" ".join(lines[-3:]))

    def close(self) -> None:
        """End the process; closing twice does nothing."""
        self._process.kill()
        self._process.wait()
        for stream in self._pipes():
            with contextlib.suppress(BrokenPipeError):
                stream.close()
        self._messages.close()

    def _end(self, task: str) -> ExportFileError:
        """Why there is no answer."""
        deadline = time.monotonic() + 10
        while self._process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        code = self._process.returncode
        if code == -signal.SIGXCPU:
            return self._refusal(f"{task} takes more computing than such a file may, as a loop without end does")
        if code is not None and code < 0:
            return self._refusal(f"{self._how(signal.Signals(-code))} ({task})")
        return self._refusal(f"its process ended ({task})")

    def _how(self, ended_by: signal.Signals) -> str:
        """What a signal that ended the process says about the file."""
        said = self.last_words()
        if ended_by == signal.SIGKILL or "bad_alloc" in said:
            return "it needs more memory than such a file may"
        if ended_by == signal.SIGABRT:
            return f"its library gave up, for lack of memory or for what it found in the file ({said or 'SIGABRT'})"
        return f"its process ended with {ended_by.name}"

    def _refusal(self, why: str) -> ExportFileError:
        return ExportFileError(f"{self.name} cannot run the file: {why}; export it again from its network")

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        if self._process.stdin is None or self._process.stdout is None:
            raise ValueError("the process was started without pipes")
        return self._process.stdin, self._process.stdout
