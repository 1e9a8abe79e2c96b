"""Rounded weights lie on the int8 grid and cost less than the nearest ones."""

import numpy as np
import pytest

from fer_export.network.rounding import STEPS, nearest, rounded_channels, rounded_to_steps


def in_steps(filters):
    """Weights [filters, inputs] in steps of each filter's largest."""
    return filters / np.abs(filters).max(axis=1, keepdims=True) * STEPS


def alike(inputs, seed):
    """Patches [2000, inputs] whose values rise and fall together, as neighbouring pixels do."""
    rng = np.random.default_rng(seed)
    return np.abs(rng.normal(size=(2000, 1)) + 0.2 * rng.normal(size=(2000, inputs)))


@pytest.mark.parametrize("inputs", [9, 27, 144])
def test_steps_are_whole_the_largest_stays_and_the_output_is_closer_than_nearest(inputs):
    filters = np.random.default_rng(inputs).normal(size=(12, inputs))
    patches = alike(inputs, inputs)
    rounded = rounded_to_steps(filters, patches)
    assert in_steps(rounded) == pytest.approx(np.rint(in_steps(rounded)), abs=1e-9)
    rows, largest = np.arange(12), np.abs(filters).argmax(axis=1)
    assert rounded[rows, largest] == pytest.approx(filters[rows, largest], rel=1e-12)
    assert np.abs(rounded).max(axis=1) == pytest.approx(np.abs(filters).max(axis=1), rel=1e-12)
    cost = ((patches @ (rounded - filters).T) ** 2).mean()
    assert cost < 0.5 * ((patches @ (nearest(filters) - filters).T) ** 2).mean()


def test_unrelated_inputs_are_rounded_to_the_nearest_step():
    filters = np.random.default_rng(0).normal(size=(5, 8))
    assert rounded_to_steps(filters, np.eye(8)) == pytest.approx(nearest(filters), abs=1e-12)


def test_zero_filters_and_dark_inputs_are_kept_and_finite():
    filters = np.random.default_rng(0).normal(size=(3, 9))
    filters[1] = 0
    patches = alike(9, 0)
    patches[:, 4] = 0
    for seen in (patches, np.zeros_like(patches)):
        rounded = rounded_to_steps(filters, seen)
        assert (rounded[1] == 0).all()
        assert np.isfinite(rounded).all()
        assert np.abs(rounded - filters).max() < 0.2


def test_channels_are_rounded_each_by_itself_as_filters_are():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(4, 2, 9))
    seen = np.stack([alike(9, seed) for seed in range(4)])
    squares = seen.transpose(0, 2, 1) @ seen / seen.shape[1]
    rounded = rounded_channels(weights, squares)
    for channel in range(4):
        expected = rounded_to_steps(weights[channel], seen[channel])
        assert rounded[channel] == pytest.approx(expected, abs=1e-6)


def test_channels_of_zeros_stay_and_are_finite():
    rounded = rounded_channels(np.zeros((2, 1, 9)), np.zeros((2, 9, 9)))
    assert (rounded == 0).all()
