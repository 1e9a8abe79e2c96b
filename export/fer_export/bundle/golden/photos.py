"""The photos of the golden vectors: drawn by us, and one portrait in the public domain.

They are there to reveal differences between implementations: faces of several sizes, at the border and none at all,
    pictures of odd shapes and of one pixel, noise that reveals every wrong weight of a pixel, boxes that lie beyond the
    picture.
"""

from __future__ import annotations

import importlib.util
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...photo import REACH, Box, area
from .drawn_face import drawn_face

PORTRAIT_CREDIT = (
    "portrait.png: Commodore Grace M. Hopper, 1984, by James S. Davis, U.S. Navy (DN-SC-84-05971), a work of the "
    "United States government in the public domain; from Matplotlib's sample data, made smaller"
)

_SKY = (173, 190, 204)

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Picture:
    """A photo of the golden vectors."""

    name: str
    """Name of its file, without the suffix."""

    pixels: Pixels
    """RGB uint8 [H, W, 3]."""

    boxes: tuple[Box, ...] = ()
    """Boxes made by hand, which are cropped too."""


def pictures() -> tuple[Picture, ...]:
    """All photos, always the same bytes with the same Pillow."""
    face, noise, meadow = drawn_face(240, mood="happy"), _noise(61, 53), _gradient(320, 200)
    found = [
        Picture("face", face, (Box(70, 40, 170, 150), Box(119, 119, 122, 121))),
        Picture("several", _several()),
        Picture("border", _at_border()),
        Picture("wide", _placed(_flat(401, 127), drawn_face(127, mood="sad", skin="tan"), 230, 0)),
        Picture("tall", _placed(_flat(97, 331), drawn_face(96, mood="angry", skin="brown"), 1, 199)),
        Picture("large", _large()),
        Picture("no-face", meadow, _difficult_boxes(320, 200)),
        Picture("noise", noise, (Box(0, 0, 61, 53), Box(7, 9, 31, 30), *_difficult_boxes(61, 53))),
        Picture("tiny", _noise(5, 3), (Box(0, 0, 5, 3), Box(1, 1, 2, 2), Box(-3, -1, 9, 2))),
        Picture("pixel", np.full((1, 1, 3), (200, 100, 50), np.uint8), (Box(0, 0, 1, 1), Box(5, 5, 5, 5))),
    ]
    portrait = _portrait()
    return (*found, Picture("portrait", portrait)) if portrait is not None else tuple(found)


def png(pixels: Pixels) -> bytes:
    """RGB uint8 [H, W, 3] as a PNG file without anything but the pixels."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _difficult_boxes(width: int, height: int) -> tuple[Box, ...]:
    """Beyond two corners, wholly outside, of no size, turned over, tiny, larger than the picture, out of all reach."""
    return (
        Box(-width // 4, -height // 4, width // 3, height // 3),
        Box(width * 3 // 4, height * 3 // 4, width * 5 // 4, height * 5 // 4),
        Box(width + 10, 5, width + 40, 35),
        Box(width // 2, height // 2, width // 2, height // 2),
        Box(30, 25, 20, 15),
        Box(width - 3, height // 3, width, height // 3 + 2),
        Box(-width, -height, 2 * width, 2 * height),
        Box(-20 * REACH, -3, 20 * REACH, 4 * REACH),
    )


def _several() -> Pixels:
    """Four faces of other moods and skins, in one row and of falling size."""
    picture, left = _flat(560, 210), 0
    for side, mood, skin in (
        (210, "happy", "light"),
        (150, "surprise", "dark"),
        (110, "angry", "tan"),
        (80, "sad", "brown"),
    ):
        picture = _placed(picture, drawn_face(side, mood=mood, skin=skin), left, 210 - side)
        left += side
    return picture


def _at_border() -> Pixels:
    """A face that the left border cuts, and one that the lower border cuts."""
    picture = _placed(_flat(360, 260), drawn_face(200, mood="surprise", skin="tan")[:, 70:], 0, 20)
    return _placed(picture, drawn_face(180, mood="neutral", skin="light")[:125], 165, 135)


def _large() -> Pixels:
    """1500 x 1100 pixels, few colours: a near face and a far one."""
    picture = _placed(_flat(1500, 1100), _poster(drawn_face(700, mood="neutral", skin="brown")), 90, 380)
    return _placed(picture, drawn_face(120, mood="happy", skin="light"), 1150, 260)


def _poster(pixels: Pixels) -> Pixels:
    """The same picture in few levels, so that a large one stays small as a PNG."""
    return pixels & np.uint8(0xF0) | np.uint8(0x08)


def _placed(picture: Pixels, part: Pixels, left: int, top: int) -> Pixels:
    """A copy with the part at that place."""
    whole = picture.copy()
    whole[top : top + part.shape[0], left : left + part.shape[1]] = part
    return whole


def _flat(width: int, height: int) -> Pixels:
    return np.full((height, width, 3), _SKY, np.uint8)


def _gradient(width: int, height: int) -> Pixels:
    """A plain scene without a face: sky above, grass below, both slowly changing."""
    y, x = np.mgrid[:height, :width]
    sky = np.stack([120 + x // 8, 150 + y // 4, 210 - y // 5], axis=-1)
    grass = np.stack([60 + x // 16, 130 - y // 8 + x // 32, 50 + (x + y) // 16], axis=-1)
    return np.where((y > height * 3 // 5)[..., None], grass, sky).astype(np.uint8)


def _noise(width: int, height: int) -> Pixels:
    """Every pixel on its own, by a multiplicative hash of its place: no library's random numbers."""
    place = np.arange(width * height * 3, dtype=np.uint32) + np.uint32(1)
    mixed = place * np.uint32(2654435761)
    mixed = (mixed ^ mixed >> np.uint32(15)) * np.uint32(2246822519)
    return (mixed >> np.uint32(24)).astype(np.uint8).reshape(height, width, 3)


def _portrait() -> Pixels | None:
    """Half the size of Matplotlib's own sample portrait; None where a distribution of Matplotlib leaves it out."""
    from PIL import Image

    found = importlib.util.find_spec("matplotlib")
    for folder in (found.submodule_search_locations if found else None) or ():
        path = Path(folder) / "mpl-data" / "sample_data" / "grace_hopper.jpg"
        if path.is_file():
            with Image.open(path) as picture:
                pixels = np.asarray(picture.convert("RGB"))
            return area(pixels, pixels.shape[1] // 2, pixels.shape[0] // 2)
    return None
