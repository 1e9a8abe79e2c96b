"""Weights fitted to int8: on the grid, and closer to the float network than the nearest weights are."""

import keras
import numpy as np
import pytest
from keras import layers

from fer_export.network import fitting, ranges
from fer_export.network.fitting import fit, patches_of
from fer_export.network.rounding import MOST_INPUTS, STEPS, nearest
from helpers.networks import answers, classifier, grey, scaled, weights


def in_steps(filters):
    """Weights [filters, inputs] in steps of each filter's largest."""
    return filters / np.abs(filters).max(axis=1, keepdims=True) * STEPS


def by_filter(kernel):
    """[filters, inputs] of a kernel whose filters vary fastest."""
    return kernel.reshape(-1, kernel.shape[-1]).T.astype("float64")


def depthwise_filters(kernel):
    """[channels * multiplier, places] of a depthwise kernel."""
    return kernel.reshape(kernel.shape[0] * kernel.shape[1], -1).T.astype("float64")


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


def with_layer(layer):
    def body(x):
        x = layers.Conv2D(3, 3, activation="relu")(x)
        return layer(x)

    return classifier(body)


def seen_by(network, layer, kernel, images):
    before = answers(keras.Model(network.inputs[0], layer.input), images)
    return patches_of(layer, kernel, [before[:3], before[3:]])


@pytest.mark.parametrize("options", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_patches_are_what_the_kernel_sees(options):
    network = with_layer(layers.Conv2D(4, **{"kernel_size": 3, "name": "judged", "use_bias": False, **options}))
    images, layer = scaled(grey(5)), network.get_layer("judged")
    expected = answers(keras.Model(network.inputs[0], layer.output), images)
    seen = seen_by(network, layer, layer.get_weights()[0], images)
    assert seen @ by_filter(layer.get_weights()[0]).T == pytest.approx(expected.reshape(-1, 4), abs=1e-5)


@pytest.mark.parametrize("options", [{}, {"padding": "same"}, {"strides": 2}], ids=["valid", "same", "strided"])
def test_patches_of_a_depthwise_kernel_are_by_channel(options):
    network = with_layer(layers.DepthwiseConv2D(3, name="judged", use_bias=False, **options))
    images, layer = scaled(grey(5)), network.get_layer("judged")
    expected = answers(keras.Model(network.inputs[0], layer.output), images)
    kernel = layer.get_weights()[0]
    seen = seen_by(network, layer, kernel, images).reshape(-1, 3, 9)
    given = np.einsum("nck,ck->nc", seen, depthwise_filters(kernel))
    assert given == pytest.approx(expected.reshape(-1, 3), abs=1e-5)


LAYERS = {
    "convolution": (lambda: layers.Conv2D(8, 3, name="judged"), [by_filter]),
    "pointwise": (lambda: layers.Conv2D(8, 1, name="judged"), [by_filter]),
    "depthwise": (lambda: layers.DepthwiseConv2D(3, name="judged"), [depthwise_filters]),
    "depthwise, two a channel": (
        lambda: layers.DepthwiseConv2D(3, depth_multiplier=2, name="judged"),
        [depthwise_filters],
    ),
    "separable": (lambda: layers.SeparableConv2D(8, 3, name="judged"), [depthwise_filters, by_filter]),
}


@pytest.mark.parametrize(("make", "views"), LAYERS.values(), ids=LAYERS)
def test_weights_lie_on_the_grid(make, views):
    network = with_layer(make())
    assert fit(network, scaled(grey(40)))
    for kernel, view in zip(network.get_layer("judged").get_weights(), views, strict=False):
        steps = in_steps(view(kernel))
        assert steps == pytest.approx(np.rint(steps), abs=1e-3)


def coarse(network, images, fitted):
    """Mean squared difference of the judged layer's output from `fitted`'s, its float form."""
    outputs = [answers(keras.Model(each.inputs[0], each.get_layer("judged").output), images) for each in fitted]
    return float(((outputs[0] - outputs[1]) ** 2).mean())


def rounded_one_by_one(network, views):
    """A copy with the judged layer's weights each at its nearest step."""
    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    for layer in copy.layers:
        if layer.name not in ("conv2d", "judged") and "conv2d" not in layer.name:
            continue
        found = layer.get_weights()
        inverse = views if layer.name == "judged" else [by_filter]
        for i, view in enumerate(inverse):
            filters = nearest(view(found[i]))
            found[i] = filters.T.reshape(found[i].shape).astype("float32")
        layer.set_weights(found)
    return copy


@pytest.mark.parametrize(("make", "views"), LAYERS.values(), ids=LAYERS)
def test_a_layer_is_closer_than_with_its_nearest_weights(make, views):
    network, images = with_layer(make()), scaled(grey(40))
    before = keras.models.clone_model(network)
    before.set_weights(network.get_weights())
    plain = rounded_one_by_one(network, views)
    assert fit(network, images) == 3  # the dense layer's bias counts
    assert coarse(network, images, (network, before)) < coarse(network, images, (plain, before))


def test_the_mean_error_goes_into_the_bias():
    network, images = with_layer(layers.Conv2D(8, 3, name="judged")), scaled(grey(40))
    expected = answers(keras.Model(network.inputs[0], network.get_layer("judged").output), images)
    fit(network, images)
    given = answers(keras.Model(network.inputs[0], network.get_layer("judged").output), images)
    assert np.abs((given - expected).mean(axis=(0, 1, 2))).max() < 0.02 * np.abs(expected).mean()


def test_layers_in_a_nested_network_are_fitted():
    inner = keras.Sequential([keras.Input((14, 14, 3)), layers.Conv2D(4, 3, name="inside")], name="backbone")
    network = with_layer(inner)
    before = weights(inner.get_layer("inside"))[0]
    fit(network, scaled(grey(10)))
    after = inner.get_layer("inside").get_weights()[0]
    assert (after != before).any()
    assert in_steps(by_filter(after)) == pytest.approx(np.rint(in_steps(by_filter(after))), abs=1e-3)


def test_grouped_shared_and_wide_kernels_keep_their_weights():
    def body(x):
        x = layers.Conv2D(MOST_INPUTS // 9 + 1, 3, name="first")(x)
        x = layers.Conv2D(4, 3, name="wide")(x)
        both = layers.Conv2D(4, 3, padding="same", name="both")
        x = layers.Concatenate()([both(x), both(layers.ReLU()(x))])
        return layers.Conv2D(4, 3, groups=2, name="grouped")(x)

    network = classifier(body)
    before = {layer.name: weights(layer)[0] for layer in network.layers if layer.weights}
    fit(network, scaled(grey(3)))
    unchanged = {name for name, kernel in before.items() if (network.get_layer(name).get_weights()[0] == kernel).all()}
    assert {"wide", "both", "grouped"} <= unchanged
    assert "first" not in unchanged


def test_the_fitted_network_stays_close():
    network = classifier(lambda x: layers.Conv2D(4, 3, activation="relu")(layers.Conv2D(4, 3, activation="relu")(x)))
    images = scaled(grey(40))
    expected = answers(network, images)
    assert fit(network, images)
    difference = np.abs(answers(network, images) - expected).max()
    assert 0 < difference < 0.03


def test_kernels_are_only_rounded_where_that_gives_closer_answers(monkeypatch):
    """Where making up for the layers before does harm, as to a depthwise kernel here, rounding alone stays."""
    images = scaled(grey(40))
    network, alone = (with_layer(layers.DepthwiseConv2D(3, name="judged")) for _ in range(2))
    alone.set_weights(network.get_weights())
    assert fit(alone, images, compensated=False) > 0
    monkeypatch.setattr(fitting, "rounded_channels", lambda weights, squares: 1.5 * weights)
    assert fit(network, images) > 0
    assert all((ours == only).all() for ours, only in zip(network.get_weights(), alone.get_weights(), strict=True))


def test_a_network_with_two_answers_one_of_which_is_read_on():
    inputs = keras.Input((16, 16, 1))
    x = layers.DepthwiseConv2D(3, activation="relu")(layers.Conv2D(4, 3)(inputs))
    first = layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    network = keras.Model(inputs, [first, layers.Dense(2, activation="softmax")(first)])
    assert fit(network, scaled(grey(20))) > 0


def test_activations_of_more_than_8_bits_are_not_made_up_for():
    network = classifier(lambda x: layers.DepthwiseConv2D(3)(layers.Conv2D(8, 3, activation="relu")(x)))
    images = scaled(grey(40))
    expected, weights = answers(network, images), network.get_weights()
    errors = []
    for fine in (True, False):
        network.set_weights(weights)
        fit(network, images, fine_activations=fine)
        errors.append(np.abs(answers(network, images) - expected).mean())
    assert errors[0] < errors[1]


def grid_error(values, limits):
    return float(((ranges.on_grid(values, *limits) - values) ** 2).mean())


def test_a_range_gives_up_rare_extremes_for_finer_steps():
    rng = np.random.default_rng(0)
    values = np.append(np.abs(rng.normal(size=500_000)), 15).astype("float32")
    low, high = ranges.best_range(values)
    assert low == 0
    assert high < values.max()
    assert grid_error(values, (low, high)) < 0.9 * grid_error(values, (0, values.max()))


def test_a_range_without_rare_extremes_is_kept_and_holds_zero():
    values = np.linspace(2, 5, 1000, dtype="float32")
    assert ranges.best_range(values) == pytest.approx((0, 5))
    assert ranges.best_range(-values) == pytest.approx((-5, 0))
    assert ranges.best_range(np.zeros(5, "float32")) == (0, 0)
