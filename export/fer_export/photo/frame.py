"""Whole pictures with a box, as frame files take them, and such pictures for judging a file.

A frame file computes `crop.face` of its own contract in its graph. All sums there are whole numbers, the large ones
kept in float32, which holds them up to 2^24. With S the shares of `crop.area` [size, side] and G the grey square,
B = S G is at most 255 * side. The sums S G S' themselves, up to 255 * side^2, would be too large; B is split into
B = side * Q + R, so that S G S' = side * X + Y with X = Q S' and Y = R S' = side * C + D, both in reach. Then

    byte = (2 * (X + C) + side + (2 * D) // side) // (2 * side)

is the rounded average of `crop.area`: exact up to 4,096 pixels a side, where Y reaches 2^24; of larger squares a value
that lies next to a half may come out one level off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from ..contract import CropRule, FrameRule, GreyRule
from . import crop
from .crop import Box, Square

_TINT = 22
"""Largest difference of green from grey in the pictures that judge; red differs by twice as much."""

_LAYOUTS = tuple((scale, wide) for scale in (1, 2, 3) for wide in (True, False))


@dataclass(frozen=True)
class Frame:
    """A picture and the box of a face in it."""

    photo: NDArray[np.uint8]
    """RGB uint8 [H, W, 3]."""

    box: Box
    """The face in pixels."""

    @property
    def clamped(self) -> NDArray[np.int32]:
        """The box as a file takes it, int32 [4]; coordinates beyond crop.REACH make no difference."""
        box = self.box
        limits = (min(max(v, -crop.REACH), crop.REACH) for v in (box.left, box.top, box.right, box.bottom))
        return np.array(list(limits), np.int32)


class Staged(Sequence[Frame]):
    """Grey faces as frames of which the rule makes the very same bytes again, made one by one.

    A face is enlarged 1, 2 or 3 times, coloured and put somewhere in a larger picture of noise, with the box whose
    square it is: so the answers of the network to the plain faces are what a frame file has to give.
    """

    def __init__(self, faces: NDArray[np.uint8], rule: FrameRule) -> None:
        """faces: uint8 [N, S, S, 1], of the rule's size."""
        self._faces, self._rule = faces, rule
        self._noise = np.random.default_rng(0).integers(0, 256, (5 * rule.size, 5 * rule.size, 3), dtype=np.uint8)

    def __len__(self) -> int:
        return len(self._faces)

    @overload
    def __getitem__(self, index: int) -> Frame: ...
    @overload
    def __getitem__(self, index: slice) -> list[Frame]: ...
    def __getitem__(self, index: int | slice) -> Frame | list[Frame]:
        if isinstance(index, slice):
            return [self._frame(i) for i in range(*index.indices(len(self)))]
        return self._frame(range(len(self))[index])

    def _frame(self, index: int) -> Frame:
        # Neighbours share a layout, as a runtime takes time to change to another size.
        scale, wide = _LAYOUTS[index * len(_LAYOUTS) // len(self)]
        face = tinted(self._faces[index], self._rule.grey).repeat(scale, axis=0).repeat(scale, axis=1)
        side = len(face)
        spare = side // 2
        place = index % (spare + 1)
        left, top = (place, 0) if wide else (0, place)
        photo = self._noise[: side + (0 if wide else spare), : side + (spare if wide else 0)].copy()
        photo[top : top + side, left : left + side] = face
        return Frame(photo, box_of(Square(left, top, side), self._rule.crop))


def box_of(square: Square, rule: CropRule) -> Box:
    """A square box whose crop is this square, in a picture that is just as wide or as high as the square."""
    longer = -(-1000 * square.side // rule.scale)
    shifts = (2 * (longer * shift // 1000) for shift in (rule.shift_x, rule.shift_y))
    left, top = (
        start - (longer + shift - square.side) // 2
        for start, shift in zip((square.left, square.top), shifts, strict=True)
    )
    return Box(left, top, left + longer, top + longer)


def tinted(face: NDArray[np.uint8], rule: GreyRule) -> NDArray[np.uint8]:
    """Grey uint8 [S, S, 1] -> RGB uint8 [S, S, 3] of the same grey, red where there is room for it."""
    level = face[..., 0].astype(np.int64)
    tint = np.minimum(_TINT, np.minimum(level, (255 - level) // 2))
    coloured = np.stack([level + 2 * tint, level - tint, level], axis=-1).astype(np.uint8)
    same = crop.grey(coloured, rule) == face[..., 0]
    return np.where(same[..., None], coloured, face)
