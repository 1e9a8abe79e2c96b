"""Progress on stderr: a bar with the time left on a terminal, plain lines elsewhere, nothing for short tasks."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from ..harmless import harmless
from ..system.process import streams

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Bar:
    """Shows the progress of one command; `step(task, done, total)` may be called at any rate.

    Without a terminal, a task of more than ten seconds prints a line every ten seconds.
    """

    EVERY = 10.0

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._bar: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._started = self._said = time.monotonic()
        self._task, self._done = "", 0

    def __enter__(self) -> Bar:
        if sys.stderr.isatty() and not self._quiet:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            task = TextColumn("{task.description}", markup=False)
            columns = (task, BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
            self._bar = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def step(self, task: str, done: int, total: int) -> None:
        """Say that `done` of `total` units of a task are done."""
        task = harmless(task)
        if self._bar:
            if task not in self._tasks:
                self._tasks[task] = self._bar.add_task(task)
            if task != self._task:
                self._task = task
                for name, number in self._tasks.items():
                    self._bar.update(number, visible=name == task)
            self._bar.update(self._tasks[task], completed=done, total=total)
            return
        now = time.monotonic()
        # Less than before: the same task begins anew with the next file.
        again, self._done = done < self._done, done
        if task != self._task or again:
            self._task, self._started, self._said = task, now, now
        elif now - self._said >= self.EVERY and done:
            self._said = now
            left = (now - self._started) * (total - done) / done
            self.line(f"{task}: {done / total:.0%}, {duration(left)} left")

    def line(self, text: str) -> None:
        """Print a line above the bar."""
        if self._bar:
            self._bar.console.print(harmless(text), highlight=False, markup=False, soft_wrap=True)
        elif not self._quiet:
            streams.say(harmless(text))


def duration(seconds: float) -> str:
    """42 s, 3 min, 1 h 05 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
