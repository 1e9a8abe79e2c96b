"""Places for the names of chart marks, so that they cover neither each other nor the marks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Spot = tuple[float, float]
Segment = tuple[Spot, Spot]

_DISTANCES = (9.0, 16.0, 26.0, 38.0, 52.0, 68.0, 86.0)
_DIRECTIONS = 16
_SWEEPS = 4


@dataclass(frozen=True)
class Box:
    """A rectangle in user units."""

    left: float
    """Left edge."""

    top: float
    """Upper edge."""

    right: float
    """Right edge."""

    bottom: float
    """Lower edge."""

    def overlap(self, other: Box) -> float:
        """Area shared with another box."""
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        return across * down if across > 0 and down > 0 else 0.0

    def outside(self, other: Box) -> float:
        """How far it reaches out of another box."""
        return max(0.0, other.left - self.left, self.right - other.right, other.top - self.top) + max(
            0.0, self.bottom - other.bottom
        )

    def nearest(self, x: float, y: float) -> tuple[float, float]:
        """The point of the box closest to (x, y)."""
        return min(max(x, self.left), self.right), min(max(y, self.top), self.bottom)


@dataclass(frozen=True)
class _Scene:
    """What stands still while names are placed."""

    area: Box
    """Where names belong."""

    obstacles: Sequence[Box]
    """The marks."""

    lines: Sequence[Segment]
    """What a name should not cover."""


def place(
    marks: Sequence[Spot],
    sizes: Sequence[tuple[float, float]],
    area: Box,
    radius: float,
    lines: Sequence[Segment] = (),
) -> list[Box]:
    """A box for each mark's name (width, height) inside the area, close to its mark and free of the others.

    radius: of a mark.
    lines: what a name should not cover.

    Each name takes the cheapest of some hundred places; a few rounds let early names give way to later ones.
    """
    scene = _Scene(area, [Box(x - radius, y - radius, x + radius, y + radius) for x, y in marks], lines)
    chosen: list[Box | None] = [None] * len(marks)
    for _ in range(_SWEEPS):
        before = list(chosen)
        for i, (mark, size) in enumerate(zip(marks, sizes, strict=True)):
            others = [box for j, box in enumerate(chosen) if box is not None and j != i]
            leaders = [(marks[j], box.nearest(*marks[j])) for j, box in enumerate(chosen) if box is not None and j != i]
            foreign = [spot for spot in marks if spot != mark]
            chosen[i] = min(
                _candidates(mark, size, radius),
                key=lambda box: _cost(box, mark, others, leaders, scene) + _doubt(box, mark, foreign),
            )
        if chosen == before:
            break
    return [box for box in chosen if box is not None]


def _candidates(mark: Spot, size: tuple[float, float], radius: float) -> list[Box]:
    width, height = size
    found = []
    for distance in _DISTANCES:
        for step in range(_DIRECTIONS):
            angle = 2 * math.pi * step / _DIRECTIONS
            dx, dy = math.cos(angle), -math.sin(angle)
            # The box touches the circle of that distance with the side that faces the mark.
            x = mark[0] + dx * (distance + radius / 2) + (dx - 1) * width / 2
            y = mark[1] + dy * (distance + radius / 2) + (dy - 1) * height / 2
            found.append(Box(x, y, x + width, y + height))
    return found


def _cost(box: Box, mark: Spot, others: Sequence[Box], leaders: Sequence[Segment], scene: _Scene) -> float:
    covered = sum(box.overlap(other) for other in (*others, *scene.obstacles))
    end = box.nearest(*mark)
    own = (mark, end)
    crossed = sum(_cross(own, leader) for leader in leaders)
    crossed += sum(_through(leader, box) for leader in leaders) + sum(_through(own, other) for other in others)
    struck = sum(_through(line, box) for line in scene.lines)
    return 10 * covered + 60 * box.outside(scene.area) + 40 * crossed + 8 * struck + math.dist(mark, end)


def _doubt(box: Box, mark: Spot, foreign: Sequence[Spot]) -> float:
    """The cost of a name that is as close to another mark as to its own."""
    own = math.dist(mark, box.nearest(*mark))
    return sum(max(0.0, 1.5 * own - math.dist(spot, box.nearest(*spot))) for spot in foreign)


def _cross(a: Segment, b: Segment) -> bool:
    """Whether two segments cross."""

    def side(p: Spot, q: Spot, r: Spot) -> float:
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    (p, q), (r, s) = a, b
    return side(p, q, r) * side(p, q, s) < 0 and side(r, s, p) * side(r, s, q) < 0


def _through(line: Segment, box: Box) -> bool:
    """Whether a segment passes through a box."""
    diagonals = (((box.left, box.top), (box.right, box.bottom)), ((box.left, box.bottom), (box.right, box.top)))
    return any(_cross(line, diagonal) for diagonal in diagonals)
