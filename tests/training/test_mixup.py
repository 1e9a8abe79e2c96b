"""Faces laid over one another, their targets in the same parts."""

import numpy as np

from fer_export.training.methods.mixup import mixed


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
