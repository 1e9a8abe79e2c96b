"""Rounded weights lie on the int8 grid and cost less than the nearest ones."""

import keras
import numpy as np
import pytest
from keras import layers

from fer_export.network import rounding
from fer_export.network.rounding import MOST_INPUTS, STEPS, round_convolutions, rounded_to_steps
from helpers.networks import answers, classifier, grey, scaled, weights


def nearest(filters):
    step = np.abs(filters).max(axis=1, keepdims=True) / STEPS
    return np.rint(filters / step) * step


def in_steps(filters):
    """Weights [filters, inputs] in steps of each filter's largest."""
    return filters / np.abs(filters).max(axis=1, keepdims=True) * STEPS


def by_filter(kernel):
    return kernel.reshape(-1, kernel.shape[-1]).T.astype("float64")


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


CONVOLUTIONS = {
    "valid": {},
    "same": {"padding": "same"},
    "same, strided": {"padding": "same", "strides": 2},
    "valid, strided": {"strides": 3},
    "wide": {"kernel_size": (2, 5), "padding": "same"},
    "dilated": {"padding": "same", "dilation_rate": 2},
    "dilated one way": {"dilation_rate": (1, 3)},
    "pointwise": {"kernel_size": 1},
}


@pytest.mark.parametrize("options", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_patches_are_what_the_kernel_sees(options):
    def body(x):
        x = layers.Conv2D(3, 3, activation="relu")(x)
        return layers.Conv2D(4, **{"kernel_size": 3, "name": "judged", "use_bias": False, **options})(x)

    network, images = classifier(body), scaled(grey(5))
    layer = network.get_layer("judged")
    expected = answers(keras.Model(network.inputs[0], layer.output), images)
    seen = rounding.patches_of(network, layer, images)
    given = seen @ by_filter(layer.get_weights()[0]).T
    assert given == pytest.approx(expected.reshape(-1, 4), abs=1e-5)


@pytest.mark.parametrize("options", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_a_layer_of_a_network_is_closer_than_with_nearest_weights(options):
    def body(x):
        x = layers.Conv2D(3, 3, activation="relu")(x)
        return layers.Conv2D(8, **{"kernel_size": 3, "name": "judged", **options})(x)

    network, images = classifier(body), scaled(grey(20))
    layer = network.get_layer("judged")
    kernel, bias = layer.get_weights()
    seen = rounding.patches_of(network, layer, images)
    assert round_convolutions(network, images) == 2
    given, same_bias = layer.get_weights()
    assert (same_bias == bias).all()
    steps = in_steps(by_filter(given))
    assert steps == pytest.approx(np.rint(steps), abs=1e-4)
    filters = by_filter(kernel)
    cost = ((seen @ (by_filter(given) - filters).T) ** 2).mean()
    assert cost < ((seen @ (nearest(filters) - filters).T) ** 2).mean()


def test_only_small_convolutions_are_touched():
    def body(x):
        x = layers.Conv2D(2, 1, name="one_input")(x)
        x = layers.Conv2D(MOST_INPUTS // 9, 3, name="small")(x)
        x = layers.Conv2D(MOST_INPUTS // 9 + 1, 3, name="most")(x)
        x = layers.Conv2D(4, 3, name="large")(x)
        x = layers.DepthwiseConv2D(3, name="depthwise")(x)
        x = layers.SeparableConv2D(4, 3, name="separable")(x)
        return layers.Conv2D(4, 3, groups=2, name="grouped")(x)

    network = classifier(body)
    before = {layer.name: weights(layer) for layer in network.layers if layer.weights}
    assert round_convolutions(network, scaled(grey(3))) == 2
    changed = {
        name
        for name, old in before.items()
        if any((o != n).any() for o, n in zip(old, network.get_layer(name).get_weights(), strict=True))
    }
    assert changed == {"small", "most"}


def test_a_shared_convolution_is_left_alone():
    def body(x):
        both = layers.Conv2D(1, 3, padding="same", name="both")
        return layers.Concatenate()([both(x), both(layers.ReLU()(x))])

    network = classifier(body)
    assert round_convolutions(network, scaled(grey(3))) == 0


def test_the_rounded_network_stays_close():
    network = classifier(lambda x: layers.Conv2D(4, 3, activation="relu")(layers.Conv2D(4, 3, activation="relu")(x)))
    images = scaled(grey(20))
    expected = answers(network, images)
    round_convolutions(network, images)
    difference = np.abs(answers(network, images) - expected).max()
    assert 0 < difference < 0.02
