"""Logits as gaps for int8: the largest single loss of an int8 classifier is the grid of its logits.

A confident network's logits span thirty units or more, so 255 steps leave one in eight: two leading emotions fall
on the same step and their order is lost. Softmax needs only how far each logit lies below the largest one, and that
gap can be cut off where the probability is nothing. A dense layer gives every difference of two logits, max pooling
the largest of a row, which is the gap to the leader; REACH over 255 steps then tell the emotions that matter apart,
however large the logits are. Exact but for the cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

REACH = 8.0
"""Largest gap that is kept: an emotion further behind has less than exp(-8) = 0.03 % of the leader's probability."""

MOST_LABELS = 16
"""Differences grow with the square of the labels; with more the logits stay as they are."""


def narrowed(network: keras.Model) -> keras.Model:
    """The network with its logits as gaps; the same object where it does not end in a dense layer and softmax.

    Layers are shared with the network given.
    """
    import keras
    from keras import layers

    dense = _final_dense(network)
    if dense is None or dense.units > MOST_LABELS:
        return network
    count = dense.units
    kernel, bias = (dense.get_weights() + [np.zeros(count)])[:2]
    # Column k * count + j is logit j - logit k.
    differences = np.tile(np.eye(count), count) - np.repeat(np.eye(count), count, axis=1)
    scale = 6.0 / REACH
    gaps = layers.Dense(count * count, activation="relu6", name="logit_differences")
    rows = layers.Reshape((count, count, 1), name="logit_rows")(gaps(dense.input))
    largest = layers.MaxPooling2D((1, count), name="logit_gaps")(rows)
    # Scaling back is a dense layer, not a multiplication: TensorFlow would put both sides of a MUL on one scale.
    back = layers.Dense(count, use_bias=False, name="narrow_logits")
    logits = back(layers.Reshape((count,), name="logit_gaps_flat")(largest))
    answers = layers.Softmax(name="narrow_softmax")(logits)
    gaps.set_weights([(kernel @ differences * scale).astype("float32"), (bias @ differences * scale).astype("float32")])
    back.set_weights([(-np.eye(count) / scale).astype("float32")])
    return keras.Model(network.inputs[0], answers, name=network.name)


def _final_dense(network: keras.Model) -> keras.layers.Dense | None:
    """The dense layer whose values go through softmax to become the network's output."""
    from keras import activations, layers

    last = network.outputs[0]._keras_history.operation
    if type(last) is layers.Dense and last.activation is activations.softmax:
        return last
    softmax = isinstance(last, layers.Softmax) or (
        isinstance(last, layers.Activation) and last.activation is activations.softmax
    )
    if not softmax:
        return None
    before = last._inbound_nodes[0].input_tensors[0]._keras_history.operation
    linear = type(before) is layers.Dense and before.activation is activations.linear
    return before if linear and len(before._inbound_nodes) == 1 else None
