"""Columns and units: how figures are written on the console."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...parity.statistics import Proportion


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns separated by two blanks; the first is left-aligned, the others right."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]

    def line(row: Sequence[str]) -> str:
        cells = [
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return "  ".join(cells).rstrip()

    return "\n".join([line(header), *(line(row) for row in rows)])


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
