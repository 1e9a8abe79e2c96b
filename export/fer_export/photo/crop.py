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

import numpy as np
from numpy.typing import NDArray

from ..contract.photo import CropRule, GreyRule, PhotoContract

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
    across = _shares(columns, width)
    result = np.empty((height, width, channels), np.uint8)
    total = rows * columns
    for row, (first, shares) in enumerate(_spans(rows, height)):
        band = pixels[first : first + len(shares)].reshape(len(shares), -1)
        # Sums stay below 2^53, where float64 is exact: 255 * rows * columns.
        summed = (shares @ band).reshape(columns, channels)
        result[row] = (2 * (across @ summed).astype(np.int64) + total) // (2 * total)
    return result


def face(photo: NDArray[np.uint8], box: Box, contract: PhotoContract) -> NDArray[np.uint8]:
    """Photo uint8 [H, W, 3] and box -> the network's input, uint8 [size, size, 1]."""
    found = square(box, photo.shape[1], photo.shape[0], contract.crop)
    cut = photo[found.top : found.top + found.side, found.left : found.left + found.side]
    return area(grey(cut, contract.grey)[..., None], contract.size, contract.size)


def _spans(length: int, parts: int) -> list[tuple[int, NDArray[np.float64]]]:
    """For every output pixel: the first input pixel under it and each one's share, in 1/parts pixels; sums length."""
    spans = []
    for part in range(parts):
        start, end = part * length, (part + 1) * length
        pixels = np.arange(start // parts, -(-end // parts))
        shares = np.minimum((pixels + 1) * parts, end) - np.maximum(pixels * parts, start)
        spans.append((int(pixels[0]), shares.astype(np.float64)))
    return spans


def _shares(length: int, parts: int) -> NDArray[np.float64]:
    """The spans as one matrix [parts, length]."""
    matrix = np.zeros((parts, length))
    for part, (first, shares) in enumerate(_spans(length, parts)):
        matrix[part, first : first + len(shares)] = shares
    return matrix
