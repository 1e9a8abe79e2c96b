"""Progress of long work."""

from __future__ import annotations

from collections.abc import Callable

OnStep = Callable[[str, int, int], None]
"""Called with the task, the steps done and the number of steps."""


def silent(task: str, done: int, total: int) -> None:
    """The OnStep that shows nothing."""
