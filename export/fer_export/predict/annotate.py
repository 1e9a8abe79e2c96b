"""The annotated picture: the photo with its faces framed, and one card per face with its emotion and bars.

The photo is shown between 720 and 1600 pixels long, so that words are readable on any size; the cards stand to its
right, or below it where there are many. A card shows the grey face as the network gets it.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont, ImageFont

    from .results import Prediction

Colour = tuple[int, int, int]

SHORTEST, LONGEST = 720, 1600
PAPER, _CARD, _INK, _FAINT = (246, 246, 243), (255, 255, 255), (34, 36, 40), (112, 116, 122)
BAR, _TROUGH = (196, 199, 204), (238, 239, 240)
_COLOURS: dict[str, Colour] = {
    "angry": (201, 60, 70),
    "disgust": (94, 140, 70),
    "fear": (122, 88, 168),
    "happy": (238, 168, 18),
    "sad": (52, 116, 166),
    "surprise": (226, 106, 48),
    "neutral": (106, 116, 128),
    "contempt": (150, 108, 80),
}
_OTHERS: tuple[Colour, ...] = ((0, 130, 132), (178, 74, 130), (112, 128, 30), (70, 84, 190))

_GAP = 24
"""Around the photo; half of it between cards."""

_CARD_WIDTH, _CARD_SCALES = 372, (1.5, 1.25, 1.0)
"""A card's least width in its own units, and their sizes in pixels: the largest with which all stand in one column."""

_PAD, _HEAD, ROW, MOST_ROWS = 14, 32, 19, 7
"""In a card: its margin, the height of its title and of a bar; so many bars are as high as the face."""

_NARROWEST = 64
"""Least width of a framed face in pixels at which its emotion is written beside the frame."""


def annotated(photo: NDArray[np.uint8], predictions: Sequence[Prediction]) -> bytes:
    """A PNG of the photo uint8 [H, W, 3] with its faces, or with the text "no face found"."""
    from PIL import Image

    picture = _shown(Image.fromarray(photo))
    scale = picture.width / photo.shape[1], picture.height / photo.shape[0]
    layer = _Layer(picture.size)
    numbered = len(predictions) > 1
    # The smallest last: a small face before a large one stays visible.
    for number, prediction in enumerate(predictions, 1):
        _frame(layer, prediction, scale, f"{number}" if numbered else "")
    if not predictions:
        layer.pill("no face found", (_GAP, _GAP), 22, (60, 64, 70))
    layer.paste_on(picture)

    buffer = io.BytesIO()
    _sheet(picture, predictions).save(buffer, format="PNG")
    return buffer.getvalue()


def framed(photo: NDArray[np.uint8], predictions: Sequence[Prediction], numbers: Sequence[int]) -> NDArray[np.uint8]:
    """The photo uint8 [H, W, 3] at its own size, each face framed with its number and emotion."""
    from PIL import Image

    picture = Image.fromarray(photo)
    layer = _Layer(picture.size)
    for prediction, number in zip(predictions, numbers, strict=True):
        _frame(layer, prediction, (1.0, 1.0), f"{number}")
    layer.paste_on(picture)
    return np.asarray(picture)


def colour_of(emotion: str, labels: Sequence[str]) -> Colour:
    """The colour of an emotion; unusual names share the other colours in turn."""
    return _COLOURS.get(emotion) or _OTHERS[list(labels).index(emotion) % len(_OTHERS)]


def _shown(photo: Image) -> Image:
    """The photo at a size at which words beside it can be read."""
    from PIL import Image

    longer = max(photo.size)
    wanted = min(max(longer, SHORTEST), LONGEST)
    width, height = (max(1, round(side * wanted / longer)) for side in photo.size)
    if (width, height) == photo.size:
        return photo.copy()
    return photo.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)


def _sheet(picture: Image, predictions: Sequence[Prediction]) -> Image:
    """Photo and cards on one page."""
    from PIL import Image

    if not predictions:
        return picture
    count, between = len(predictions), _GAP // 2
    rows = max(len(each.labels) for each in predictions)
    fitting = [s for s in _CARD_SCALES if count * (round(s * _card_height(rows)) + between) <= picture.height + between]
    scale = fitting[0] if fitting else _CARD_SCALES[-1]
    width, height = round(scale * _CARD_WIDTH), round(scale * _card_height(rows))
    if fitting or picture.height > picture.width:
        in_column = max(1, (picture.height + between) // (height + between))
        left, top = picture.width + 2 * _GAP, _GAP
        cells = [divmod(i, in_column) for i in range(count)]
    else:
        in_row = max(1, (picture.width + between) // (width + between))
        width = (picture.width + between) // in_row - between
        left, top = _GAP, picture.height + 2 * _GAP
        cells = [(i % in_row, i // in_row) for i in range(count)]
    places = [(left + column * (width + between), top + row * (height + between)) for column, row in cells]
    right = max(picture.width + _GAP, max(x for x, _ in places) + width)
    bottom = max(picture.height + _GAP, max(y for _, y in places) + height)
    sheet = Image.new("RGB", (right + _GAP, bottom + _GAP), PAPER)
    sheet.paste(picture, (_GAP, _GAP))
    for number, (prediction, place) in enumerate(zip(predictions, places, strict=True), 1):
        sheet.paste(_card(prediction, f"{number}" if count > 1 else "", (width, height), scale), place)
    return sheet


def _frame(layer: _Layer, prediction: Prediction, scale: tuple[float, float], number: str) -> None:
    """The box of a face, and its number and emotion: above it, else below it, else in it."""
    box, colour = prediction.face.box, colour_of(prediction.emotion, prediction.labels)
    left, right = box.left * scale[0], box.right * scale[0]
    top, bottom = box.top * scale[1], box.bottom * scale[1]
    side = min(right - left, bottom - top)
    line, edge = max(2.0, min(5.0, side / 40)), 1.5
    around = (left - edge, top - edge, right + edge, bottom + edge)
    layer.rectangle(around, 0.07 * side + edge, (20, 20, 20, 110), line + 2 * edge)
    layer.rectangle((left, top, right, bottom), 0.07 * side, (*colour, 255), line)
    words = f"{number} {prediction.emotion}".strip() if side >= _NARROWEST or not number else number
    size = int(max(14, min(26, side / 8)))
    height = layer.pill_size(words, size)[1]
    above, below = top - height - 4, bottom + line + 4
    free = [each for each in (above, below) if 0 <= each <= layer.height - height]
    layer.pill(words, (left - edge, free[0] if free else max(top, 0) + line + 4), size, colour)


def _card_height(labels: int) -> int:
    return 2 * _PAD + _HEAD + ROW * max(labels, MOST_ROWS)


def _card(prediction: Prediction, number: str, size: tuple[int, int], scale: float) -> Image:
    """What the network saw, the emotion, and a bar for every label in the order of the outputs."""
    from PIL import Image

    labels, colour = prediction.labels, colour_of(prediction.emotion, prediction.labels)
    layer = _Layer(size, scale)
    width, height = size[0] / scale, size[1] / scale
    layer.rectangle((0, 0, width, height), 10, (*_CARD, 255))
    layer.pill(f"{number} {prediction.emotion}".strip(), (_PAD, _PAD - 4), 17, colour)
    layer.text(f"{100 * prediction.probability:.0f} %", (width - _PAD, _PAD + 9), 19, _INK, "rm")
    face = ROW * MOST_ROWS
    across = face + 2 * _PAD
    widest = min(100, max(layer.width(label, 13) for label in labels))
    start = across + widest + 8
    room = width - _PAD - 42 - start
    for row, (label, probability) in enumerate(zip(labels, prediction.probabilities.tolist(), strict=True)):
        middle = _PAD + _HEAD + ROW * (row + 0.5)
        likeliest = label == prediction.emotion
        ink, shade = (_INK, colour) if likeliest else (_FAINT, BAR)
        layer.text(layer.cut(label, 13, widest), (across, middle), 13, ink, "lm")
        layer.rectangle((start, middle - 5, start + room, middle + 5), 3, (*_TROUGH, 255))
        layer.rectangle((start, middle - 5, start + max(1, room * probability), middle + 5), 3, (*shade, 255))
        layer.text(f"{100 * probability:.0f} %", (width - _PAD, middle), 13, ink, "rm")
    card = Image.new("RGB", size, PAPER)
    layer.paste_on(card)
    side = round(scale * face)
    seen = Image.fromarray(prediction.gray[..., 0]).resize((side, side), Image.Resampling.BICUBIC)
    card.paste(seen.convert("RGB"), (round(scale * _PAD), round(scale * (_PAD + _HEAD))))
    return card


class _Layer:
    """A transparent sheet over a picture of `size` pixels; coordinates and font sizes count `scale` pixels each.

    It is drawn at twice its size and shrunk, so that curves and words are smooth.
    """

    def __init__(self, size: tuple[int, int], scale: float = 1.0) -> None:
        from PIL import Image, ImageDraw

        self._size, self._factor = size, 2 * scale
        self._sheet = Image.new("RGBA", (2 * size[0], 2 * size[1]), (0, 0, 0, 0))
        self._draw = ImageDraw.Draw(self._sheet)

    @property
    def height(self) -> float:
        return 2 * self._size[1] / self._factor

    def rectangle(
        self, edges: tuple[float, float, float, float], radius: float, colour: tuple[int, ...], line: float = 0.0
    ) -> None:
        """A filled rectangle, or an outline where `line` is above 0."""
        left, top, right, bottom = (self._factor * edge for edge in edges)
        corners = (left, top, max(left, right - 1), max(top, bottom - 1))
        radius = min(self._factor * radius, (corners[2] - left) / 2, (corners[3] - top) / 2)
        if line:
            self._draw.rounded_rectangle(corners, radius, outline=colour, width=max(1, round(self._factor * line)))
        else:
            self._draw.rounded_rectangle(corners, radius, fill=colour)

    def text(self, words: str, place: tuple[float, float], size: int, colour: Colour, anchor: str) -> None:
        x, y = (self._factor * each for each in place)
        self._draw.text((x, y), words, (*colour, 255), self._font(size), anchor)

    def width(self, words: str, size: int) -> int:
        return math.ceil(self._draw.textlength(words, self._font(size)) / self._factor)

    def cut(self, words: str, size: int, room: int) -> str:
        """The words, shortened to fit the width."""
        if self.width(words, size) <= room:
            return words
        while words and self.width(words + "...", size) > room:
            words = words[:-1]
        return words + "..."

    def pill_size(self, words: str, size: int) -> tuple[int, int]:
        return self.width(words, size) + size, round(1.5 * size)

    def pill(self, words: str, place: tuple[float, float], size: int, colour: Colour) -> None:
        """Words on a coloured ground, moved inside the sheet."""
        width, height = self.pill_size(words, size)
        most = 2 * self._size[0] / self._factor - width
        left, top = max(0.0, min(place[0], most)), max(0.0, min(place[1], self.height - height))
        self.rectangle((left, top, left + width, top + height), 0.3 * height, (*colour, 255))
        bright = (299 * colour[0] + 587 * colour[1] + 114 * colour[2]) / 1000 > 150
        self.text(words, (left + width / 2, top + height / 2), size, _INK if bright else _CARD, "mm")

    def paste_on(self, picture: Image) -> None:
        from PIL import Image

        # resize, unlike reduce, weighs colours by their alpha.
        layer = self._sheet.resize(self._size, Image.Resampling.BOX)
        picture.paste(layer, (0, 0), layer)

    def _font(self, size: int) -> FreeTypeFont | ImageFont:
        return _font(round(self._factor * size))


@cache
def _font(pixels: int) -> FreeTypeFont | ImageFont:
    from PIL import ImageFont

    return ImageFont.load_default(pixels)
