"""A drawn face that the detectors find: a photo to test the pipeline that shows no person.

Pillow's plain shapes at four times the size, shrunk and slightly blurred; every number is a share of the picture's
side. The same arguments give the same bytes with one version of Pillow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]

SKINS: dict[str, Colour] = {
    "light": (236, 198, 172),
    "tan": (211, 161, 122),
    "brown": (158, 108, 77),
    "dark": (110, 74, 54),
}
MOODS: dict[str, tuple[float, float, float]] = {
    "neutral": (0.0, 0.0, 0.0),
    "happy": (0.055, 0.008, 0.45),
    "sad": (-0.03, 0.03, 0.0),
    "angry": (-0.012, -0.045, 0.0),
    "surprise": (0.0, 0.012, 1.0),
}
"""Mood -> how far the mouth's corners and the inner ends of the brows rise, and how open the mouth is, 0 to 1."""

_SHARPER = 4


def drawn_face(
    size: int, *, mood: str = "neutral", skin: str = "light", background: Colour = (173, 190, 204)
) -> NDArray[np.uint8]:
    """A head and shoulders in the middle of a picture: uint8 [size, size, 3].

    size: side of the picture; the head is half as wide.
    mood: a key of MOODS.
    skin: a key of SKINS.
    """
    from PIL import Image, ImageDraw, ImageFilter

    side = size * _SHARPER
    picture = Image.new("RGB", (side, side), background)
    face = _Face(ImageDraw.Draw(picture), side, SKINS[skin])
    face.hair_and_shoulders()
    face.head()
    picture = picture.filter(ImageFilter.GaussianBlur(0.012 * side))
    _light(picture)
    face = _Face(ImageDraw.Draw(picture), side, SKINS[skin])
    corners, brows, opening = MOODS[mood]
    face.eyes(brows, wide=opening > 0.5)
    face.nose()
    face.mouth(corners, opening)
    small = picture.resize((size, size), Image.Resampling.BOX)
    return np.asarray(small.filter(ImageFilter.GaussianBlur(size / 400)))


class _Face:
    """Draws the parts; x is counted from the middle of the face, y from the top of the picture."""

    def __init__(self, draw: ImageDraw, side: int, skin: Colour) -> None:
        self._draw, self._side, self._skin = draw, side, skin

    def hair_and_shoulders(self) -> None:
        self._oval(0, 1.12, 0.46, 0.30, (66, 84, 108))
        self._oval(0, 0.80, 0.13, 0.16, self._tone(0.78))
        self._oval(0, 0.42, 0.29, 0.33, (58, 42, 33))

    def head(self) -> None:
        for across in (-0.245, 0.245):
            self._oval(across, 0.50, 0.035, 0.065, self._tone(0.88))
        self._oval(0, 0.50, 0.24, 0.315, self._skin)
        for across in (-0.13, 0.13):
            self._oval(across, 0.44, 0.07, 0.04, self._tone(0.84))
            self._oval(across, 0.57, 0.06, 0.045, self._tone(1.04))
        self._oval(0, 0.535, 0.035, 0.075, self._tone(0.94))
        self._oval(0, 0.76, 0.10, 0.02, self._tone(0.9))

    def eyes(self, brows: float, wide: bool) -> None:
        for way in (-1, 1):
            height = 0.032 if wide else 0.022
            self._oval(way * 0.105, 0.455, 0.048, height + 0.006, self._tone(0.55))
            self._oval(way * 0.105, 0.458, 0.045, height, (240, 238, 234))
            self._oval(way * 0.105, 0.457, 0.022, min(height, 0.024), (70, 48, 34))
            self._oval(way * 0.105, 0.457, 0.011, 0.012, (14, 12, 12))
            self._oval(way * 0.105 + 0.007, 0.45, 0.005, 0.005, (252, 252, 252))
            rise = 0.03 if wide else 0.0
            outer, inner = (way * 0.165, 0.405 - rise), (way * 0.05, 0.4 - rise - brows)
            middle = (way * 0.115, (outer[1] + inner[1]) / 2 - 0.018)
            self._line([outer, middle, inner], 0.02, (52, 38, 30))

    def nose(self) -> None:
        self._line([(-0.022, 0.46), (-0.03, 0.55), (-0.042, 0.58)], 0.008, self._tone(0.8))
        self._oval(0, 0.585, 0.046, 0.02, self._tone(0.82))
        self._oval(0, 0.57, 0.028, 0.02, self._tone(1.03))
        for way in (-1, 1):
            self._oval(way * 0.022, 0.592, 0.012, 0.007, self._tone(0.42))

    def mouth(self, corners: float, opening: float) -> None:
        lips, inside, teeth = self._mixed(self._skin, (164, 72, 70), 0.6), (74, 30, 30), (238, 234, 226)
        if opening == 1:
            self._oval(0, 0.695, 0.062, 0.068, lips)
            self._oval(0, 0.695, 0.046, 0.052, inside)
            self._oval(0, 0.657, 0.03, 0.01, teeth)
            return
        half = 0.09 + 0.03 * opening
        arch = [(half * x, 1 - x * x) for x in np.linspace(-1, 1, 33).tolist()]
        upper = [(x, 0.675 - 0.5 * corners + corners * rise) for x, rise in arch]
        drop = 0.022 + 0.05 * opening
        self._shape(_between(upper, arch, -0.016, drop), lips)
        if opening:
            self._shape(_between(upper, arch, 0, drop - 0.014), inside)
            self._shape(_between(upper, arch, 0, 0.45 * drop), teeth)
        else:
            self._line(upper, 0.008, self._tone(0.4))
        self._oval(0, 0.71 + 0.5 * corners + drop, 0.05, 0.008, self._tone(0.86))

    def _oval(self, x: float, y: float, across: float, down: float, colour: Colour) -> None:
        x += 0.5
        edges = (x - across, y - down, x + across, y + down)
        self._draw.ellipse([round(edge * self._side) for edge in edges], fill=colour)

    def _line(self, points: list[Point], width: float, colour: Colour) -> None:
        self._draw.line(self._pixels(points), fill=colour, width=max(1, round(width * self._side)), joint="curve")

    def _shape(self, points: list[Point], colour: Colour) -> None:
        self._draw.polygon(self._pixels(points), fill=colour)

    def _pixels(self, points: list[Point]) -> list[tuple[int, int]]:
        return [(round((x + 0.5) * self._side), round(y * self._side)) for x, y in points]

    def _tone(self, brightness: float) -> Colour:
        """The skin, darker or brighter."""
        return self._mixed(self._skin, (0, 0, 0) if brightness < 1 else (255, 255, 255), abs(1 - brightness))

    @staticmethod
    def _mixed(one: Colour, other: Colour, share: float) -> Colour:
        red, green, blue = (round((1 - share) * a + share * b) for a, b in zip(one, other, strict=True))
        return red, green, blue


def _between(upper: list[Point], arch: list[Point], first: float, last: float) -> list[Point]:
    """The outline between two arches that hang below a line, by their depth in the middle."""
    top = [(x, y + first * rise) for (x, y), (_, rise) in zip(upper, arch, strict=True)]
    bottom = [(x, y + last * rise) for (x, y), (_, rise) in zip(upper, arch, strict=True)]
    return top + bottom[::-1]


def _light(picture: Image) -> None:
    """Light from the upper left, in place: the lower right corner is a quarter darker."""
    from PIL import Image

    along = np.arange(picture.width)
    shade = (64 * (along[None, :] + 2 * along[:, None]) // (3 * picture.width)).astype(np.uint8)
    picture.paste((20, 18, 24), (0, 0), Image.fromarray(shade))
