"""Standard streams that are missing, full, or cannot encode: what is written to them never ends a command."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator

_absent: set[int] = set()
"""Descriptors that were closed when the command started."""


@contextlib.contextmanager
def usable() -> Iterator[None]:
    """All three standard streams exist in this context, and show escapes for what they cannot encode.

    A closed descriptor is given to the null device: otherwise the next file that is opened would get its number, and
    with it what C++ libraries print.
    """
    before = sys.stdin, sys.stdout, sys.stderr
    with contextlib.ExitStack() as stack:
        for number in range(3):
            _fill(number, stack)
        for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
            if getattr(sys, name) is None:
                setattr(sys, name, stack.enter_context(open(os.devnull, mode, encoding="utf-8")))
        for stream in (sys.stdout, sys.stderr):
            _escape(stream, stack)
        try:
            yield
        finally:
            sys.stdin, sys.stdout, sys.stderr = before


def is_absent(number: int) -> bool:
    """Whether the descriptor was closed when the command started."""
    return number in _absent


def say(text: str) -> None:
    """Write a line to stderr; a stderr that is full or gone is passed over."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        # What is left in its buffer would fail once more at the end, and change the exit code.
        with contextlib.suppress(OSError, ValueError):
            discard(sys.stderr.fileno())


def discard(number: int) -> None:
    """Send what is still to be written to the null device, also at the interpreter's end."""
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, number)
    os.close(sink)


def _fill(number: int, stack: contextlib.ExitStack) -> None:
    try:
        os.fstat(number)
    except OSError:
        opened = os.open(os.devnull, os.O_RDWR)
        if opened != number:
            os.dup2(opened, number)
            os.close(opened)
        _absent.add(number)
        stack.callback(_absent.discard, number)


def _escape(stream: object, stack: contextlib.ExitStack) -> None:
    if isinstance(stream, io.TextIOWrapper):
        stack.callback(_reconfigure, stream, stream.errors)
        _reconfigure(stream, "backslashreplace")


def _reconfigure(stream: io.TextIOWrapper, errors: str | None) -> None:
    with contextlib.suppress(OSError, ValueError):  # it flushes, and may be full or closed by now
        stream.reconfigure(errors=errors)
