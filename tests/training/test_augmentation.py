import numpy as np
import pytest

from fer_export.training.methods.augmentation import RandomAffine, RandomPhotometric, mixed
from fer_export.training.recipe import Affine, Photometric

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


def test_contrast_and_brightness_stay_in_their_range():
    pixels = np.full((200, 48, 48, 1), 0.5, np.float32)
    pixels[:, ::2] = 0.6
    changed = np.asarray(RandomPhotometric(Photometric(0.3, 0.1, 0.0), 1)(pixels, training=True))
    spread = (changed[:, 0, 0, 0] - changed[:, 1, 0, 0]) / 0.1
    assert 0.7 - 1e-4 <= spread.min() < 0.8
    assert 1.2 < spread.max() <= 1.3 + 1e-4
    shift = changed.mean(axis=(1, 2, 3)) - 0.55
    assert -0.1 - 1e-4 <= shift.min() < -0.08
    assert 0.08 < shift.max() <= 0.1 + 1e-4
    assert (np.asarray(RandomPhotometric(Photometric(0.3, 0.1, 0.5), 1)(pixels)) == pixels).all()


def test_erasing_covers_a_rectangle_of_its_share_of_the_faces():
    pixels = np.full((300, 48, 48, 1), 2.0, np.float32)
    layer = RandomPhotometric(Photometric(0.0, 0.0, 0.5), 1)
    # Clipped to 1 outside; the noise inside lies below.
    changed = np.asarray(layer(pixels, training=True))[..., 0]
    erased = changed < 1.0
    touched = erased.any(axis=(1, 2))
    assert 120 < touched.sum() < 180
    for face in erased[touched]:
        rows, columns = np.flatnonzero(face.any(axis=1)), np.flatnonzero(face.any(axis=0))
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert 5 <= height <= 25
        assert 5 <= width <= 25
        assert face.sum() == height * width


def test_targets_and_pixels_are_mixed_in_the_same_parts():
    """Each face is of one grey level that is its number, so the mixture names both faces and their parts."""
    count = 200
    images = np.repeat(np.arange(count, dtype=np.uint8), 16).reshape(count, 4, 4, 1)
    blended, targets = mixed(images, np.eye(count, dtype=np.float32), 0.4, np.random.default_rng(1))
    assert (blended.dtype, targets.dtype) == (np.uint8, np.float32)
    np.testing.assert_allclose(targets.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(blended[:, 0, 0, 0], targets @ np.arange(count), atol=0.51)
    assert (targets[np.arange(count), np.arange(count)] >= 0.5).all()
    others = targets - np.diag(np.diag(targets))
    assert ((others > 0).sum(axis=0) <= 1).all()
    assert (others > 0.05).sum() > count / 5
    assert (np.ptp(blended, axis=(1, 2)) == 0).all()


def test_a_small_alpha_leaves_most_faces_as_they_are():
    targets = [
        mixed(np.zeros((500, 2, 2, 1), np.uint8), np.eye(500, dtype=np.float32), alpha, np.random.default_rng(2))[1]
        for alpha in (0.05, 1.0)
    ]
    sure, mixed_up = (np.mean(np.diag(found) > 0.95) for found in targets)
    assert sure > 0.7 > 0.3 > mixed_up
