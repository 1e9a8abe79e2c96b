"""Equalised networks compute the same, with channels of more alike ranges."""

import keras
import numpy as np
import pytest
from keras import layers

from fer_export.network.equalise import equalise
from fer_export.network.prepare import without_batch_norms
from helpers.networks import SIDE, answers, classifier, grey, scaled, weights


def conv(filters=4, **options):
    return layers.Conv2D(filters, 3, **options)


def conv_to_conv(x):
    return conv(activation="relu")(conv(name="writer", activation="relu")(x))


def linear_conv_to_conv(x):
    return conv(activation="relu")(conv(name="writer")(x))


def relu_layer(x):
    x = layers.ReLU()(conv(name="writer")(x))
    return conv(activation="relu")(layers.Dropout(0.5)(layers.MaxPooling2D()(x)))


def relu_activation(x):
    x = layers.Activation("relu")(conv(name="writer")(x))
    return conv(activation="relu")(layers.AveragePooling2D(2)(layers.ZeroPadding2D()(x)))


def leaky_relu(x):
    return conv(activation="relu")(layers.LeakyReLU(0.3)(conv(name="writer")(x)))


def relu_with_slope(x):
    return conv(activation="relu")(layers.ReLU(negative_slope=0.2)(conv(name="writer")(x)))


def to_dense_behind_flatten(x):
    x = layers.Flatten()(layers.MaxPooling2D(3)(conv(name="writer", activation="relu")(x)))
    return layers.Dense(5, activation="tanh")(x)


def to_dense_behind_average(x):
    return layers.Dense(5, activation="tanh")(
        layers.GlobalAveragePooling2D()(conv(name="writer", activation="relu")(x))
    )


def dense_to_dense(x):
    x = layers.Flatten()(layers.AveragePooling2D(4)(x))
    return layers.Dense(5, activation="tanh")(layers.Dense(4, name="writer", activation="relu")(x))


def to_depthwise(x):
    x = conv(name="writer", activation="relu")(x)
    return layers.Activation("tanh")(layers.DepthwiseConv2D(3, depth_multiplier=2)(x))


def from_depthwise(x):
    x = layers.Activation("tanh")(layers.Conv2D(2, 1)(x))
    return conv(activation="tanh")(layers.DepthwiseConv2D(3, depth_multiplier=2, name="writer")(x))


def to_separable(x):
    return layers.SeparableConv2D(3, 3, depth_multiplier=2, activation="tanh")(conv(name="writer")(x))


def from_separable(x):
    return conv(activation="tanh")(layers.SeparableConv2D(4, 3, name="writer", activation="relu")(x))


def to_batch_norm(x):
    return layers.Activation("tanh")(layers.BatchNormalization()(conv(name="writer", activation="relu")(x)))


def joined_by_addition(x):
    """The writer feeds an addition whose other side and whose readers are linear, too."""
    first = conv(name="writer", padding="same")(x)
    second = conv(padding="same")(x)
    together = layers.ReLU()(layers.Add()([first, second]))
    return layers.Add()([conv(activation="tanh")(together), conv(activation="tanh")(together)])


def residual(x):
    x = conv(name="writer", padding="same", activation="relu")(x)
    return conv(activation="tanh")(layers.Add()([conv(padding="same")(x), x]))


def two_readers(x):
    x = conv(name="writer", activation="relu")(x)
    return layers.Concatenate()([conv(activation="tanh")(x), layers.DepthwiseConv2D(3, activation="tanh")(x)])


def nested(x):
    inner = keras.Sequential([keras.Input(x.shape[1:]), conv(name="writer", activation="relu")])
    return conv(activation="tanh")(inner(x))


PAIRED = [
    two_readers,
    conv_to_conv,
    linear_conv_to_conv,
    relu_layer,
    relu_activation,
    leaky_relu,
    relu_with_slope,
    to_dense_behind_flatten,
    to_dense_behind_average,
    dense_to_dense,
    to_depthwise,
    from_depthwise,
    to_separable,
    from_separable,
    to_batch_norm,
]


def with_outlier(network):
    """The network with the channels of its writer all alive, and the first some fifty times as wide as the others."""
    writer = network.get_layer("writer")
    *kernels, bias = writer.get_weights()
    bias += 1
    kernel = kernels[-1].reshape(-1, len(bias))
    kernel[:, 1:] /= 50
    bias[1:] /= 50
    writer.set_weights([*kernels[:-1], kernel.reshape(kernels[-1].shape), bias])
    return network


def unlikeness(network, images):
    """Widest over narrowest channel of what the writer hands on."""
    output = answers(keras.Model(network.inputs[0], network.get_layer("writer").output), images)
    ranges = np.abs(output).reshape(-1, output.shape[-1]).max(axis=0)
    return ranges.max() / ranges.min()


@pytest.mark.parametrize("body", PAIRED, ids=lambda body: body.__name__)
def test_the_function_stays_and_an_outlier_channel_is_tamed(body):
    images = scaled(grey(70))
    network = without_batch_norms(with_outlier(classifier(body, seed=2)))
    expected, before = answers(network, images), unlikeness(network, images)
    assert expected.std(axis=0).max() > 1e-4
    assert equalise(network, images) >= 1
    assert np.abs(answers(network, images) - expected).max() < 1e-5
    assert unlikeness(network, images) < before / 3


@pytest.mark.parametrize("body", [joined_by_addition, residual], ids=lambda body: body.__name__)
def test_what_an_addition_joins_is_rescaled_together_and_only_where_asked(body):
    images = scaled(grey(70))
    network = without_batch_norms(with_outlier(classifier(body, seed=2)))
    expected, before = answers(network, images), weights(network)
    kept = weights(network.get_layer("writer"))
    equalise(network, images, joined=False)
    assert (network.get_layer("writer").get_weights()[0] == kept[0]).all()
    network.set_weights(before)
    assert equalise(network, images) >= 1
    assert (network.get_layer("writer").get_weights()[0] != kept[0]).any()
    assert np.abs(answers(network, images) - expected).max() < 1e-5


def gated(x):
    """Squeeze and excitation: a gate of one number a channel."""
    x = conv(name="writer", activation="relu")(x)
    gate = layers.Dense(4, activation="sigmoid")(layers.Dense(2, activation="tanh")(layers.GlobalAveragePooling2D()(x)))
    return conv(activation="tanh")(layers.Multiply()([x, layers.Reshape((1, 1, 4))(gate)]))


def test_a_gated_picture_is_equalised_and_its_gate_is_not():
    images = scaled(grey(70))
    network = without_batch_norms(with_outlier(classifier(gated, seed=2)))
    expected, before = answers(network, images), unlikeness(network, images)
    gate = weights(network.get_layer("dense_1")) if "dense_1" in [each.name for each in network.layers] else None
    assert equalise(network, images) == 1
    assert np.abs(answers(network, images) - expected).max() < 1e-5
    assert unlikeness(network, images) < before / 3
    if gate is not None:
        assert (network.get_layer("dense_1").get_weights()[0] == gate[0]).all()


def test_a_layer_of_a_nested_network_is_equalised():
    images = scaled(grey(70))
    network = without_batch_norms(classifier(nested, seed=2))
    expected = answers(network, images)
    assert equalise(network, images) == 1
    assert np.abs(answers(network, images) - expected).max() < 1e-5


def test_between_the_halves_of_a_separable_layer_channels_become_alike():
    images = scaled(grey(70))
    network = classifier(lambda x: layers.SeparableConv2D(4, 3, name="judged")(layers.Conv2D(4, 1)(x)), seed=2)
    layer = network.get_layer("judged")
    depthwise, pointwise, bias = layer.get_weights()
    depthwise[:, :, 1:] /= 50
    pointwise[:, :, 1:] *= 50
    layer.set_weights([depthwise, pointwise, bias])
    expected = answers(network, images)
    equalise(network, images)
    assert np.abs(answers(network, images) - expected).max() < 1e-5
    sizes = np.abs(layer.get_weights()[0]).max(axis=(0, 1, 3))
    assert sizes.max() / sizes.min() < 20


def test_all_weights_and_ranges_of_a_depthwise_reader_become_alike():
    images = scaled(grey(70))
    network = with_outlier(classifier(to_depthwise, seed=2))
    equalise(network, images)
    assert unlikeness(network, images) == pytest.approx(1, abs=1e-4)


def test_a_dead_channel_is_no_division_by_zero():
    network = classifier(conv_to_conv, seed=2)
    kernel, bias = network.get_layer("writer").get_weights()
    kernel[..., 1], bias[1] = 0, -1
    network.get_layer("writer").set_weights([kernel, bias])
    images = scaled(grey(8))
    expected = answers(network, images)
    equalise(network, images)
    assert np.abs(answers(network, images) - expected).max() < 1e-5
    assert all(np.isfinite(weight).all() for weight in network.get_weights())


def test_a_silent_layer_is_left_alone():
    network = classifier(conv_to_conv)
    kernel, bias = network.get_layer("writer").get_weights()
    network.get_layer("writer").set_weights([kernel * 0, bias * 0])
    before = weights(network)[:2]
    equalise(network, scaled(grey(8)))
    assert all((old == new).all() for old, new in zip(before, weights(network)[:2], strict=True))


def fork(x):
    x = conv(name="writer", padding="same")(x)
    return layers.Concatenate()([conv(activation="tanh", padding="same")(x), x])


def add(x):
    x = layers.Conv2D(4, 1, activation="tanh")(x)
    return layers.Activation("tanh")(layers.Add()([conv(name="writer", padding="same")(x), x]))


def shared_reader(x):
    reader = conv(3, activation="tanh")
    return layers.Concatenate()([reader(conv(4, name="writer")(x)), reader(conv(4)(x))])


def without_bias(x):
    return conv(activation="tanh")(conv(name="writer", use_bias=False)(x))


def relu6_layer(x):
    return conv(activation="tanh")(layers.ReLU(6)(conv(name="writer")(x)))


def relu_with_threshold(x):
    return conv(activation="tanh")(layers.ReLU(threshold=0.1)(conv(name="writer")(x)))


def elu_layer(x):
    return conv(activation="tanh")(layers.ELU()(conv(name="writer")(x)))


def sigmoid_layer(x):
    return conv(activation="tanh")(layers.Activation("sigmoid")(conv(name="writer")(x)))


def activated(name):
    def body(x):
        return conv(activation="tanh")(conv(name="writer", activation=name)(x))

    body.__name__ = name
    return body


UNPAIRED = [
    fork,
    add,
    shared_reader,
    without_bias,
    relu6_layer,
    relu_with_threshold,
    elu_layer,
    sigmoid_layer,
    *map(activated, ("sigmoid", "relu6", "elu", "tanh", "swish", "gelu", "softplus")),
]


@pytest.mark.parametrize("body", UNPAIRED, ids=lambda body: body.__name__)
def test_where_scaling_would_show_nothing_is_touched(body):
    network = classifier(body)
    before = weights(network)
    assert equalise(network, scaled(grey(8))) == 0
    assert all((old == new).all() for old, new in zip(before, network.get_weights(), strict=True))


def test_the_network_output_is_never_rescaled():
    inputs = keras.Input((SIDE, SIDE, 1))
    x = layers.Dense(4, activation="tanh")(layers.Flatten()(inputs))
    logits = layers.Dense(6)(x)
    network = keras.Model(inputs, logits)
    assert equalise(network, scaled(grey(4))) == 0


def test_a_chain_counts_every_pair():
    def body(x):
        for _ in range(3):
            x = conv(2, activation="relu")(x)
        return layers.Flatten()(x)

    network = classifier(body)
    images = scaled(grey(8))
    expected = answers(network, images)
    assert equalise(network, images) == 3
    assert np.abs(answers(network, images) - expected).max() < 1e-5
