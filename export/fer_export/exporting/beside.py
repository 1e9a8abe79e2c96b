"""Work that goes on beside this thread, one piece after another: judging a file while the next one is converted."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Generic, TypeVar

from ..system import OnStep

Result = TypeVar("Result")


class Stopped(BaseException):
    """Ends the work that goes on beside a thread which an exception has ended."""


class Piece(Generic[Result]):
    """A piece of work that was handed over."""

    def __init__(self, work: Callable[[OnStep], Result], beside: Beside) -> None:
        self._work, self._beside, self._future = work, beside, Future[Result]()

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self._future.done()

    def result(self) -> Result:
        """What it gave or raised; shows its progress while this thread waits for it."""
        with self._beside.shown():
            return self._future.result()

    def run(self, on_step: OnStep) -> None:
        try:
            self._future.set_result(self._work(on_step))
        except BaseException as error:
            self._future.set_exception(error)


class Beside:
    """A thread for pieces of work; use it as a context manager, which an exception leaves without waiting.

    on_step: shows the progress of the piece that `Piece.result` waits for, and of no other.
    """

    def __init__(self, on_step: OnStep) -> None:
        self._on_step = on_step
        self._pieces: queue.SimpleQueue[Piece[Any] | None] = queue.SimpleQueue()
        self._stopped, self._waited_for = threading.Event(), threading.Event()
        # A daemon: Ctrl-C must not wait for the faces that are on their way.
        self._thread = threading.Thread(target=self._run, daemon=True)

    def hand_over(self, work: Callable[[OnStep], Result]) -> Piece[Result]:
        """Let it be done after what was handed over before."""
        piece = Piece(work, self)
        self._pieces.put(piece)
        return piece

    @contextlib.contextmanager
    def shown(self) -> Iterator[None]:
        """Show progress meanwhile."""
        self._waited_for.set()
        try:
            yield
        finally:
            self._waited_for.clear()

    def __enter__(self) -> Beside:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pieces.put(None)
        if error is not None:
            self._stopped.set()
        else:
            self._thread.join()

    def _run(self) -> None:
        while (piece := self._pieces.get()) is not None and not self._stopped.is_set():
            piece.run(self._progress)

    def _progress(self, task: str, done: int, total: int) -> None:
        if self._stopped.is_set():
            raise Stopped
        if self._waited_for.is_set():
            self._on_step(task, done, total)
