import numpy as np
import pytest

from fer_export.augmentation import RandomAffine
from fer_export.recipe import Affine

STILL = Affine(rotation=0.0, zoom=0.0, shift=0.0, shear=0.0, flip=False)


def ramp(count=4, side=48):
    rows, columns = np.mgrid[:side, :side]
    return np.repeat((2 * rows + 3 * columns).astype(np.uint8)[None, ..., None], count, axis=0)


def test_inference_only_scales():
    images = ramp()
    assert np.asarray(RandomAffine(Affine(), 1)(images)) == pytest.approx(images / 255.0, abs=1e-6)


def test_no_ranges_leave_the_picture():
    images = ramp()
    assert np.asarray(RandomAffine(STILL, 1)(images, training=True)) == pytest.approx(images / 255.0, abs=1e-5)


def test_flip_mirrors_about_half_of_the_faces():
    images = ramp(200)
    warped = np.asarray(RandomAffine(Affine(0.0, 0.0, 0.0, 0.0, True), 1)(images, training=True))
    mirrored = images[:, :, ::-1] / 255.0
    is_mirrored = np.abs(warped - mirrored).max(axis=(1, 2, 3)) < 1e-4
    is_kept = np.abs(warped - images / 255.0).max(axis=(1, 2, 3)) < 1e-4
    assert (is_mirrored | is_kept).all()
    assert 70 < is_mirrored.sum() < 130


def test_shift_moves_by_at_most_its_range_and_repeats_the_border():
    images = np.repeat(np.arange(48, dtype=np.uint8)[None, None, :, None], 48, axis=1).repeat(100, axis=0)
    warped = np.asarray(RandomAffine(Affine(0.0, 0.0, 0.2, 0.0, False), 1)(images, training=True)) * 255
    moved = warped[:, 24, 24, 0] - 24
    assert np.abs(moved).max() <= 9.6 + 1e-3
    assert np.abs(moved).max() > 7
    assert warped.min() >= 0
    assert warped.max() <= 47 + 1e-3


def test_the_seed_decides():
    images = ramp(8)
    first, same, other = (np.asarray(RandomAffine(Affine(), seed)(images, training=True)) for seed in (1, 1, 2))
    assert (first == same).all()
    assert (first != other).any()
