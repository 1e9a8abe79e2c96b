"""Columns and units: how figures are written on the console."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING

from ...harmless import harmless

if TYPE_CHECKING:
    from ...parity import Proportion


Written = tuple[list[str], list[list[str]], str]
"""A table's header and rows, and the text that was made of them."""

_collecting: ContextVar[list[Written] | None] = ContextVar("collecting", default=None)


@contextlib.contextmanager
def collected() -> Iterator[list[Written]]:
    """The tables that are written while the context lasts."""
    tables: list[Written] = []
    token = _collecting.set(tables)
    try:
        yield tables
    finally:
        _collecting.reset(token)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns separated by two blanks; the first is left-aligned, the others right. Cells may hold any text."""
    header, *rows = [[harmless(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]

    def line(row: Sequence[str]) -> str:
        cells = [
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return "  ".join(cells).rstrip()

    written = "\n".join([line(header), *(line(row) for row in rows)])
    tables = _collecting.get()
    if tables is not None:
        tables.append((list(header), [list(row) for row in rows], written))
    return written


def percent(value: float, digits: int = 1) -> str:
    return f"{100 * value:.{digits}f} %"


def with_interval(proportion: Proportion) -> str:
    """63.4 % (61.8-64.9)"""
    low, high = proportion.interval
    return f"{percent(proportion.value)} ({100 * low:.1f}-{100 * high:.1f})"


def megabytes(count: int) -> str:
    """Bytes in kB or MB of 1000."""
    return f"{count / 1e6:.2f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"


def count(number: int) -> str:
    return f"{number:,}"
