"""What long work calls to tell how far it is."""

from __future__ import annotations

from collections.abc import Callable

OnStep = Callable[[str, int, int], None]
"""Called with the task, the steps done and all steps."""


def silent(task: str, done: int, total: int) -> None:
    """The OnStep that shows nothing."""
