"""The Pareto front: which options no other beats in both cost and worth."""

from __future__ import annotations

from collections.abc import Sequence


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Positions of the (cost, worth) pairs that no other pair dominates, by rising cost.

    A pair dominates another when it costs no more, is worth no less, and differs. Of equal pairs the first stays;
    a pair with a NaN is never on the front.
    """
    order = sorted((i for i, point in enumerate(points) if _known(point)), key=lambda i: (points[i][0], -points[i][1]))
    found: list[int] = []
    for i in order:
        if not found or points[i][1] > points[found[-1]][1]:
            found.append(i)
    return found


def _known(point: tuple[float, float]) -> bool:
    return all(value == value for value in point)
