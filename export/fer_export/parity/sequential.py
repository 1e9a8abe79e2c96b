"""A slow file judged on as few faces as its gate needs: looks at growing shares of the faces, in a drawn order.

A look ends the judging where the file cannot pass any more, or where a file that misses its limits on all faces would
have flipped so few of those seen with a chance of at most LEVEL over all looks (hypergeometric: faces are drawn without
replacement; each look has its part of LEVEL).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from .figures import Parity

LOOKS = {0.18: 0.028, 0.34: 0.0058, 0.43: 0.0041, 0.55: 0.0049, 0.74: 0.0072}
"""Share of the faces after which the figures are looked at -> chance of passing a file there that misses its limits."""

LEVEL = sum(LOOKS.values())
"""Largest chance, .05, that a file is passed early which misses its agreement or its drop on all faces."""

FEWEST = 1000
"""Fewer faces are all judged: no look would be enough."""

SEED = 1


def order(count: int) -> NDArray[np.int64]:
    """The faces in the order in which they are judged, int64 [count]: drawn, as folders list emotion after emotion."""
    return np.random.default_rng(SEED).permutation(count)


def stops(count: int) -> Iterator[int]:
    """Numbers of faces after which the figures are looked at; the last is `count`."""
    if count >= FEWEST:
        yield from (round(share * count) for share in LOOKS)
    yield count


def enough(seen: Parity, count: int) -> bool:
    """Whether the figures on the faces seen decide about all `count` of them.

    seen: parity on the faces that were drawn first.
    count: how many faces there are in all.
    """
    flips, gate = len(seen.flipped), seen.gate
    if flips > _allowed(1 - gate.min_agreement, count):
        return True
    # The accuracy cannot drop by more than the share of faces whose answer flips.
    allowed = _allowed(min(1 - gate.min_agreement, gate.max_drop / 100), count)
    surely = seen.passed and seen.mean_difference <= gate.max_mean_difference / 2
    missing = allowed + 1
    return surely and (missing > count or chance(flips, seen.faces, missing, count) <= level(seen.faces, count))


def level(seen: int, count: int) -> float:
    """Chance of a wrong pass that the look after `seen` of `count` faces has."""
    return next((chance for share, chance in LOOKS.items() if round(share * count) == seen), 0.0)


def chance(flips: int, seen: int, flipping: int, count: int) -> float:
    """Chance that at most `flips` of `seen` drawn faces are among the `flipping` of all `count`."""
    ways = sum(
        math.comb(flipping, each) * math.comb(count - flipping, seen - each)
        for each in range(min(flips, flipping, seen) + 1)
    )
    return ways / math.comb(count, seen)


def _allowed(share: float, count: int) -> int:
    """The most faces that may flip; a share that is a whole number of faces but for rounding counts as it."""
    return math.floor(share * count + 1e-6)
