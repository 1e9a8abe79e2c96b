"""Narrowed logits keep the answer and leave int8 a finer grid."""

import keras
import numpy as np
import pytest
from keras import layers

from fer_export.logits import HIGHEST, LOWEST, STEPS, best_cut, narrowed
from networks import answers, checkpoint_of, grey, randomised, scaled, weights


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def random_logits(spread, count=2000, seed=0):
    logits = np.random.default_rng(seed).normal(0, spread, (count, 7))
    return logits - logits.mean(axis=1, keepdims=True)


def on_grid(logits, low, high):
    """What int8 leaves of logits: 255 steps from low to high."""
    step = (high - low) / STEPS
    return np.rint(np.clip(logits, low, high) / step) * step


def flips(logits, given):
    return (logits.argmax(axis=1) != given.argmax(axis=1)).mean()


@pytest.mark.parametrize("spread", [0.5, 2, 6])
def test_the_best_cut_beats_the_whole_range(spread):
    logits = random_logits(spread)
    low, high = best_cut(logits)
    assert low in LOWEST
    assert np.quantile(logits.max(axis=1), HIGHEST[0]) <= high <= logits.max()
    whole, cut = on_grid(logits, logits.min(), logits.max()), on_grid(logits, low, high)
    assert np.abs(softmax(cut) - softmax(logits)).max(axis=1).mean() < 0.02
    if spread == 6:
        assert flips(logits, cut) <= flips(logits, whole)
        assert high - low < 0.7 * (logits.max() - logits.min())


def test_the_best_cut_is_no_deeper_than_the_logits_need():
    assert best_cut(random_logits(0.2))[0] == max(LOWEST)


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


@pytest.mark.parametrize("head", [dense_softmax, dense_then_activation, dense_then_softmax])
def test_narrowed_keeps_the_answers(head):
    network, images = network_of(head), scaled(grey(200))
    before, expected = weights(network), answers(network, images)
    assert len(set(expected.argmax(axis=1))) > 2
    given_network = narrowed(network, images)
    names = [layer.name for layer in given_network.layers]
    assert names[-3:] == ["narrow_logits", "narrow_logits_back", "narrow_softmax"]
    given = answers(given_network, images)
    assert (given.argmax(axis=1) == expected.argmax(axis=1)).mean() >= 0.99
    assert np.abs(given - expected).max(axis=1).mean() < 0.02
    assert given.sum(axis=1) == pytest.approx(1, abs=1e-5)
    new = answers(narrowed(network, images), scaled(grey(200, seed=9)))
    old = answers(network, scaled(grey(200, seed=9)))
    assert (new.argmax(axis=1) == old.argmax(axis=1)).mean() >= 0.97
    assert all((old == new).all() for old, new in zip(before, network.get_weights(), strict=True))


def test_the_narrow_logits_fill_the_range_of_relu6():
    network, images = network_of(dense_then_softmax), scaled(grey(200))
    logits = answers(keras.Model(network.inputs[0], network.layers[-2].output), images)
    given = narrowed(network, images)
    cut = answers(keras.Model(given.inputs[0], given.get_layer("narrow_logits").output), images)
    assert cut.min() >= 0
    assert cut.max() == pytest.approx(6, abs=0.5)
    scale = np.diag(given.get_layer("narrow_logits_back").get_weights()[0])
    assert scale == pytest.approx(scale[0])
    assert scale[0] * 6 < 0.7 * (logits.max() - logits.min())


def test_logits_within_the_cut_pass_unchanged():
    network, images = network_of(dense_then_softmax), scaled(grey(100))
    logits = keras.Model(network.inputs[0], network.layers[-2].output)
    kernel, bias = network.layers[-2].get_weights()
    seen = answers(logits, images)
    widest = np.abs(seen - seen.mean(axis=1, keepdims=True)).max()
    network.layers[-2].set_weights([kernel * 1.5 / widest, bias * 1.5 / widest])
    difference = np.abs(answers(narrowed(network, images), images) - answers(network, images)).max(axis=1)
    assert difference.mean() < 0.005
    assert np.median(difference) < 1e-5


def test_a_shift_common_to_all_logits_changes_nothing():
    network, images = network_of(dense_softmax), scaled(grey(50))
    narrow = narrowed(network, images).get_layer("narrow_logits").get_weights()
    dense = network.layers[-1]
    kernel, bias = dense.get_weights()
    rows = np.linspace(-1, 1, 8)[:, None]
    dense.set_weights([kernel + rows, bias + 20])
    for old, new in zip(narrow, narrowed(network, images).get_layer("narrow_logits").get_weights(), strict=True):
        assert new == pytest.approx(old, rel=1e-3, abs=1e-4)


def test_logits_with_an_added_softmax_are_narrowed(tmp_path):
    checkpoint = checkpoint_of(network_of(lambda x: layers.Dense(7)(x)), tmp_path)
    assert checkpoint.softmax_added
    images = grey(100)
    given = narrowed(checkpoint.network, scaled(images))
    assert given is not checkpoint.network
    same = answers(given, scaled(images)).argmax(axis=1) == checkpoint.predict(images).argmax(axis=1)
    assert same.mean() >= 0.99


def average_then_softmax(x):
    return layers.Softmax()(layers.Dense(7, activation="relu")(x))


def sigmoids(x):
    return layers.Dense(7, activation="sigmoid")(x)


def no_bias(x):
    return layers.Dense(7, activation="softmax", use_bias=False)(x)


def no_bias_then_softmax(x):
    return layers.Softmax()(layers.Dense(7, use_bias=False)(x))


@pytest.mark.parametrize("head", [average_then_softmax, sigmoids, no_bias, no_bias_then_softmax])
def test_other_endings_are_returned_as_they_are(head):
    network = network_of(head)
    assert narrowed(network, scaled(grey(4))) is network


def test_an_average_of_maps_before_softmax_is_returned_as_it_is():
    inputs = keras.Input((16, 16, 1))
    network = keras.Model(inputs, layers.Softmax()(layers.GlobalAveragePooling2D()(layers.Conv2D(7, 3)(inputs))))
    assert narrowed(network, scaled(grey(4))) is network


def test_a_nested_network_at_the_end_is_returned_as_it_is():
    inputs = keras.Input((16, 16, 1))
    network = keras.Model(inputs, network_of(dense_softmax)(inputs))
    assert narrowed(network, scaled(grey(4))) is network
