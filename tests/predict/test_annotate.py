"""The annotated picture: nothing runs off it, whatever the photo's size and the number of faces."""

import io

import numpy as np
import pytest
from PIL import Image

from fer_export.dataset.emotions import FER2013
from fer_export.photo.crop import Box, Square
from fer_export.photo.merging import Face
from fer_export.predict import annotate
from fer_export.predict.annotate import LONGEST, SHORTEST, annotated, colour_of
from fer_export.predict.results import Prediction


def prediction(box, emotion="happy", labels=FER2013):
    shares = np.full(len(labels), 0.02, np.float32)
    shares[labels.index(emotion)] = 1 - 0.02 * (len(labels) - 1)
    gray = np.full((48, 48, 1), 90, np.uint8)
    return Prediction(Face(Box(*box), 0.9, "x.tflite"), Square(0, 0, 1), gray, shares, labels)


def picture(photo, predictions):
    return np.asarray(Image.open(io.BytesIO(annotated(photo, predictions))))


def photo_of(width, height):
    return np.full((height, width, 3), (10, 20, 30), np.uint8)


def where(pixels, colour):
    return np.argwhere((pixels == np.array(colour)).all(axis=-1))


def test_the_box_has_the_emotions_colour_and_stands_where_the_face_is():
    pixels = picture(photo_of(1000, 800), [prediction((300, 200, 500, 400), "sad")])
    colour = where(pixels[:, :1000], colour_of("sad", FER2013))
    # The photo begins 24 pixels from the corner; the label stands above the box.
    assert abs(colour[:, 1].min() - 324) <= 3
    assert abs(colour[:, 1].max() - 523) <= 3
    assert abs(colour[:, 0].max() - 423) <= 3
    assert 24 + 150 < colour[:, 0].min() < 24 + 200


def test_bars_are_as_long_as_the_probabilities():
    pixels = picture(photo_of(1000, 800), [prediction((300, 200, 500, 400), "sad")])
    card = pixels[:, 1030:]
    sad, others = where(card, colour_of("sad", FER2013)), where(card, annotate.BAR)
    row = sad[:, 0] == sad[:, 0].max() - 5
    others_row = others[:, 0] == others[:, 0].max() - 5
    ratio = np.ptp(sad[row][:, 1]) / np.ptp(others[others_row][:, 1])
    assert 20 < ratio < 80  # 0.88 / 0.02 = 44, and the short bar is a few pixels long


@pytest.mark.parametrize("size", [(1, 1), (3, 3000), (3000, 3), (48, 48), (5000, 3000), (640, 480)])
def test_any_size_of_photo(size):
    width, height = size
    box = (width // 4, height // 4, max(1, width // 2), max(1, height // 2))
    pixels = picture(photo_of(*size), [prediction(box)])
    longer = max(pixels.shape[:2])
    assert SHORTEST <= longer <= LONGEST + 700
    assert pixels.shape[2] == 3


@pytest.mark.parametrize("box", [(0, 0, 60, 60), (-30, -30, 30, 30), (740, 540, 830, 640), (-50, -50, 900, 700)])
def test_labels_stay_inside_the_photo(box):
    """A label is an area of its emotion's colour; all of it is found inside the photo."""
    pixels = picture(photo_of(800, 600), [prediction(box, "surprise")])
    inside = where(pixels[24:624, 24:824], colour_of("surprise", FER2013))
    around = pixels.copy()
    around[24:624, 24:824] = 0
    around[:, 824:] = 0
    assert len(inside) > 500
    assert len(where(around, colour_of("surprise", FER2013))) == 0


@pytest.mark.parametrize("count", [1, 2, 5, 12, 60])
def test_every_face_has_a_card(count):
    boxes = [(10 + 90 * (i % 10), 10 + 90 * (i // 10), 80 + 90 * (i % 10), 80 + 90 * (i // 10)) for i in range(count)]
    pixels = picture(photo_of(920, 560), [prediction(box) for box in boxes])
    seen = len(where(pixels, (90, 90, 90)))
    least = (annotate.ROW * annotate.MOST_ROWS) ** 2
    assert seen >= count * least


def test_many_labels_and_long_names_fit():
    labels = tuple(f"an emotion of a very long name {i}" for i in range(24))
    pixels = picture(photo_of(700, 500), [prediction((100, 100, 300, 300), labels[5], labels)])
    paper = annotate.PAPER
    assert (pixels[:, -12:] == paper).all()
    assert (pixels[-12:] == paper).all()
    assert len({colour_of(label, labels) for label in labels[:4]}) == 4


def test_no_face_is_said_on_the_photo():
    pixels = picture(photo_of(800, 600), [])
    assert pixels.shape == (600, 800, 3)
    assert not np.array_equal(pixels, photo_of(800, 600))


def test_the_same_result_gives_the_same_bytes():
    photo, found = photo_of(300, 200), [prediction((20, 20, 90, 90))]
    assert annotated(photo, found) == annotated(photo, found)


@pytest.mark.parametrize(("top", "bottom", "place"), [(300, 400, "above"), (-20, 300, "below"), (-20, 620, "inside")])
def test_a_label_covers_the_face_only_where_there_is_no_room_beside_it(top, bottom, place):
    pixels = picture(photo_of(800, 600), [prediction((300, top, 450, bottom), "angry")])[24:624, 24:824]
    # The middle of the label is an area of colour, the frame only lines of at most five pixels.
    colour = (pixels == np.array(colour_of("angry", FER2013))).all(axis=-1)
    rows = np.flatnonzero(colour[:, 304:320].sum(axis=1) == 16)
    solid = [row for row in rows if row + 6 in rows]
    middle = np.mean(solid)
    assert {"above": middle < top, "below": middle > bottom, "inside": 0 < middle < 60}[place]
