"""Logits as gaps for int8: the largest single loss of an int8 classifier is the grid of its logits.

A confident network's logits span thirty units or more, so 255 steps leave one in eight: two leading emotions fall
on the same step and their order is lost. Softmax needs only how far each logit lies below the largest one, and that
gap can be cut off where the probability is nothing. A dense layer gives every difference of two logits, max pooling
the largest of a row, which is the gap to the leader; REACH over 255 steps then tell the emotions that matter apart,
however large the logits are. Exact but for the cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras

REACH = 8.0
"""Largest gap that is kept: an emotion further behind has less than exp(-8) = 0.03 % of the leader's probability."""

LAYERS = frozenset({"logit_differences", "logit_rows", "logit_gaps", "logit_gaps_flat", "narrow_logits"})
"""Names of the layers that `narrowed` adds; the ranges of their values are part of the method."""

AVERAGED = "averaged_logits"
"""Name of the layer that `averaged_by_dense` adds."""

MOST_LABELS = 16
"""Differences grow with the square of the labels; with more the logits stay as they are."""

CHEAP = 0.1
"""Share of the network's weights up to which the gaps' weights are taken without a look at the logits."""

NARROW = 1.5 * REACH
"""Span of logits up to which their own grid is nearly as fine as that of the gaps."""

LOOKED_AT = 128
"""Faces whose logits are looked at."""


def is_worth_narrowing(network: keras.Model, images: NDArray[np.float32]) -> bool:
    """Whether gaps are worth their weights: where these are few, or the logits span more than NARROW.

    A dense layer behind Flatten has thousands of inputs, and gaps have as many weights for each pair of labels.

    images: float32 [N, S, S, C] as the network takes them.
    """
    import keras

    last = _last_layer(network)
    if last is None:
        return False
    inputs, count = last.kernel.shape
    if inputs * count * (count - 1) <= CHEAP * network.count_params():
        return True
    read = keras.Model(network.inputs[0], last.given)
    faces = images[np.linspace(0, len(images) - 1, min(LOOKED_AT, len(images))).astype(int)]  # of all emotions
    logits = np.asarray(read(faces, training=False)) @ last.kernel + last.bias
    return bool(max(logits.max(), 0.0) - min(logits.min(), 0.0) > NARROW)


def narrowed(network: keras.Model) -> keras.Model:
    """The network with its logits as gaps; the same object where it does not end in a dense layer (or an average over
    a picture) and softmax.

    Layers are shared with the network given.
    """
    import keras
    from keras import layers

    last = _last_layer(network)
    if last is None or last.bias.size > MOST_LABELS:
        return network
    count = last.bias.size
    # Column k * count + j is logit j - logit k.
    differences = np.tile(np.eye(count), count) - np.repeat(np.eye(count), count, axis=1)
    scale = 6.0 / REACH
    gaps = layers.Dense(count * count, activation="relu6", name="logit_differences")
    rows = layers.Reshape((count, count, 1), name="logit_rows")(gaps(last.given))
    largest = layers.MaxPooling2D((1, count), name="logit_gaps")(rows)
    # Scaling back is a dense layer, not a multiplication: TensorFlow would put both sides of a MUL on one scale.
    back = layers.Dense(count, use_bias=False, name="narrow_logits")
    logits = back(layers.Reshape((count,), name="logit_gaps_flat")(largest))
    answers = layers.Softmax(name="narrow_softmax")(logits)
    kernel, bias = last.kernel @ differences * scale, last.bias @ differences * scale
    gaps.set_weights([kernel.astype("float32"), bias.astype("float32")])
    back.set_weights([(-np.eye(count) / scale).astype("float32")])
    return keras.Model(network.inputs[0], answers, name=network.name)


def averaged_by_dense(network: keras.Model) -> keras.Model:
    """The network with the average that gives its logits as a dense layer; the same object where there is none.

    A dense layer gives its sums to softmax as they are, an average would first put them on an 8-bit grid.
    """
    import keras
    from keras import layers

    last = _last_layer(network)
    if last is None or not last.averages:
        return network
    dense = layers.Dense(last.bias.size, name=AVERAGED)
    answers = layers.Softmax(name="averaged_softmax")(dense(last.given))
    dense.set_weights([last.kernel.astype("float32"), last.bias.astype("float32")])
    return keras.Model(network.inputs[0], answers, name=network.name)


def with_answers_apart(network: keras.Model) -> keras.Model:
    """The network with the softmax or sigmoid of its last dense layer as a layer; the same object where it has none.

    Repair can then keep that alone in float, whose int8 answers go up in steps of 1/256.
    """
    import keras
    from keras import activations, layers

    from ..checkpoint import copied

    last = network.outputs[0]._keras_history.operation
    if type(last) is not layers.Dense or len(last._inbound_nodes) != 1:
        return network
    if last.activation not in (activations.softmax, activations.sigmoid):
        return network
    kind = last.activation.__name__
    dense = copied(last, activation="linear")
    answers = layers.Activation(kind, name=f"{last.name}_{kind}")(dense(last.input))
    dense.set_weights(last.get_weights())
    return keras.Model(network.inputs[0], answers, name=network.name)


MOST_PLACES = 1024
"""Values of a picture whose average may become a dense layer, which has a weight for each value and difference."""


@dataclass(frozen=True)
class _Last:
    """The linear function that gives a network's logits."""

    given: Any
    """What it reads, a symbolic tensor [N, inputs]."""

    kernel: NDArray[np.float64]
    """[inputs, labels]."""

    bias: NDArray[np.float64]
    """[labels]."""

    averages: bool
    """Whether it is an average over a picture."""


def _last_layer(network: keras.Model) -> _Last | None:
    """The dense layer or average whose values go through softmax to become the network's output."""
    from keras import activations, layers

    from .batch_norms import Absorbed

    last = network.outputs[0]._keras_history.operation
    if type(last) is layers.Dense and last.activation is activations.softmax:
        return _dense(last)
    softmax = isinstance(last, layers.Softmax) or (
        isinstance(last, layers.Activation) and last.activation is activations.softmax
    )
    if not softmax:
        return None
    before = _before(last)
    while isinstance(before, layers.Dropout | layers.Identity | Absorbed):
        before = _before(before)
    if len(before._inbound_nodes) != 1:
        return None
    if type(before) is layers.Dense and before.activation is activations.linear:
        return _dense(before)
    if type(before) is not layers.GlobalAveragePooling2D or before.keepdims:
        return None
    high, wide, count = before.input.shape[1:]
    if high * wide * count > MOST_PLACES:
        return None
    kernel = np.tile(np.eye(count), (high * wide, 1)) / (high * wide)
    return _Last(layers.Flatten(name="logit_places")(before.input), kernel, np.zeros(count), True)


def _before(layer: keras.layers.Layer) -> keras.layers.Layer:
    return layer._inbound_nodes[0].input_tensors[0]._keras_history.operation


def _dense(layer: keras.layers.Dense) -> _Last:
    kernel, *bias = (weight.astype("float64") for weight in layer.get_weights())
    return _Last(layer.input, kernel, bias[0] if bias else np.zeros(layer.units), False)
