"""A small writer of SVG: escaped text, short numbers, axes. Colours come from the page's style sheet by class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from ...contract import FORMATS
from ...harmless import harmless

FONT = 12.0
"""Height of chart text in user units; a chart is about 440 units wide, so this is legible on a phone too."""

CHARACTER = 0.6
"""Mean width of a character of the system fonts, in heights."""


def number(value: float) -> str:
    """Coordinates with one decimal and no trailing zero."""
    return f"{value:.1f}".removesuffix(".0")


def width_of(text: str, size: float = FONT) -> float:
    """Estimated width of a text in user units."""
    return CHARACTER * size * len(text)


def shortened(text: str, length: int) -> str:
    """At most `length` characters, an ellipsis where something is left out."""
    return text if len(text) <= length else text[: length - 1] + "…"


class Drawing:
    """Collects shapes; `markup` is the finished `<svg>`.

    alternative: what a screen reader says instead.
    """

    def __init__(self, width: float, height: float, alternative: str) -> None:
        self.width, self.height, self._alternative = width, height, alternative
        self._parts: list[Markup] = []

    @property
    def markup(self) -> Markup:
        opened = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
            number(self.width), number(self.height), harmless(self._alternative)
        )
        return opened + Markup("").join(self._parts) + Markup("</svg>")

    def text(self, x: float, y: float, content: str, kind: str = "", *, anchor: str = "", turn: float = 0) -> None:
        """A line of text with its baseline at (x, y).

        anchor: middle or end.
        turn: degrees clockwise.
        """
        extra = Markup("")
        if anchor:
            extra += Markup(' text-anchor="{}"').format(anchor)
        if turn:
            extra += Markup(' transform="rotate({} {} {})"').format(number(turn), number(x), number(y))
        self._parts.append(
            Markup('<text x="{}" y="{}"{}{}>{}</text>').format(
                number(x), number(y), _class(kind), extra, harmless(content)
            )
        )

    def rectangle(self, x: float, y: float, width: float, height: float, kind: str, *, opacity: float = 1) -> None:
        faint = Markup(' fill-opacity="{}"').format(f"{opacity:.2f}") if opacity < 1 else Markup("")
        self._parts.append(
            Markup('<rect x="{}" y="{}" width="{}" height="{}"{}{}/>').format(
                *map(number, (x, y, width, height)), _class(kind), faint
            )
        )

    def path(self, points: Sequence[tuple[float, float]], kind: str, *, closed: bool = False) -> None:
        """Straight lines through the points."""
        steps = "L".join(f"{number(x)} {number(y)}" for x, y in points)
        self._parts.append(Markup('<path d="M{}{}"{}/>').format(steps, "Z" if closed else "", _class(kind)))

    def marker(self, x: float, y: float, group: str, kind: str = "", *, size: float = 4.2, tip: str = "") -> None:
        """A mark whose shape tells the group, a format's name."""
        words = f"mark {group} {kind}".strip()
        said = Markup("<title>{}</title>").format(harmless(tip)) if tip else Markup("")
        outline = FORMATS[group].mark if group in FORMATS else "circle"
        if outline == "circle":
            shape = Markup('<circle cx="{}" cy="{}" r="{}"{}>{}</circle>').format(
                number(x), number(y), number(size), _class(words), said
            )
        else:
            reach = size if outline == "square" else size * 1.35
            corners = (
                [(-1, -1), (1, -1), (1, 1), (-1, 1)] if outline == "square" else [(0, -1), (1, 0), (0, 1), (-1, 0)]
            )
            steps = "L".join(f"{number(x + dx * reach)} {number(y + dy * reach)}" for dx, dy in corners)
            shape = Markup('<path d="M{}Z"{}>{}</path>').format(steps, _class(words), said)
        self._parts.append(shape)


def _class(kind: str) -> Markup:
    return Markup(' class="{}"').format(kind) if kind else Markup("")


@dataclass(frozen=True)
class Axis:
    """An axis that maps values low..high to start..end user units."""

    low: float
    """Least value."""

    high: float
    """Largest value."""

    start: float
    """Place of the least value."""

    end: float
    """Place of the largest value."""

    log: bool = False
    """Whether it is logarithmic."""

    ticks: tuple[tuple[float, str], ...] = field(default=())
    """(value, text)."""

    def at(self, value: float) -> float:
        """Where a value stands."""
        low, high = self.low, self.high
        if self.log:
            value, low, high = math.log10(value), math.log10(low), math.log10(high)
        return self.start + (value - low) / (high - low) * (self.end - self.start)


def axis(values: Sequence[float], start: float, end: float, *, log: bool = False, floor: float | None = None) -> Axis:
    """An axis with some room around the values.

    floor: the lowest value shown, for quantities that start there.
    """
    low, high = min(values), max(values)
    if log:
        room = max((high / low) ** 0.08, 1.15)
        low, high = low / room, high * room
        return Axis(low, high, start, end, True, tuple((v, f"{v:g}") for v in _log_ticks(low, high)))
    room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    low, high = low - room, high + room
    if floor is not None:
        low = max(low, floor)
    step = _step(high - low)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    first = math.ceil(low / step - 1e-9)
    marks = [step * i for i in range(first, math.floor(high / step + 1e-9) + 1)]
    return Axis(low, high, start, end, False, tuple((v, f"{v:.{digits}f}") for v in marks))


def _step(span: float, most: int = 6) -> float:
    """The smallest of 1, 2, 5 times a power of ten that gives at most so many ticks."""
    power = 10.0 ** math.floor(math.log10(span / most))
    return next(power * factor for factor in (1, 2, 5, 10, 20) if span / (power * factor) <= most)


def _log_ticks(low: float, high: float) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    marks = [factor * 10.0**decade for decade in decades for factor in (1, 2, 5)]
    found = [mark for mark in marks if low <= mark <= high]
    return found if len(found) <= 9 else [mark for mark in found if f"{mark:e}".startswith("1.")]
