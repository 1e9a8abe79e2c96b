"""Signals that end a command: one line, the shell's exit code, nothing left behind.

The first one raises `Ended` in the main thread, so that folders and processes are closed on the way out. Where that
takes too long, as in the middle of a library's C++, or a second one comes, the process ends without it. In the middle
of an import it ends so at once: a library that is half imported can crash on the way out.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

from . import scratch

MESSAGE = "interrupted; no file is half-written; run the same command again to continue"
GRACE = 5.0
"""Seconds that the way out may take."""

KINDS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

_come: list[int] = []
"""Numbers of the signals that came in this `ending`."""

_voice: int | None = None
"""Where the line goes in an `ending`: a copy of stderr, as the chatter of libraries is kept from it for a time."""


class Ended(KeyboardInterrupt):
    """A signal that ends the command.

    number: the signal's.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"signal {number}")
        self.number = number


def end_at_once() -> None:
    """Until `ending` takes over, and after it, a signal ends the process with the line and nothing else to do."""
    for kind in _heard():
        signal.signal(kind, _end_at_once)


@contextlib.contextmanager
def ending() -> Iterator[None]:
    """Signals raise `Ended` in this context; in a thread other than the main one they stay as they are."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    global _voice
    _voice = _copy_of_stderr()
    before = {kind: signal.signal(kind, _raise) for kind in _heard()}
    hook, sys.unraisablehook = sys.unraisablehook, _unraisable
    _come.clear()
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
        sys.unraisablehook = hook
        _watch.cancel()
        if _voice is not None:
            os.close(_voice)
        _voice = None


def came() -> int | None:
    """The number of the signal that came in the current `ending`; a library may have made another error of it."""
    return _come[0] if _come else None


class _Watch:
    """Ends the process when the way out takes too long."""

    def __init__(self) -> None:
        self._timer: threading.Timer | None = None

    def start(self, number: int) -> None:
        self._timer = threading.Timer(GRACE, _leave, (number,))
        self._timer.daemon = True
        self._timer.start()

    def cancel(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None


_watch = _Watch()


def _heard() -> list[int]:
    """Signals that this process was not started deaf to, as nohup and a shell's & do."""
    return [kind for kind in KINDS if signal.getsignal(kind) is not signal.SIG_IGN]


def _raise(number: int, frame: FrameType | None) -> None:
    if _come or _importing(frame):
        _leave(number)
    _come.append(number)
    _watch.start(number)
    raise Ended(number)


def _importing(frame: FrameType | None) -> bool:
    while frame and not frame.f_code.co_filename.startswith("<frozen importlib"):
        frame = frame.f_back
    return frame is not None


def _leave(number: int) -> None:
    scratch.remove_own()
    _end_at_once(number, None)


def _end_at_once(number: int, frame: FrameType | None) -> None:
    with contextlib.suppress(OSError):
        os.write(_stderr() if _voice is None else _voice, f"fer-export: {MESSAGE}\n".encode())
    os._exit(128 + number)


def _stderr() -> int:
    """Descriptor of stderr: not 2 in a process that keeps 2 for libraries, as a supervised one does."""
    try:
        return sys.stderr.fileno()
    except (AttributeError, OSError, ValueError):  # none, closed, or not a file
        return 2


def _copy_of_stderr() -> int | None:
    try:
        return os.dup(_stderr())
    except OSError:
        return None


def _unraisable(given: Any) -> None:
    # Raised in a destructor, Python drops it; the watch then ends the process.
    if not isinstance(given.exc_value, Ended):
        sys.__unraisablehook__(given)
