"""Charts of the comparison page as inline SVG, drawn by matplotlib from plain numbers.

Marks tell formats apart by shape and colour; the colours are the style sheet's, for light and dark pages.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from ...contract import FORMATS
from ...harmless import harmless
from ...system import figures
from ...system.figures import named
from .label_placement import Box, place

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 440.0, 390.0
"""Of a scatter in units: legible on a phone too."""

LOG_SPREAD = 20.0
"""An axis whose largest value is over so many times the smallest is logarithmic."""

CHARACTER = 0.6
"""Mean width of a character of the system fonts, in heights."""

ROLES = ("ink", "muted", "line", "surface")
"""Colours of the style sheet beside those of formats."""

MARKERS = {"circle": "o", "square": "s", "diamond": "D"}
"""Marks of formats as matplotlib calls them."""

LABEL = 11.5
"""Size of a mark's name."""


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


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """The Pareto front: positions of the (cost, worth) pairs that no other pair dominates, by rising cost.

    A pair dominates another when it costs no more, is worth no less, and differs. Of equal pairs the first stays;
    a pair with a NaN is never on the front.
    """
    known = (i for i, point in enumerate(points) if not any(map(math.isnan, point)))
    found: list[int] = []
    for i in sorted(known, key=lambda i: (points[i][0], -points[i][1])):
        if not found or points[i][1] > points[found[-1]][1]:
            found.append(i)
    return found


def scatter(points: Sequence[Point], *, cost: str, worth: str, reference: float | None = None) -> Markup:
    """Worth against cost with intervals, the Pareto front of the fit points, and a dashed reference line.

    cost, worth: what the axes say.
    reference: the height of the line.

    The cost axis starts at 0, unless its spread makes it logarithmic.
    """
    best = [points[i] for i in front([(p.cost, p.worth) if p.fit else (math.nan, math.nan) for p in points])]
    names = ", ".join(f"{p.name} ({p.cost:.3g}, {p.worth:.4g})" for p in best)
    with figures.settings():
        figure, axes = _figure(WIDTH, HEIGHT, (52, 46, 376, 330))
        log = _scale_cost(axes, [p.cost for p in points])
        heights = [v for p in points for v in (p.low, p.high)] + ([] if reference is None else [reference])
        room = 0.05 * (max(heights) - min(heights)) or 0.05 * abs(heights[0]) or 1.0
        axes.set_ylim(min(heights) - room, max(heights) + room)
        axes.set_xlabel(cost + (", logarithmic" if log else ""))
        axes.set_ylabel(worth)
        if best:
            right = axes.get_xlim()[1]
            steps = ([*(p.cost for p in best), right], [*(p.worth for p in best), best[-1].worth])
            axes.plot(*steps, drawstyle="steps-post", color=_of("ink"), alpha=0.55, linewidth=1.5, gid=named("front"))
        if reference is not None:
            axes.axhline(reference, color=_of("keras"), linestyle=(0, (4, 4)), linewidth=1, gid=named("reference"))
        for p in points:
            if p.high > p.low:
                ends = [p.low, p.high]
                axes.plot([p.cost] * 2, ends, color=_of(p.group), alpha=0.38, linewidth=1.2, gid=named("interval"))
        _marks(figure, axes, points, reference, best)
        said = f"{worth} against {cost} of {len(points)} files. Pareto front: {names or 'empty'}."
        return figures.svg(figure, said, _variables())


def reliability(curves: Sequence[Curve]) -> Markup:
    """Accuracy against confidence, bin by bin, over a strip that shows how many faces each bin holds."""
    said = "; ".join(f"{curve.name}: {_words(curve)}" for curve in curves)
    with figures.settings():
        figure, axes = _figure(WIDTH, 400, (52, 138, 376, 248))
        axes.plot([0, 100], [0, 100], color=_of("keras"), linestyle=(0, (4, 4)), linewidth=1, gid=named("reference"))
        axes.text(68, 74, "as right as it is sure", color=_of("muted"), fontsize=11, ha="right")
        axes.set(xlim=(0, 100), ylim=(0, 100), ylabel="accuracy, %", xticklabels=[])
        for curve in curves:
            filled = [(100 * sure, 100 * right) for faces, sure, right in curve.bins if faces]
            axes.plot(*zip(*filled, strict=True), color=_of(curve.group), linewidth=1.6, gid=named("curve"))
        for curve in curves:
            for faces, sure, right in (each for each in curve.bins if each[0]):
                tip = f"{curve.name}: {faces} faces, {100 * sure:.0f} % sure, {100 * right:.0f} % right"
                size = 4.5 if curve.group == "keras" else 3.5
                _mark(figure, _spot(axes, 100 * sure, 100 * right), curve.group, size, tip=tip)
        _bin_counts(figure, curves)
        return figures.svg(figure, f"Accuracy against confidence in per cent. {said}.", _variables())


def _words(curve: Curve) -> str:
    return ", ".join(f"{100 * sure:.0f} sure {100 * right:.0f} right" for faces, sure, right in curve.bins if faces)


def _bin_counts(figure: Figure, curves: Sequence[Curve]) -> None:
    """Bars side by side in each bin, one per curve; the highest count stands at the axis."""
    axes = _axes(figure, (52, 50, 376, 66))
    most = max((faces for curve in curves for faces, _, _ in curve.bins), default=0) or 1
    for position, curve in enumerate(curves):
        slot = 100 / len(curve.bins)
        wide = 0.8 * slot / len(curves)
        places = [i * slot + 0.1 * slot + (position + 0.5) * wide for i in range(len(curve.bins))]
        counts = [faces for faces, _, _ in curve.bins]
        axes.bar(places, counts, 0.9 * wide, color=_of(curve.group))
    axes.grid(visible=False)
    axes.set(xlim=(0, 100), ylim=(0, most), yticks=[0, most], ylabel="faces")
    axes.set_xlabel("confidence: the largest probability, %")


def _figure(width: float, height: float, box: tuple[float, float, float, float]) -> tuple[Figure, Axes]:
    """A figure of so many units with axes at left, bottom, width, height."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width / figures.DOTS, height / figures.DOTS), dpi=figures.DOTS)
    return figure, _axes(figure, box)


def _axes(figure: Figure, box: tuple[float, float, float, float]) -> Axes:
    width, height = figures.DOTS * figure.get_size_inches()
    left, bottom, wide, high = box
    axes: Axes = figure.add_axes((left / width, bottom / height, wide / width, high / height))
    figures.plain(axes, _of("ink"), _of("line"), _of("muted"))
    axes.yaxis.set_label_coords((12 - left) / wide, 0.5)
    return axes


def _scale_cost(axes: Axes, costs: Sequence[float]) -> bool:
    """Whether the axis of the costs became logarithmic."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    if not (min(costs) > 0 and max(costs) / min(costs) > LOG_SPREAD):
        axes.set_xlim(0, 1.05 * max(costs) or 1.0)
        return False
    room = max((max(costs) / min(costs)) ** 0.08, 1.15)
    axes.set_xscale("log")
    axes.set_xlim(min(costs) / room, max(costs) * room)
    wide = max(costs) / min(costs) > 1000
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0,) if wide else (1.0, 2.0, 5.0), numticks=20))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.minorticks_off()
    return True


def _marks(figure: Figure, axes: Axes, points: Sequence[Point], reference: float | None, best: Sequence[Point]) -> None:
    """Marks with names that cover neither each other nor the lines."""
    spots = [_spot(axes, p.cost, p.worth) for p in points]
    lines = [(_spot(axes, p.cost, p.low), _spot(axes, p.cost, p.high)) for p in points]
    right = axes.get_xlim()[1]
    corners = [*((p.cost, p.worth) for p in best), (right, best[-1].worth)] if best else []
    for (x, y), (following, height) in zip(corners, corners[1:], strict=False):
        lines.append((_spot(axes, x, y), _spot(axes, following, y)))
        lines.append((_spot(axes, following, y), _spot(axes, following, height)))
    if reference is not None:
        lines.append((_spot(axes, axes.get_xlim()[0], reference), _spot(axes, right, reference)))
    sizes = [(CHARACTER * LABEL * len(p.name) + 4, 13.0) for p in points]
    ends = axes.get_window_extent()
    area = Box(ends.x0 + 3, HEIGHT - ends.y1, ends.x1, HEIGHT - ends.y0 - 3)
    boxes = place(spots, sizes, area, 6.0, lines)
    for p, spot, box in zip(points, spots, boxes, strict=True):
        end = box.nearest(*spot)
        if math.dist(end, spot) > 11:
            _line(figure, spot, end, _of(p.group))
    for p, spot, box in zip(points, spots, boxes, strict=True):
        tip = f"{p.name}: {p.cost:.4g}, {p.worth:.2f} ({p.low:.2f} to {p.high:.2f})"
        kind = "failed" if not p.fit and p.group != "keras" else "mark"
        _mark(figure, spot, p.group, 4.2, kind=kind, tip=tip)
        if p.chosen:
            _mark(figure, spot, p.group, 7.5, kind="ring")
        figure.text(
            (box.left + box.right) / 2 / WIDTH,
            1 - (box.bottom - 2.5) / HEIGHT,
            harmless(p.name),
            color=_of(p.group),
            fontsize=LABEL,
            fontweight=700 if p.chosen else 400,
            ha="center",
            gid=named("label"),
        )


def _spot(axes: Axes, x: float, y: float) -> tuple[float, float]:
    """Units from the left and from above."""
    found = axes.transData.transform((x, y))
    return float(found[0]), float(axes.get_window_extent().y0 / axes.get_position().y0 - found[1])


def _mark(
    figure: Figure,
    spot: tuple[float, float],
    group: str,
    size: float,
    *,
    kind: str = "mark",
    tip: str = "",
) -> None:
    """A mark whose shape and colour tell the group, a format's name.

    kind: `mark`, `failed` for a hollow one, `ring` for one around another.
    tip: what it says under the pointer.
    """
    from matplotlib.markers import MarkerStyle
    from matplotlib.patches import PathPatch
    from matplotlib.transforms import Affine2D, IdentityTransform

    outline = FORMATS[group].mark if group in FORMATS else "circle"
    style = MarkerStyle(MARKERS[outline])
    x, y = spot[0], float(figures.DOTS * figure.get_size_inches()[1]) - spot[1]
    path = style.get_path().transformed(style.get_transform() + Affine2D().scale(2 * size).translate(x, y))
    paint: dict[str, Any] = {"facecolor": _of(group), "edgecolor": _of("surface"), "linewidth": 1}
    if kind == "failed":
        paint = {"facecolor": _of("surface"), "edgecolor": _of(group), "linewidth": 1.8}
    if kind == "ring":
        paint = {"facecolor": "none", "edgecolor": _of("ink"), "linewidth": 1.8}
    figure.add_artist(PathPatch(path, transform=IdentityTransform(), gid=named(f"{kind} {group}", tip), **paint))


def _line(figure: Figure, start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.transforms import IdentityTransform

    height = float(figures.DOTS * figure.get_size_inches()[1])
    across, up = (start[0], end[0]), (height - start[1], height - end[1])
    drawn = Line2D(across, up, color=colour, linewidth=0.8, alpha=0.7, gid=named("leader"))
    drawn.set_transform(IdentityTransform())
    figure.add_artist(drawn)


def _variables() -> list[str]:
    """Colours of the style sheet, one for each format among them."""
    return [*ROLES, *FORMATS]


def _of(name: str) -> str:
    return figures.colour(_variables().index(name))
