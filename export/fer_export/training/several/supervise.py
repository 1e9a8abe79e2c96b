"""A command in a process of its own, so that its death by JAX's runtime still ends in one line."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from types import FrameType

from ...errors import TrainingError
from ...system.process import signals
from . import group as distribution
from .group import AGAIN, Group

_NAME = "fer-export supervised"
_PASSED_ON = (signal.SIGINT, signal.SIGTERM)


def supervised() -> bool:
    """Whether this process is one that `supervise` started."""
    return multiprocessing.current_process().name == _NAME


def supervise(run: Callable[[Sequence[str]], int], arguments: Sequence[str], group: Group) -> int:
    """Call `run(arguments)` in a process of its own, pass signals on to it, and return its exit code.

    run: a function of a module, which returns an exit code.

    JAX's coordination service aborts a process, with a stack trace of C++, when another one is missing or lost, and no
    Python can catch that.

    Raises TrainingError then, `signals.Ended` where a signal that was passed on had it end by another, and UsageError
    where Keras's backend cannot.
    """
    distribution.check_backend()
    passed_on: list[int] = []
    with tempfile.NamedTemporaryFile() as messages:
        child = multiprocessing.get_context("spawn").Process(
            target=_child, args=(run, list(arguments), messages.name), name=_NAME
        )
        # One that comes now waits until the child can hear it.
        signal.pthread_sigmask(signal.SIG_BLOCK, _PASSED_ON)
        child.start()

        def pass_on(number: int, frame: FrameType | None) -> None:
            passed_on.append(number)
            os.kill(child.pid or 0, number)

        before = [signal.signal(kind, pass_on) for kind in _PASSED_ON]
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _PASSED_ON)
            child.join()
        finally:
            for kind, handler in zip(_PASSED_ON, before, strict=True):
                signal.signal(kind, handler)
        code = child.exitcode or 0
        if code < 0 and passed_on:
            raise signals.Ended(passed_on[0])
        if code < 0:
            raise TrainingError(ending(-code, group, "RegisterTask" in messages.read().decode(errors="replace")))
        return code


def ending(number: int, group: Group, joining: bool) -> str:
    """Why the process ended by a signal.

    joining: the last words of JAX's runtime were about coming together.
    """
    if number == signal.SIGABRT and joining:
        return (
            f"not all {group.processes} processes joined at {group.address} within {group.wait:g} s; "
            "start them all with the same `address` and `processes`"
        )
    if number == signal.SIGABRT:
        return f"process {group.process} lost another process; {AGAIN}"
    if number == signal.SIGKILL:
        return f"the process was killed, as the system does when memory runs out; close other programs, then {AGAIN}"
    return f"the process was ended by {signal.Signals(number).name}; {AGAIN}"


def _child(run: Callable[[Sequence[str]], int], arguments: list[str], messages: str) -> None:
    # Of its own, so that Ctrl-C reaches it once, through the parent.
    os.setpgid(0, 0)
    # A shell starts background processes that ignore Ctrl-C; the parent passes on only signals that it receives.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signals.end_at_once()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if not os.environ.get("FER_EXPORT_DEBUG"):
        # What C++ writes goes to the file; Python keeps the terminal.
        sys.stdout, sys.stderr = (os.fdopen(os.dup(number), "w", buffering=1) for number in (1, 2))
        sink = os.open(messages, os.O_WRONLY | os.O_APPEND)
        os.dup2(sink, 1)
        os.dup2(sink, 2)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _PASSED_ON)
    code = run(arguments)
    sys.stdout.flush()
    # JAX would wait at exit for the other processes, which do not arrive after an error.
    os._exit(code)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)
