"""The columns of the comparison page: one list gives header, cells and legend, so that they always match."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...exporting import Comparison, ExportedFile
    from ...latency import Row
    from ...parity import Proportion

DASH = "–"


@dataclass(frozen=True)
class Cell:
    """A cell of the table."""

    main: str
    """The figure."""

    small: str = ""
    """The small print below it."""


@dataclass(frozen=True)
class Column:
    """A column of the table."""

    group: str
    """Heading above several columns."""

    name: str
    """Heading of the column."""

    unit: str
    """Unit of the figures."""

    meaning: str
    """What the figures mean, in a sentence."""

    of_file: Callable[[ExportedFile, Row, Comparison], Cell]
    """The cell of a file with its latency."""

    of_keras: Callable[[Comparison], Cell] = lambda result: Cell(DASH)
    """The cell of the network itself."""

    truth: bool = False
    """Whether it needs true labels."""


def figure(value: float | None, digits: int = 2) -> str:
    """A number in `digits` significant digits, 2.5×10⁻⁶ where it is tiny; NaN and infinity by name."""
    if value is None or math.isnan(value):
        return "NaN" if value is not None else DASH
    if value == 0 or abs(value) >= 1e-3:
        return plain(value, digits)
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    return f"{mantissa}×10{str(int(exponent)).translate(_RAISED)}"


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def plain(value: float, digits: int = 3) -> str:
    """`digits` significant digits without an exponent: 1,234 12.3 1.23 0.012."""
    if value == 0:
        return "0"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value)) + 1e-9))
    return f"{value:,.{decimals}f}"


def percent(value: float, digits: int = 1) -> str:
    return f"{100 * value:.{digits}f}"


def signed(points: float | None, digits: int = 2) -> str:
    """Points with their sign; a true minus."""
    if points is None or math.isnan(points):
        return DASH
    words = f"{points:+.{digits}f}".replace("-", "−")
    return words if words.strip("+−0.") else words[1:]


def span(low: float, high: float, digits: int = 1) -> str:
    return f"{low:.{digits}f}–{high:.{digits}f}"


def interval(proportion: Proportion, digits: int = 1) -> str:
    low, high = proportion.interval
    return span(100 * low, 100 * high, digits)


def signed_interval(ends: tuple[float, float] | None) -> str:
    """−0.8 to +0.3"""
    return f"{signed(ends[0], 1)} to {signed(ends[1], 1)}" if ends and not math.isnan(ends[0]) else ""


def chance(p: float | None) -> str:
    """A p value; under a thousandth only that."""
    if p is None:
        return DASH
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def _size(file: ExportedFile, row: Row, result: Comparison) -> Cell:
    return Cell(plain(file.bytes / 1e6), f"{percent(file.bytes / result.export.checkpoint.bytes, 0)} %")


def _accuracy(proportion: Proportion | None) -> Cell:
    return Cell(percent(proportion.value), interval(proportion)) if proportion else Cell(DASH)


def _drop(file: ExportedFile, row: Row, result: Comparison) -> Cell:
    return Cell(signed(file.parity.drop), signed_interval(file.parity.drop_interval))


def _agreement(file: ExportedFile, row: Row, result: Comparison) -> Cell:
    agreement = file.parity.agreement
    return Cell(percent(agreement.value, 2), interval(agreement))


def _flips(file: ExportedFile, row: Row, result: Comparison) -> Cell:
    flips = file.parity.flips
    if flips is None:
        return Cell(f"{len(file.parity.flipped):,}")
    parts = (flips.right_to_wrong, flips.wrong_to_right, flips.wrong_to_wrong)
    return Cell(f"{flips.total:,}", " / ".join(f"{part:,}" for part in parts))


def _calibration_error(value: float | None) -> Cell:
    return Cell(DASH if value is None or math.isnan(value) else percent(value))


def columns(labelled: bool) -> tuple[Column, ...]:
    """The columns of the table, without those that need true labels where there are none."""
    return tuple(column for column in COLUMNS if labelled or not column.truth)


COLUMNS = (
    Column(
        "Size",
        "file",
        "MB",
        "Bytes of the file in millions; small print: as a share of the Keras file.",
        _size,
        lambda result: Cell(plain(result.export.checkpoint.bytes / 1e6)),
    ),
    Column(
        "Accuracy",
        "accuracy",
        "%",
        "Share of the judging faces whose most probable emotion is the true one, with its 95 % Wilson interval.",
        lambda file, row, result: _accuracy(file.parity.file_accuracy),
        lambda result: _accuracy(result.keras.accuracy if result.keras else None),
        truth=True,
    ),
    Column(
        "Accuracy",
        "drop",
        "points",
        "Accuracy lost against Keras on the same faces, with its paired 95 % interval; negative: the file is better.",
        _drop,
        truth=True,
    ),
    Column(
        "Accuracy",
        "p",
        "",
        "Exact McNemar test: how often chance alone moves accuracy at least that far. Above 0.05: no evidence of a "
        "change.",
        lambda file, row, result: Cell(chance(file.parity.mcnemar_p)),
        truth=True,
    ),
    Column(
        "Parity with Keras",
        "agreement",
        "%",
        "Share of faces where file and Keras name the same emotion first, with its 95 % Wilson interval.",
        _agreement,
    ),
    Column(
        "Parity with Keras",
        "flips",
        "faces",
        "Faces whose first emotion changed. Small print, where the truth is known: right → wrong / wrong → right / "
        "wrong → wrong.",
        _flips,
    ),
    Column(
        "Parity with Keras",
        "largest",
        "diff",
        "The largest difference of any probability on any face, 0 to 1.",
        lambda file, row, result: Cell(figure(file.parity.largest_difference)),
    ),
    Column(
        "Parity with Keras",
        "mean",
        "diff",
        "The mean over faces of each face's largest probability difference, 0 to 1.",
        lambda file, row, result: Cell(figure(file.parity.mean_difference)),
    ),
    Column(
        "Parity with Keras",
        "KL",
        "nats",
        "Kullback-Leibler divergence of the file's probabilities from Keras's, mean over faces; 0: identical.",
        lambda file, row, result: Cell(figure(file.parity.kl_divergence)),
    ),
    Column(
        "Parity with Keras",
        "ECE",
        "%",
        "Expected calibration error: how far the stated confidence is from the accuracy, on average over 15 bins.",
        lambda file, row, result: _calibration_error(file.parity.file_calibration_error),
        lambda result: _calibration_error(result.keras.expected_calibration_error if result.keras else None),
        truth=True,
    ),
    Column(
        "Latency, one face",
        "p50",
        "ms",
        "Half of the runs were quicker; small print: p5 to p95, the middle 90 % of the runs.",
        lambda file, row, result: Cell(plain(row.p50_ms), f"{plain(row.p5_ms)}–{plain(row.p95_ms)}"),
    ),
    Column(
        "Latency, one face",
        "first",
        "ms",
        "The first run after loading, before caches are warm.",
        lambda file, row, result: Cell(plain(row.first_ms)),
    ),
    Column(
        "Latency, one face",
        "load",
        "ms",
        "From the file on disk to a runtime that is ready.",
        lambda file, row, result: Cell(plain(row.load_ms)),
    ),
    Column(
        "Latency, one face",
        "memory",
        "MB",
        "Peak resident memory of a fresh process that loads and runs the file.",
        lambda file, row, result: Cell(f"{row.peak_rss_mb:.0f}"),
    ),
)
