"""Photo and box to the grey face that a network takes: the reference of the contract, in exact integer arithmetic.

square: coordinates are clamped to +-REACH; s = max(1, right - left, bottom - top); side = max(1, (s * scale + 500) //
1000), at most the picture's shorter side; its centre is the box's, moved by s * shift // 1000; it starts at the floor
of centre - side / 2 and is then shifted to lie inside the picture. A box of no size is a box of one pixel.
grey: GreyRule, pixel by pixel. resize: area average; output pixel i of n covers [i * side / n, (i + 1) * side / n) of
the input, every input pixel counts by the area covered, and a half is rounded up.
`//` is the floor of the quotient, also below zero. Only the crop of a photo is ever converted, whatever its size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract import CropRule, GreyRule, PhotoContract

REACH = 100_000
"""Largest coordinate, either way, that a box is taken to have; keeps all arithmetic within 32 bits."""

_ROWS = 256


@dataclass(frozen=True)
class Box:
    """A face in a photo, in whole pixels of the upright picture. It may lie partly or wholly beyond the border."""

    left: int
    """First column inside."""

    top: int
    """First row inside."""

    right: int
    """First column outside."""

    bottom: int
    """First row outside."""

    @property
    def side(self) -> int:
        """The longer side, at least 1."""
        return max(1, self.right - self.left, self.bottom - self.top)

    @property
    def area(self) -> int:
        """Pixels that the box covers, beyond the picture too."""
        return (self.right - self.left) * (self.bottom - self.top)


@dataclass(frozen=True)
class Square:
    """The part of a photo that becomes the face; it is always inside the picture."""

    left: int
    """First column."""

    top: int
    """First row."""

    side: int
    """Side in pixels."""


def square(box: Box, width: int, height: int, rule: CropRule) -> Square:
    """The square of a box in a photo of width x height pixels."""
    left, top, right, bottom = (min(max(v, -REACH), REACH) for v in (box.left, box.top, box.right, box.bottom))
    longer = Box(left, top, right, bottom).side
    side = min(max(1, (longer * rule.scale + 500) // 1000), width, height)
    start_x = (left + right + 2 * (longer * rule.shift_x // 1000) - side) // 2
    start_y = (top + bottom + 2 * (longer * rule.shift_y // 1000) - side) // 2
    return Square(min(max(start_x, 0), width - side), min(max(start_y, 0), height - side), side)


def grey(pixels: NDArray[np.uint8], rule: GreyRule) -> NDArray[np.uint8]:
    """uint8 [H, W, 3] -> uint8 [H, W]."""
    weights = np.array([rule.red, rule.green, rule.blue], np.uint32)
    result = np.empty(pixels.shape[:2], np.uint8)
    # Some rows at a time, as the sums take sixteen times the room of the result.
    for top in range(0, len(pixels), _ROWS):
        rows = pixels[top : top + _ROWS]
        result[top : top + _ROWS] = (rows @ weights + (1 << (rule.shift - 1))) >> rule.shift
    return result


def area(pixels: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Area average of uint8 [H, W, C] -> uint8 [height, width, C]; larger or smaller than the input."""
    rows, columns, channels = pixels.shape
    down = _sums(pixels.reshape(rows, columns * channels), height, np.uint32)
    # Turned, the second pass adds up whole lines of memory as well.
    turned = np.ascontiguousarray(down.T).reshape(columns, channels * height)
    total = rows * columns
    across = _sums(turned, width, np.uint32 if 255 * total < 1 << 32 else np.uint64)
    # Exact: the quotient of whole numbers below 2^53 is further from a whole number than it is rounded by.
    rounded = ((across * 2.0 + total) / (2.0 * total)).astype(np.uint8)
    return np.ascontiguousarray(rounded.reshape(width, channels, height).transpose(2, 0, 1))


def face(photo: NDArray[np.uint8], box: Box, contract: PhotoContract) -> NDArray[np.uint8]:
    """Photo uint8 [H, W, 3] and box -> the network's input, uint8 [size, size, 1]."""
    found = square(box, photo.shape[1], photo.shape[0], contract.crop)
    cut = photo[found.top : found.top + found.side, found.left : found.left + found.side]
    return area(grey(cut, contract.grey)[..., None], contract.size, contract.size)


def _sums(lines: NDArray[Any], parts: int, dtype: type[np.unsignedinteger[Any]]) -> NDArray[Any]:
    """Sums of lines [N, M] under each of `parts` spans, in 1/parts of a line: [parts, M]."""
    result = np.empty((parts, lines.shape[1]), dtype)
    for row, (first, last, before, after) in zip(result, _spans(len(lines), parts), strict=True):
        if first == last:
            np.multiply(lines[first], dtype(parts - before - after), out=row)
            continue
        if last - first > 1:
            np.add.reduce(lines[first + 1 : last], axis=0, dtype=dtype, out=row)
            row *= dtype(parts)
            row += lines[first] * dtype(parts - before)
        else:
            np.multiply(lines[first], dtype(parts - before), out=row)
        row += lines[last] * dtype(parts - after)
    return result


def _spans(length: int, parts: int) -> list[tuple[int, int, int, int]]:
    """For every output pixel: the first and last input pixel under it, and how much of each, in 1/parts, is not."""
    spans = []
    for part in range(parts):
        start, end = part * length, (part + 1) * length
        first, last = start // parts, (end - 1) // parts
        spans.append((first, last, start - first * parts, (last + 1) * parts - end))
    return spans
