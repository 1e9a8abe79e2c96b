"""Results that print as the command prints them.

Text and HTML are made by the rooms above; whoever loads them sets `renderer`.
"""

from __future__ import annotations

from typing import Protocol


class Renderer(Protocol):
    """Turns results into what people read."""

    def text(self, result: object) -> str:
        """The printout of the command that gives such a result."""
        ...

    def html(self, result: object) -> str:
        """The same for a notebook, its tables as HTML tables."""
        ...


renderer: Renderer | None = None
"""Set by fer_export.api; without it results print as dataclasses do."""


class Readable:
    """Base of results: `print(result)` shows what the command prints, a notebook shows its tables."""

    def __str__(self) -> str:
        return repr(self) if renderer is None else renderer.text(self)

    def _repr_html_(self) -> str | None:
        return None if renderer is None else renderer.html(self)
