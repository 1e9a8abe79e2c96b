"""What is done to a network before export computes the same."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers

from fer_export.calibration.calibration_set import CalibrationSet
from fer_export.contract import tensors, variants
from fer_export.convert import convert
from fer_export.errors import ConversionError
from fer_export.network import logit_gaps
from fer_export.network import prepare as graph
from fer_export.network.batch_norms import Absorbed, ChannelScale
from fer_export.network.prepare import exportable, without_batch_norms
from fer_export.runtimes import open_runtime
from helpers.networks import SIDE, answers, checkpoint_of, classifier, grey, randomised, report_like, scaled, weights

norm = layers.BatchNormalization


def conv_relu_norm(x):
    return norm()(layers.Conv2D(4, 3, activation="relu")(x))


def conv_norm_relu(x):
    return layers.ReLU()(norm()(layers.Conv2D(4, 3, padding="same", strides=2)(x)))


def without_bias(x):
    return layers.Activation("relu")(norm()(layers.Conv2D(4, 3, use_bias=False)(x)))


def grouped(x):
    x = layers.Conv2D(4, 3)(x)
    return norm()(layers.Conv2D(6, 3, groups=2)(x))


def separable(x):
    return layers.ReLU()(norm()(layers.SeparableConv2D(5, 3, depth_multiplier=2, use_bias=False)(x)))


def depthwise(x):
    x = layers.Conv2D(3, 3)(x)
    return layers.ReLU()(norm()(layers.DepthwiseConv2D(3, depth_multiplier=2)(x)))


def dense_relu_norm_dense(x):
    x = norm()(layers.Dense(8, activation="relu")(layers.Flatten()(x)))
    return layers.Dense(5, activation="relu")(x)


def dense_norm(x):
    return layers.ReLU()(norm()(layers.Dense(8)(layers.Flatten()(x))))


def norm_first(x):
    return layers.Conv2D(4, 3, activation="relu")(norm()(x))


def norm_after_norm(x):
    return norm()(norm()(layers.Conv2D(4, 3)(x)))


def norm_after_activation_layer(x):
    return norm()(layers.Activation("tanh")(layers.Conv2D(4, 3)(x)))


def residual(x):
    x = layers.ReLU()(norm()(layers.Conv2D(4, 3, use_bias=False)(x)))
    short = norm()(layers.Conv2D(6, 1, strides=2, padding="same", use_bias=False)(x))
    x = layers.ReLU()(norm()(layers.SeparableConv2D(6, 3, padding="same", use_bias=False)(x)))
    x = norm()(layers.SeparableConv2D(6, 3, padding="same", use_bias=False)(x))
    x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
    return norm()(layers.Add()([x, short]))


def read_twice(x):
    x = layers.Conv2D(4, 3, padding="same")(x)
    return layers.Concatenate()([norm()(x), layers.ReLU()(x)])


def shared_conv(x):
    conv, first, second = layers.Conv2D(1, 3, padding="same"), norm(), norm()
    return layers.Concatenate()([first(conv(x)), second(conv(layers.ReLU()(x)))])


def shared_norm(x):
    both = norm()
    return layers.Concatenate()([both(layers.Conv2D(4, 3)(x)), both(layers.Conv2D(4, 3)(x))])


def no_scale(x):
    return norm(scale=False)(layers.Conv2D(4, 3, activation="relu")(norm(scale=False)(layers.Conv2D(4, 3)(x))))


def no_center(x):
    return norm(center=False)(layers.Conv2D(4, 3, activation="relu")(norm(center=False)(layers.Conv2D(4, 3)(x))))


def nested_functional(x):
    inputs = keras.Input(x.shape[1:])
    inner = keras.Model(inputs, conv_relu_norm(conv_norm_relu(inputs)), name="inner")
    return norm()(layers.Conv2D(3, 3)(inner(x)))


def nested_sequential(x):
    inner = keras.Sequential([layers.Conv2D(4, 3), norm(), layers.ReLU(), norm()], name="inner")
    return layers.ReLU()(inner(x))


def nested_reads_its_own_middle(x):
    inputs = keras.Input(x.shape[1:])
    middle = layers.Conv2D(4, 3)(inputs)
    inner = keras.Model(inputs, [middle, norm()(middle)], name="inner")
    return layers.Concatenate()(inner(x))


def with_normalization(x):
    adapted = layers.Normalization()
    adapted.adapt(np.random.default_rng(0).normal(0.4, 0.2, (50, SIDE, SIDE, 1)))
    return norm()(layers.Conv2D(4, 3)(adapted(x)))


# body -> (batch norms folded away, batch norms that became a 1x1 depthwise convolution)
BODIES = {
    conv_relu_norm: (0, 1),
    conv_norm_relu: (1, 0),
    without_bias: (1, 0),
    grouped: (1, 0),
    separable: (1, 0),
    depthwise: (1, 0),
    dense_relu_norm_dense: (0, 1),
    dense_norm: (1, 0),
    norm_first: (0, 1),
    norm_after_norm: (1, 1),
    norm_after_activation_layer: (0, 1),
    residual: (4, 1),
    read_twice: (0, 1),
    shared_conv: (0, 2),
    shared_norm: (0, 1),
    no_scale: (1, 1),
    no_center: (1, 1),
    nested_functional: (2, 1),
    nested_sequential: (1, 1),
    nested_reads_its_own_middle: (0, 1),
    with_normalization: (1, 0),
}


def leaves(network):
    return list(network._flatten_layers(include_self=False))


def count(network, kind):
    return len([layer for layer in leaves(network) if isinstance(layer, kind)])


def assert_same_without_norms(network, folded, scaled_channels):
    images, before = scaled(grey(6)), weights(network)
    expected = answers(network, images)
    assert expected.std(axis=0).max() > 1e-3, "a network that says the same of every picture proves nothing"
    copy = without_batch_norms(network)
    assert np.abs(answers(copy, images) - expected).max() < 1e-5
    assert count(copy, norm) == 0
    assert (count(copy, Absorbed), count(copy, ChannelScale)) == (folded, scaled_channels)
    for old, new in zip(before, network.get_weights(), strict=True):
        assert (old == new).all()
    assert (answers(network, images) == expected).all()


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
def test_batch_norms_leave_and_the_function_stays(body):
    assert_same_without_norms(classifier(body), *BODIES[body])


def sequential(**options):
    return [
        layers.Conv2D(4, 3, **options),
        norm(),
        layers.ReLU(),
        layers.MaxPooling2D(),
        layers.Conv2D(4, 3, activation="relu"),
        norm(),
        layers.Flatten(),
        layers.Dense(6, activation="softmax"),
    ]


def test_sequential_is_folded_as_built_grown_and_loaded(tmp_path):
    built = randomised(keras.Sequential([keras.Input((SIDE, SIDE, 1)), *sequential()]))
    grown = keras.Sequential([keras.Input((SIDE, SIDE, 1))])
    for layer in sequential():
        grown.add(layer)
    for network in (built, randomised(grown), checkpoint_of(built, tmp_path).network):
        assert_same_without_norms(network, 1, 1)


def test_a_lambda_that_was_trusted_is_copied(tmp_path):
    network = classifier(lambda x: norm()(layers.Conv2D(3, 3)(layers.Lambda(lambda y: y * 2 - 1)(x))))
    assert_same_without_norms(checkpoint_of(network, tmp_path, trust=True).network, 1, 0)


def dense_rows_norm(x):
    return layers.Flatten()(norm()(layers.Dense(8)(layers.Reshape((32, 8))(x))))


def conv1d_norm(x):
    return layers.Flatten()(norm()(layers.Conv1D(8, 3)(layers.Reshape((32, 8))(x))))


def conv1d_relu_norm(x):
    return layers.Flatten()(norm()(layers.Conv1D(8, 3, activation="relu")(layers.Reshape((32, 8))(x))))


def rows_norm(x):
    return norm(axis=1)(layers.Conv2D(3, 3)(x))


@pytest.mark.parametrize(
    ("body", "folded", "kept"),
    [(dense_rows_norm, 1, 0), (conv1d_norm, 1, 0), (conv1d_relu_norm, 0, 1), (rows_norm, 0, 1)],
)
def test_norms_of_sequences_and_of_another_axis_stay_where_no_layer_takes_them_up(body, folded, kept):
    network, images = classifier(body), scaled(grey(6))
    copy = without_batch_norms(network)
    assert np.abs(answers(copy, images) - answers(network, images)).max() < 1e-5
    assert (count(copy, Absorbed), count(copy, norm), count(copy, ChannelScale)) == (folded, kept, 0)


@pytest.mark.slow
@pytest.mark.parametrize("body", [conv1d_relu_norm, rows_norm])
@pytest.mark.parametrize("file_format", ["tflite", "onnx"])
@pytest.mark.parametrize("precision", ["none", "int8"])
def test_they_are_exported(tmp_path, body, file_format, precision):
    checkpoint, images = checkpoint_of(classifier(body), tmp_path), grey(64)
    calibrated = CalibrationSet(images, {"source": "made faces"})
    variant = variants.find(file_format, precision)
    content = convert(checkpoint, variant, calibration=calibrated if variant.integer else None)
    with open_runtime(content) as runtime:
        difference = np.abs(runtime.run(images) - checkpoint.predict(images)).max(axis=1).mean()
    assert difference < (0.03 if variant.integer else 1e-5)


class Opaque(keras.Model):
    """A network without a visible graph."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def call(self, x, training=False):
        return self.inner(x, training=training)


def test_a_network_without_a_graph_is_left_as_it_is(tmp_path):
    checkpoint = checkpoint_of(report_like(), tmp_path)
    opaque = dataclasses.replace(checkpoint, network=Opaque(checkpoint.network))
    assert without_batch_norms(opaque.network) is opaque.network
    images = grey(5)
    network = exportable(opaque, "gray", images)
    assert answers(network, images.astype("float32")) == pytest.approx(checkpoint.predict(images), abs=1e-5)


@pytest.mark.parametrize("scaling", ["unit", "signed", "raw"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("input_kind", ["gray", "rgb"])
def test_exportable_takes_bytes_and_gives_keras_probabilities(tmp_path, input_kind, channels, scaling):
    def body(x):
        x = layers.Rescaling(1 / 255)(x) if scaling == "raw" else x
        return conv_relu_norm(conv_norm_relu(x))

    checkpoint = checkpoint_of(classifier(body, channels=channels), tmp_path, scaling=scaling)
    images = grey(6)
    expected = checkpoint.predict(images)
    assert expected.std(axis=0).max() > 1e-3
    network = exportable(checkpoint, input_kind)
    assert network.input_shape == (None, SIDE, SIDE, tensors.channels(input_kind))
    given = images.repeat(tensors.channels(input_kind), axis=-1).astype("float32")
    assert np.abs(answers(network, given) - expected).max() < 1e-5
    assert count(network, norm) == 0


def test_rgb_reaches_a_grey_network_as_luma(tmp_path):
    checkpoint = checkpoint_of(report_like(), tmp_path)
    images = grey(6, channels=3).astype("float32")
    luma = (0.299 * images[..., :1] + 0.587 * images[..., 1:2] + 0.114 * images[..., 2:]) / 255
    assert np.abs(answers(exportable(checkpoint, "rgb"), images) - answers(checkpoint.network, luma)).max() < 1e-5


def test_rgb_reaches_an_rgb_network_in_its_own_colours(tmp_path):
    checkpoint = checkpoint_of(report_like(channels=3), tmp_path)
    images = grey(6, channels=3)
    given = answers(exportable(checkpoint, "rgb"), images.astype("float32"))
    assert np.abs(given - checkpoint.predict(images)).max() < 1e-5
    swapped = answers(exportable(checkpoint, "rgb"), images[..., ::-1].astype("float32"))
    assert np.abs(given - swapped).max() > 1e-3


def test_calibration_prepares_for_integers_and_leaves_the_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(logit_gaps, "CHEAP", 99)
    checkpoint = checkpoint_of(report_like(), tmp_path)
    before, images = weights(checkpoint.network), grey(40)
    expected = checkpoint.predict(images)
    assert "narrow_logits" not in [layer.name for layer in leaves(exportable(checkpoint, "gray", images))]
    network = exportable(checkpoint, "gray", images, narrow_logits=True)
    assert "narrow_logits" in [layer.name for layer in leaves(network)]
    given = answers(network, images.astype("float32"))
    assert (given.argmax(axis=1) == expected.argmax(axis=1)).mean() >= 0.95
    assert np.abs(given - expected).max() < 0.1
    for old, new in zip(before, checkpoint.network.get_weights(), strict=True):
        assert (old == new).all()


@pytest.mark.parametrize("calibrated", [False, True])
def test_a_rewriting_that_is_not_exact_is_refused(tmp_path, monkeypatch, calibrated):
    checkpoint = checkpoint_of(classifier(conv_norm_relu), tmp_path)
    exact = graph.folded_of
    monkeypatch.setattr(graph, "folded_of", lambda layer, norm: [1.1 * array for array in exact(layer, norm)])
    with pytest.raises(ConversionError, match="report this network"):
        exportable(checkpoint, "gray", grey(4) if calibrated else None)
