"""Faces that wait for an interpreter: one answers them, or several side by side where that takes long."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from ..system import machine
from .protocol import OnFace

Given = tuple[NDArray[Any], ...]
"""The inputs of one inference: the image, and the box of a frame file."""

TRIAL = 16
"""Faces that show how fast the file is."""

_WORTH = 1.0
"""Remaining seconds of work from which further interpreters are worth their start."""

_MOST = 8
"""Largest number of interpreters, as each may hold the weights."""


class Interpreter(Protocol):
    """Runs a file once, and gives up Python's own lock while it computes."""

    def answer(self, given: Given) -> NDArray[Any]:
        """Stored inputs, of which the first is [1, H, W, C] -> stored output [K]."""


def usual(seconds_left: float, threads: int) -> int:
    """How many interpreters of so many threads are worth starting for so much work."""
    return max(1, min(machine.cores() // threads, _MOST)) if seconds_left > _WORTH else 1


class FaceQueue:
    """Faces that wait for an interpreter, which writes its answer at the face's place in `stored`.

    Interpreters may share it from several threads, since each gives up the interpreter lock while it computes.
    """

    def __init__(self, given: Callable[[int], Given], stored: NDArray[Any]) -> None:
        """A queue of faces.

        given: the stored inputs of a face.
        stored: room for all answers [N, K].
        """
        self.stored = stored
        self._given = given
        self._waiting, self._done = deque(range(len(stored))), deque[int]()
        self._stopped = threading.Event()

    def answer_all(
        self,
        first: Interpreter,
        side_by_side: Callable[[float], Sequence[Interpreter]],
        on_face: OnFace,
        pace: float | None = None,
    ) -> float | None:
        """Answer every face; gives the seconds that `first` takes for one, or None for fewer than TRIAL faces.

        first: answers the first faces where its pace is not known.
        side_by_side: seconds that it would need for the others -> the interpreters that share them.
        on_face: called by this thread alone, with the faces done and all.
        pace: what an earlier call gave.
        """
        if pace is None:
            started = time.perf_counter()
            self.work(first, on_face, most=TRIAL)
            if len(self._done) == TRIAL:
                pace = (time.perf_counter() - started) / TRIAL
        self.share(side_by_side((pace or 0) * len(self._waiting)), on_face)
        return pace

    def share(self, interpreters: Sequence[Interpreter], on_face: OnFace) -> None:
        """Answer all waiting faces; only this thread calls `on_face`.

        An exception, Ctrl-C too, stops every interpreter.
        """
        first, *others = interpreters
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(len(interpreters)) as pool:
            try:
                helpers = [pool.submit(self.work, other) for other in others]
                self.work(first, on_face)
                for helper in helpers:
                    helper.result()
            finally:
                self._stopped.set()
        if others and len(self.stored):
            on_face(len(self._done), len(self.stored))

    def work(
        self, interpreter: Interpreter, on_face: OnFace = lambda done, total: None, most: int | None = None
    ) -> None:
        """Answer faces with one interpreter until none waits, or `most` are answered."""
        try:
            for _ in range(len(self.stored) if most is None else most):
                if self._stopped.is_set() or (i := self._next()) is None:
                    return
                self.stored[i] = interpreter.answer(self._given(i))
                self._done.append(i)
                on_face(len(self._done), len(self.stored))
        except BaseException:
            self._stopped.set()
            raise

    def _next(self) -> int | None:
        try:
            return self._waiting.popleft()
        except IndexError:
            return None
