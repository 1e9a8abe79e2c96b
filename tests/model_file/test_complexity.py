from __future__ import annotations

import math
from typing import Any

import keras
import pytest
from keras import layers

from fer_export.contract.variants import precisions
from fer_export.model_file import complexity, tflite
from fer_export.model_file.summary import GraphSummary
from fer_export.system import keras_backend
from helpers import networks, tiny_tflite

INTEGER_OPS = {
    "int8": "TFLITE_BUILTINS_INT8",
    "int16x8": "EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8",
}


def kept_by_converters(x: Any) -> Any:
    """A body without batch norms: every weight of it is in the file."""
    x = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.DepthwiseConv2D(3, padding="same", activation="relu")(x)
    x = layers.Conv2D(8, 3, activation="relu")(x)
    return layers.Dense(40, activation="relu")(layers.Flatten()(x))


def macs_of(network: keras.Model) -> int:
    """MACs of a Keras network by its layers: places where a kernel lies, times its size."""
    total = 0
    for layer in network._flatten_layers(include_self=False):
        if isinstance(layer, layers.Conv2DTranspose):
            total += math.prod(layer.input.shape[1:3]) * math.prod(layer.kernel.shape)
        elif isinstance(layer, layers.Conv2D | layers.DepthwiseConv2D):
            total += math.prod(layer.output.shape[1:3]) * math.prod(layer.kernel.shape)
        elif isinstance(layer, layers.Dense):
            total += math.prod(layer.kernel.shape)
    return total


def summary_of(model: keras.Model, precision: str = "none") -> GraphSummary:
    """What TensorFlow's converter makes of a network with nothing put around it."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if precision != "none":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "fp16":
        converter.target_spec.supported_types = [tf.float16]
    if precision in INTEGER_OPS:
        pictures = networks.scaled(networks.grey(8))
        converter.representative_dataset = lambda: ([picture[None]] for picture in pictures)
        converter.target_spec.supported_ops = [getattr(tf.lite.OpsSet, INTEGER_OPS[precision])]
    with keras_backend.silenced():
        return tflite.inspect(converter.convert())


@pytest.mark.parametrize("precision", precisions("tflite"))
def test_macs_and_parameters_are_those_of_keras_at_every_precision(precision: str) -> None:
    network = networks.classifier(kept_by_converters)
    summary = summary_of(network, precision)
    assert summary.parameters == network.count_params()
    assert summary.macs == macs_of(network)


def test_weights_shared_by_two_layers_count_once_and_compute_twice() -> None:
    inputs = keras.Input((12,), batch_size=1)
    shared = layers.Dense(12, activation="relu")
    model = networks.randomised(keras.Model(inputs, shared(shared(inputs))))
    summary = summary_of(model)
    assert (summary.parameters, summary.macs) == (12 * 12 + 12, 2 * 12 * 12)


def test_transposed_and_grouped_convolutions() -> None:
    inputs = keras.Input((6, 6, 4), batch_size=1)
    x = layers.Conv2DTranspose(3, 3, strides=2, padding="same")(inputs)
    model = networks.randomised(keras.Model(inputs, layers.Conv2D(6, 3, groups=3)(x)))
    summary = summary_of(model)
    assert summary.op_counts["TRANSPOSE_CONV"] == 1
    assert summary.macs == macs_of(model) == 6 * 6 * 3 * 3 * 4 * 3 + 10 * 10 * 3 * 3 * 1 * 6


@pytest.mark.parametrize(
    ("left", "right", "product", "expected"),
    [
        ((2, 3, 4), (2, 4, 5), (2, 3, 5), 2 * 3 * 4 * 5),
        ((2, 4, 3), (2, 4, 5), (2, 3, 5), 2 * 3 * 4 * 5),
        ((7, 9), (2, 9, 5), (2, 7, 5), 2 * 7 * 9 * 5),
    ],
)
def test_matrix_products_of_activations(left: Any, right: Any, product: Any, expected: int) -> None:
    assert complexity.macs("BATCH_MATMUL", [left, right], product) == expected


def test_sizes_axes_and_numbers_are_no_parameters() -> None:
    assert not complexity.is_parameter("RESHAPE", 1, (2,), "int32")
    assert not complexity.is_parameter("MUL", 1, (), "float32")
    assert not complexity.is_parameter("CONV_2D", 1, (4,), "int32")
    assert complexity.is_parameter("CONV_2D", 2, (4,), "int32")
    assert complexity.is_parameter("MUL", 1, (4,), "int8")
    assert complexity.macs("SOFTMAX", [(1, 4)], (1, 4)) == 0


def test_summary_says_format_and_complexity() -> None:
    document = tflite.inspect(tiny_tflite.converted("none")).to_dict()
    assert (document["format"], document["opset"]) == ("tflite", None)
    # Luma at 8x8, a 3x3 convolution at stride 2, two dense layers.
    assert document["macs"] == 64 + 9 * 9 * 4 + 36 * 32 + 32 * 4
    # Biases of zero are left out.
    assert document["parameters"] == pytest.approx(tiny_tflite.network().count_params(), rel=0.05)
