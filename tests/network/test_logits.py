"""Logits as gaps keep the answer and leave int8 a finer grid."""

import keras
import numpy as np
import pytest
from keras import layers

from fer_export.network import logit_gaps
from fer_export.network.logit_gaps import MOST_LABELS, REACH, is_worth_narrowing, narrowed
from helpers.networks import answers, checkpoint_of, grey, randomised, scaled, weights


def body(x):
    return layers.GlobalAveragePooling2D()(layers.Conv2D(8, 3, activation="relu")(x))


def dense_softmax(x):
    return layers.Dense(7, activation="softmax")(x)


def dense_then_activation(x):
    return layers.Activation("softmax")(layers.Dense(7)(x))


def dense_then_softmax(x):
    return layers.Softmax()(layers.Dense(7)(x))


def network_of(head, seed=1):
    """A network with the head after some layers; its logits are spread by some eight units, every class leads."""
    inputs = keras.Input((16, 16, 1))
    features = body(inputs)
    network = randomised(keras.Model(inputs, head(features)), seed)
    seen = answers(keras.Model(inputs, features), scaled(grey(200, seed=5)))
    dense = next(layer for layer in network.layers if isinstance(layer, layers.Dense))
    kernel = np.random.default_rng(seed).normal(0, 3, (8, 7)) / (seen.std(axis=0) + 1e-3)[:, None]
    dense.set_weights([kernel, -(seen.mean(axis=0) @ kernel)] if dense.use_bias else [kernel])
    return network


def no_bias(x):
    return layers.Dense(7, activation="softmax", use_bias=False)(x)


def no_bias_then_softmax(x):
    return layers.Softmax()(layers.Dense(7, use_bias=False)(x))


@pytest.mark.parametrize(
    "head", [dense_softmax, dense_then_activation, dense_then_softmax, no_bias, no_bias_then_softmax]
)
def test_narrowed_keeps_the_answers(head):
    network, images = network_of(head), scaled(grey(200))
    before, expected = weights(network), answers(network, images)
    assert len(set(expected.argmax(axis=1))) > 2
    given = answers(narrowed(network), images)
    assert (given.argmax(axis=1) == expected.argmax(axis=1)).all()
    # Seven labels cut off at exp(-8) of the leader.
    assert np.abs(given - expected).max() < 7 * np.exp(-REACH)
    assert given.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert all((old == new).all() for old, new in zip(before, network.get_weights(), strict=True))


def test_gaps_are_measured_from_the_leader_whatever_the_size_of_the_logits():
    network, images = network_of(dense_then_softmax), scaled(grey(200))
    dense = network.layers[-2]
    kernel, bias = dense.get_weights()
    for factor in (1, 10):
        dense.set_weights([kernel * factor, bias * factor])
        logits = answers(keras.Model(network.inputs[0], dense.output), images)
        given = narrowed(network)
        stored = answers(keras.Model(given.inputs[0], given.get_layer("logit_gaps_flat").output), images)
        gaps = np.minimum(logits.max(axis=1, keepdims=True) - logits, REACH)
        assert stored * REACH / 6 == pytest.approx(gaps, abs=1e-3)


def test_two_sure_emotions_are_told_apart_on_the_int8_grid():
    network, images = network_of(dense_then_softmax), scaled(grey(200))
    dense = network.layers[-2]
    kernel, bias = dense.get_weights()
    # Two emotions far above the others and a little apart: on one grid for all logits they would coincide.
    dense.set_weights([kernel * 0.01, bias * 0.01 + np.array([60, 59.9, 0, -60, 0, 0, 0], "float32")])
    given = narrowed(network)
    stored = answers(keras.Model(given.inputs[0], given.get_layer("logit_gaps_flat").output), images)
    steps = np.rint(stored / (6 / 255))
    assert (steps[:, 0] != steps[:, 1]).mean() > 0.9
    logits = answers(keras.Model(network.inputs[0], dense.output), images)
    whole = np.rint(logits / (np.ptp(logits) / 255))
    assert (whole[:, 0] != whole[:, 1]).mean() < 0.5


def test_a_shift_common_to_all_logits_changes_nothing():
    network = network_of(dense_softmax)
    before = narrowed(network).get_layer("logit_differences").get_weights()
    dense = network.layers[-1]
    kernel, bias = dense.get_weights()
    rows = np.linspace(-1, 1, 8)[:, None]
    dense.set_weights([kernel + rows, bias + 20])
    for old, new in zip(before, narrowed(network).get_layer("logit_differences").get_weights(), strict=True):
        assert new == pytest.approx(old, rel=1e-3, abs=1e-4)


def test_many_labels_are_left_as_they_are():
    inputs = keras.Input((16, 16, 1))
    network = keras.Model(inputs, layers.Dense(MOST_LABELS + 1, activation="softmax")(body(inputs)))
    assert narrowed(network) is network


def test_logits_with_an_added_softmax_are_narrowed(tmp_path):
    checkpoint = checkpoint_of(network_of(lambda x: layers.Dense(7)(x)), tmp_path)
    assert checkpoint.softmax_added
    images = grey(100)
    given = narrowed(checkpoint.network)
    assert given is not checkpoint.network
    same = answers(given, scaled(images)).argmax(axis=1) == checkpoint.predict(images).argmax(axis=1)
    assert same.mean() >= 0.99


def average_then_softmax(x):
    return layers.Softmax()(layers.Dense(7, activation="relu")(x))


def sigmoids(x):
    return layers.Dense(7, activation="sigmoid")(x)


@pytest.mark.parametrize("head", [average_then_softmax, sigmoids])
def test_other_endings_are_returned_as_they_are(head):
    network = network_of(head)
    assert narrowed(network) is network


def test_an_average_of_maps_before_softmax_is_returned_as_it_is():
    inputs = keras.Input((16, 16, 1))
    network = keras.Model(inputs, layers.Softmax()(layers.GlobalAveragePooling2D()(layers.Conv2D(7, 3)(inputs))))
    assert narrowed(network) is network


def test_a_nested_network_at_the_end_is_returned_as_it_is():
    inputs = keras.Input((16, 16, 1))
    network = keras.Model(inputs, network_of(dense_softmax)(inputs))
    assert narrowed(network) is network


@pytest.mark.parametrize(
    ("cheap", "narrow", "worth"),
    [(0.1, 1.0, True), (0.1, 1e3, False), (99, 1e3, True)],
    ids=["wide logits", "near logits", "few weights"],
)
def test_gaps_are_worth_their_weights(monkeypatch, cheap, narrow, worth):
    """The network has 80 weights of a convolution and 63 of the dense layer, of which gaps make 392."""
    monkeypatch.setattr(logit_gaps, "CHEAP", cheap)
    monkeypatch.setattr(logit_gaps, "NARROW", narrow)
    assert is_worth_narrowing(network_of(dense_softmax), scaled(grey(32))) == worth


def test_without_a_dense_layer_at_the_end_there_is_nothing_to_narrow():
    inputs = keras.Input((16, 16, 1))
    network = keras.Model(inputs, layers.Dense(7, activation="sigmoid")(body(inputs)))
    assert not is_worth_narrowing(network, scaled(grey(4)))
