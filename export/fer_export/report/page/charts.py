"""Charts of the comparison page as inline SVG, drawn from plain numbers.

Marks tell formats apart by shape and colour; the colours are the style sheet's, for light and dark pages.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from .label_placement import Box, place
from .pareto import front
from .svg import Axis, Drawing, axis, shortened, width_of

WIDTH, HEIGHT = 440.0, 390.0
LOG_SPREAD = 20.0
"""An axis whose largest value is over so many times the smallest is logarithmic."""

DARKEST = 0.6
"""Opacity of a confusion cell that holds its whole row: the count in it is still legible in the colour of all text."""


@dataclass(frozen=True)
class Point:
    """One file in a scatter."""

    name: str
    """Name of the file."""

    cost: float
    """x."""

    worth: float
    """y."""

    low: float
    """Lower end of the interval of y."""

    high: float
    """Upper end of the interval of y."""

    group: str
    """`tflite`, `onnx` or `keras`."""

    fit: bool
    """Whether it may be on the Pareto front: it passed its gate and can be shipped."""

    chosen: bool
    """Whether it is recommended."""


@dataclass(frozen=True)
class Curve:
    """Reliability of one network or file."""

    name: str
    """Name of the network or file."""

    group: str
    """`tflite`, `onnx` or `keras`."""

    bins: Sequence[tuple[int, float, float]]
    """(faces, confidence 0..1, accuracy 0..1) of each bin, empty ones too."""


def scatter(
    points: Sequence[Point],
    *,
    cost: str,
    worth: str,
    reference: float | None = None,
) -> Markup:
    """Worth against cost with intervals, the Pareto front of the fit points, and a dashed reference line.

    cost, worth: what the axes say.
    reference: the height of the line.

    The cost axis starts at 0, unless its spread makes it logarithmic.
    """
    best = front([(p.cost, p.worth) if p.fit else (math.nan, math.nan) for p in points])
    across = _cost_axis([p.cost for p in points])
    heights = [v for p in points for v in (p.low, p.high)] + ([] if reference is None else [reference])
    up = axis(heights, HEIGHT - 46, 14)
    names = ", ".join(f"{points[i].name} ({points[i].cost:.3g}, {points[i].worth:.4g})" for i in best)
    drawing = Drawing(
        WIDTH, HEIGHT, f"{worth} against {cost} of {len(points)} files. Pareto front: {names or 'empty'}."
    )
    _frame(drawing, across, up, cost + (", logarithmic" if across.log else ""), worth)
    places = [(across.at(p.cost), up.at(p.worth)) for p in points]
    lines = [("front", _staircase([places[i] for i in best], across.end))] if best else []
    if reference is not None:
        lines.append(("reference", [(across.start, up.at(reference)), (across.end, up.at(reference))]))
    for p, (x, _) in zip(points, places, strict=True):
        if p.high > p.low:
            lines.append((f"interval {p.group}", [(x, up.at(p.low)), (x, up.at(p.high))]))
    for kind, line in lines:
        drawing.path(line, kind)
    _marks(
        drawing, points, places, Box(across.start + 3, up.end, across.end, up.start - 3), [line for _, line in lines]
    )
    return drawing.markup


def _cost_axis(costs: Sequence[float]) -> Axis:
    start, end = 52.0, WIDTH - 12
    if min(costs) > 0 and max(costs) / min(costs) > LOG_SPREAD:
        return axis(costs, start, end, log=True)
    return axis([0.0, max(costs)], start, end, floor=0.0)


def _frame(drawing: Drawing, across: Axis, up: Axis, below: str, beside: str) -> None:
    """Grid, ticks and the names of both axes."""
    for value, text in up.ticks:
        y = up.at(value)
        drawing.path([(across.start, y), (across.end, y)], "grid")
        drawing.text(across.start - 7, y + 4, text, "tick", anchor="end")
    for value, text in across.ticks:
        x = across.at(value)
        drawing.path([(x, up.start), (x, up.start + 4)], "axis")
        drawing.text(x, up.start + 18, text, "tick", anchor="middle")
    drawing.path([(across.start, up.start), (across.end, up.start)], "axis")
    drawing.text((across.start + across.end) / 2, up.start + 38, below, "name", anchor="middle")
    drawing.text(12, (up.start + up.end) / 2, beside, "name", anchor="middle", turn=-90)


def _staircase(places: Sequence[tuple[float, float]], right: float) -> list[tuple[float, float]]:
    """What the front reaches: level from each point to above or below the next, on to the right edge."""
    steps = [places[0]]
    for x, y in places[1:]:
        steps += [(x, steps[-1][1]), (x, y)]
    return [*steps, (right, steps[-1][1])]


def _marks(
    drawing: Drawing,
    points: Sequence[Point],
    places: Sequence[tuple[float, float]],
    area: Box,
    lines: Sequence[Sequence[tuple[float, float]]],
) -> None:
    sizes = [(width_of(p.name, 11.5) + 4, 13.0) for p in points]
    boxes = place(places, sizes, area, 6.0, [part for line in lines for part in zip(line, line[1:], strict=False)])
    for p, (x, y), box in zip(points, places, boxes, strict=True):
        end = box.nearest(x, y)
        if math.dist(end, (x, y)) > 11:
            drawing.path([(x, y), end], f"leader {p.group}")
    for p, (x, y), box in zip(points, places, boxes, strict=True):
        kind = "failed" if not p.fit and p.group != "keras" else ""
        tip = f"{p.name}: {p.cost:.4g}, {p.worth:.2f} ({p.low:.2f} to {p.high:.2f})"
        drawing.marker(x, y, p.group, kind, tip=tip)
        if p.chosen:
            drawing.marker(x, y, p.group, "ring", size=7.5)
        text = "label chosen" if p.chosen else "label"
        drawing.text((box.left + box.right) / 2, box.bottom - 2.5, p.name, f"{text} {p.group}", anchor="middle")


def reliability(curves: Sequence[Curve]) -> Markup:
    """Accuracy against confidence, bin by bin, over a strip that shows how many faces each bin holds."""
    across = Axis(0, 1, 52, WIDTH - 12, ticks=tuple((v / 5, f"{20 * v}") for v in range(6)))
    up = Axis(0, 1, 262, 14, ticks=tuple((v / 5, f"{20 * v}") for v in range(6)))
    said = "; ".join(f"{curve.name}: {_words(curve)}" for curve in curves)
    drawing = Drawing(WIDTH, 400, f"Accuracy against confidence in per cent. {said}.")
    for value, text in up.ticks:
        drawing.path([(across.start, up.at(value)), (across.end, up.at(value))], "grid")
        drawing.text(across.start - 7, up.at(value) + 4, text, "tick", anchor="end")
    drawing.path([(across.at(0), up.at(0)), (across.at(1), up.at(1))], "reference")
    drawing.text(across.at(0.68), up.at(0.74), "as right as it is sure", "small muted", anchor="end")
    for curve in curves:
        filled = [(across.at(sure), up.at(right)) for faces, sure, right in curve.bins if faces]
        drawing.path(filled, f"curve {curve.group}")
        for (x, y), (faces, sure, right) in zip(filled, (b for b in curve.bins if b[0]), strict=True):
            tip = f"{curve.name}: {faces} faces, {100 * sure:.0f} % sure, {100 * right:.0f} % right"
            drawing.marker(x, y, curve.group, size=4.5 if curve.group == "keras" else 3.5, tip=tip)
    _bin_counts(drawing, curves, across, 284, 350)
    drawing.text(
        (across.start + across.end) / 2, 390, "confidence: the largest probability, %", "name", anchor="middle"
    )
    drawing.text(12, (up.start + up.end) / 2, "accuracy, %", "name", anchor="middle", turn=-90)
    return drawing.markup


def _words(curve: Curve) -> str:
    return ", ".join(f"{100 * sure:.0f} sure {100 * right:.0f} right" for faces, sure, right in curve.bins if faces)


def _bin_counts(drawing: Drawing, curves: Sequence[Curve], across: Axis, top: float, bottom: float) -> None:
    """Bars side by side in each bin, one per curve; the highest count stands at the axis."""
    most = max((faces for curve in curves for faces, _, _ in curve.bins), default=0) or 1
    drawing.text(across.start - 7, top + 9, f"{most}", "tick", anchor="end")
    drawing.text(across.start - 7, bottom, "0", "tick", anchor="end")
    drawing.text(12, (top + bottom) / 2, "faces", "name", anchor="middle", turn=-90)
    for position, curve in enumerate(curves):
        bins = len(curve.bins)
        slot = (across.end - across.start) / bins
        wide = 0.8 * slot / len(curves)
        for i, (faces, _, _) in enumerate(curve.bins):
            height = faces / most * (bottom - top)
            if faces:
                left = across.start + i * slot + 0.1 * slot + position * wide
                drawing.rectangle(left, bottom - height, wide * 0.9, height, f"count {curve.group}")
    drawing.path([(across.start, bottom), (across.end, bottom)], "axis")
    for value, text in across.ticks:
        drawing.path([(across.at(value), bottom), (across.at(value), bottom + 4)], "axis")
        drawing.text(across.at(value), bottom + 18, text, "tick", anchor="middle")


def confusion(
    labels: Sequence[str],
    counts: Sequence[Sequence[int]],
    group: str,
    *,
    reference: Sequence[Sequence[int]] | None = None,
) -> Markup:
    """Faces by [true][predicted]; shades are shares of the row.

    reference: the counts that small print compares to.
    """
    cell, left, top = 43.0, 68.0, 62.0
    across = cell * len(labels)
    right = sum(row[i] for i, row in enumerate(counts))
    drawing = Drawing(
        left + across + 12,
        top + across + 6,
        f"Confusion matrix of {len(labels)} emotions: {right} of {sum(map(sum, counts))} faces on the diagonal.",
    )
    drawing.text(left + across / 2, 12, "predicted", "name", anchor="middle")
    drawing.text(10, top + across / 2, "true", "name", anchor="middle", turn=-90)
    for i, name in enumerate(labels):
        drawing.text(left - 6, top + cell * (i + 0.5) + 4, shortened(name, 9), "tick", anchor="end")
        drawing.text(left + cell * (i + 0.5) - 6, top - 7, shortened(name, 9), "tick", turn=-32)
    for i, row in enumerate(counts):
        for j, faces in enumerate(row):
            share = faces / max(1, sum(row))
            x, y = left + cell * j, top + cell * i
            drawing.rectangle(x, y, cell - 1.5, cell - 1.5, "cell")
            if faces:
                drawing.rectangle(x, y, cell - 1.5, cell - 1.5, f"share {group}", opacity=DARKEST * share)
            change = faces - reference[i][j] if reference else 0
            drawing.text(x + cell / 2 - 1, y + (20 if reference else 26), f"{faces}", anchor="middle")
            if change:
                words = f"{change:+d}".replace("-", "−")
                drawing.text(x + cell / 2 - 1, y + 34, words, "change", anchor="middle")
    return drawing.markup


def bars(labels: Sequence[str], reference: Sequence[float], given: Sequence[float], group: str) -> Markup:
    """Two probability bars per label, Keras above the file, with both in per cent; the largest of each is bold."""
    row, left, wide = 21.0, 62.0, 112.0
    first, second = _largest(reference), _largest(given)
    said = "; ".join(f"{n} {100 * a:.0f} to {100 * b:.0f} %" for n, a, b in zip(labels, reference, given, strict=True))
    drawing = Drawing(left + wide + 56, row * len(labels), f"Probability of Keras to that of the file: {said}.")
    for i, (name, a, b) in enumerate(zip(labels, reference, given, strict=True)):
        top = row * i
        strong = " top" if i in (first, second) else ""
        drawing.text(left - 6, top + 13.5, shortened(name, 9), f"tick{strong}", anchor="end")
        drawing.rectangle(left, top + 2, wide, 15.5, "track")
        for value, kind, down in ((a, "keras", 2.5), (b, group, 10)):
            if value > 0:  # false for a NaN too
                drawing.rectangle(left, top + down, wide * min(value, 1.0), 7, f"bar {kind}")
        for value, best, kind, right in ((a, first, "keras", 27), (b, second, group, 54)):
            strong = " top" if i == best else ""
            drawing.text(left + wide + right, top + 13.5, f"{100 * value:.0f}", f"value {kind}{strong}", anchor="end")
    return drawing.markup


def _largest(values: Sequence[float]) -> int:
    return max(range(len(values)), key=lambda i: values[i])
