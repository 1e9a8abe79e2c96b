"""Crop, grey and area average against Pillow, against their definition in exact fractions, and by hand."""

from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from fer_export.contract.photo import CropRule, GreyRule, contract_for
from fer_export.photo import crop
from fer_export.photo.crop import REACH, Box, Square

PLAIN = CropRule(1000, 0, 0)
RULE = CropRule(1200, 15, -85)
SIZES = np.random.default_rng(7).integers(1, 90, (40, 4)).tolist()


def noise(height, width, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def test_grey_is_pillows():
    levels = np.arange(0, 256, 5, dtype=np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(52, -1, 3)
    for pixels in (colours, colours.reshape(-1, 52, 3), noise(600, 200)):
        assert np.array_equal(crop.grey(pixels, GreyRule()), np.asarray(Image.fromarray(pixels).convert("L")))


@pytest.mark.parametrize(("height", "width", "new_height", "new_width"), SIZES)
def test_area_is_the_rounded_average_of_what_each_pixel_covers(height, width, new_height, new_width):
    """Both enlarged so that every output pixel covers whole pixels; then sums are exact."""
    pixels = noise(height, width, 1, seed=height)
    large = pixels.repeat(new_height, axis=0).repeat(new_width, axis=1)[..., 0].astype(np.int64)
    sums = large.reshape(new_height, height, new_width, width).sum(axis=(1, 3))
    expected = np.floor(sums / (height * width) + 0.5)
    result = crop.area(pixels, new_width, new_height)
    assert result.shape == (new_height, new_width, 1)
    assert np.abs(result[..., 0] - expected).max() == 0


@pytest.mark.parametrize(("height", "width", "new_height", "new_width"), SIZES[:12])
def test_area_is_within_a_level_of_pillow(height, width, new_height, new_width):
    pixels = noise(height, width, seed=width)
    enlarged = Image.fromarray(pixels).resize((width * new_width, height * new_height), Image.Resampling.NEAREST)
    expected = np.asarray(enlarged.resize((new_width, new_height), Image.Resampling.BOX))
    assert np.abs(crop.area(pixels, new_width, new_height).astype(int) - expected).max() <= 1


@pytest.mark.parametrize("times", [1, 2, 3, 7, 31])
def test_area_of_a_whole_ratio_is_within_a_level_of_pillows_box(times):
    pixels = noise(48 * times, 48 * times, seed=times)
    expected = np.asarray(Image.fromarray(pixels).resize((48, 48), Image.Resampling.BOX))
    assert np.abs(crop.area(pixels, 48, 48).astype(int) - expected).max() <= 1
    if times == 1:
        assert np.array_equal(crop.area(pixels, 48, 48), pixels)


def test_area_rounds_a_half_up():
    pixels = np.array([[[0], [1]], [[2], [3]]], np.uint8)
    assert crop.area(pixels, 1, 1).item() == 2  # 6 / 4
    assert crop.area(pixels, 2, 1).ravel().tolist() == [1, 2]
    assert crop.area(pixels[:1], 1, 1).item() == 1  # 1 / 2


def exact_square(box, width, height, rule):
    """The rule once more, in fractions, from the words of the contract."""
    left, top, right, bottom = (min(max(v, -REACH), REACH) for v in (box.left, box.top, box.right, box.bottom))
    longer = max(1, right - left, bottom - top)
    side = min(max(1, int(Fraction(longer * rule.scale, 1000) + Fraction(1, 2))), width, height)
    places = []
    for low, high, shift, length in ((left, right, rule.shift_x, width), (top, bottom, rule.shift_y, height)):
        centre = Fraction(low + high, 2) + Fraction(longer * shift, 1000).__floor__()
        places.append(min(max((centre - Fraction(side, 2)).__floor__(), 0), length - side))
    return Square(*places, side)


def test_squares_lie_inside_and_follow_the_rule():
    rng = np.random.default_rng(2)
    for _ in range(2000):
        width, height = (int(v) for v in rng.integers(1, 400, 2))
        edges = [int(v) for v in rng.integers(-200, 600, 4) * rng.choice([1, 1, 1, 1000])]
        box = Box(*edges)
        found = crop.square(box, width, height, RULE)
        assert found == exact_square(box, width, height, RULE)
        assert 1 <= found.side <= min(width, height)
        assert 0 <= found.left <= width - found.side
        assert 0 <= found.top <= height - found.side


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        (Box(40, 30, 60, 50), Square(40, 30, 20)),
        (Box(40, 30, 60, 40), Square(40, 25, 20)),
        (Box(-10, 30, 10, 50), Square(0, 30, 20)),
        (Box(90, 70, 110, 90), Square(80, 60, 20)),
        (Box(50, 40, 50, 40), Square(49, 39, 1)),
        (Box(60, 50, 40, 30), Square(49, 39, 1)),
        (Box(0, 0, 1000, 1000), Square(20, 0, 80)),
        (Box(500, 500, 520, 520), Square(80, 60, 20)),
        (Box(-(10**9), 0, 10**9, 10), Square(0, 0, 80)),
    ],
)
def test_squares_by_hand(box, expected):
    """In a picture of 100 x 80."""
    assert crop.square(box, 100, 80, PLAIN) == expected


def test_margin_and_shift_by_hand():
    assert crop.square(Box(40, 30, 60, 50), 100, 80, CropRule(1500, 100, -200)) == Square(37, 21, 30)
    # -85 thousandths of 20 are -1.7, and its floor is -2.
    assert crop.square(Box(40, 30, 60, 50), 100, 80, CropRule(1000, 0, -85)) == Square(40, 28, 20)


def test_area_of_a_picture_whose_sum_needs_more_than_32_bits():
    pixels = np.full((2, 9_000_000, 1), 255, np.uint8)
    pixels[:, :3_000_000] = 251
    assert crop.area(pixels, 3, 1).ravel().tolist() == [251, 255, 255]


def test_face_is_square_then_grey_then_area():
    photo = noise(70, 90)
    contract = contract_for(("happy", "sad"), 16)
    box = Box(20, 10, 61, 48)
    found = crop.square(box, 90, 70, contract.crop)
    cut = photo[found.top : found.top + found.side, found.left : found.left + found.side]
    face = crop.face(photo, box, contract)
    assert face.shape == (16, 16, 1)
    assert face.dtype == np.uint8
    assert np.array_equal(face, crop.area(crop.grey(cut, contract.grey)[..., None], 16, 16))


def test_face_of_a_picture_of_one_pixel():
    photo = np.full((1, 1, 3), 200, np.uint8)
    assert (crop.face(photo, Box(0, 0, 1, 1), contract_for(("happy", "sad"), 16)) == 200).all()
