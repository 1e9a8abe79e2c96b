"""Narrower logits for int8: the largest single loss of an int8 classifier is the grid its logits are put on.

A confident network's logits span thirty units or more, so 255 steps leave one in eight: two leading emotions fall
on the same step and their order is lost. Softmax does not care for a common shift, so the logits are centred
(exact); what lies so low that its probability is nothing, or so high that it is all, is cut off by a ReLU6 that
runtimes fuse into the dense layer. The cut is the one that costs least on the calibration faces.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras

STEPS = 255
PHASES = 8
"""Positions of the grid that a cut is tried with, so that the choice does not hang on one rounding."""

LOWEST = (-2.0, -2.5, -3.0, -4.0, -5.0, -6.0, -8.0)
HIGHEST = (0.9, 0.95, 0.98, 1.0)
"""Cuts tried: centred logits, and quantiles of the faces' largest centred logit."""


def narrowed(network: keras.Model, images: NDArray[np.float32]) -> keras.Model:
    """The network with narrowed logits; the same object where it does not end in dense layer and softmax.

    images: float32 [N, S, S, C] as the network takes them. Layers are shared with the network given.
    """
    import keras
    from keras import layers

    dense = _final_dense(network)
    if dense is None:
        return network
    features = np.asarray(keras.Model(network.inputs[0], dense.input)(images, training=False), dtype="float64")
    kernel, bias = (weights.astype("float64") for weights in dense.get_weights())
    kernel, bias = kernel - kernel.mean(axis=1, keepdims=True), bias - bias.mean()
    low, high = best_cut(features @ kernel + bias)
    scale = 6.0 / (high - low)
    cut = layers.Dense(len(bias), activation="relu6", name="narrow_logits")
    # Scaling back is a dense layer, not a multiplication: TensorFlow would put both sides of a MUL on one scale.
    back = layers.Dense(len(bias), use_bias=False, name="narrow_logits_back")
    answers = layers.Softmax(name="narrow_softmax")(back(cut(dense.input)))
    cut.set_weights([(kernel * scale).astype("float32"), ((bias - low) * scale).astype("float32")])
    back.set_weights([(np.eye(len(bias)) / scale).astype("float32")])
    return keras.Model(network.inputs[0], answers, name=network.name)


def best_cut(logits: NDArray[np.float64]) -> tuple[float, float]:
    """Lowest and highest value to keep of centred logits [N, K]: fewest flips and least change in probability."""
    top = logits.max(axis=1)
    highs = sorted({float(np.quantile(top, quantile)) for quantile in HIGHEST})
    cuts = [(low, high) for low, high in product(LOWEST, highs) if high > low]
    return min(cuts, key=lambda cut: _cost(logits, *cut))


def _cost(logits: NDArray[np.float64], low: float, high: float) -> float:
    """Share of flipped faces plus the mean of their largest probability difference, over grid positions."""
    reference, step = _softmax(logits), (high - low) / STEPS
    cost = 0.0
    for phase in np.arange(PHASES) / PHASES:
        kept = np.clip(logits, low, high)
        given = _softmax(np.rint(kept / step + phase) * step)
        flips = (given.argmax(axis=1) != reference.argmax(axis=1)).mean()
        cost += float(flips + np.abs(given - reference).max(axis=1).mean())
    return cost / PHASES


def _final_dense(network: keras.Model) -> keras.layers.Dense | None:
    """The dense layer whose values go through softmax to become the network's output."""
    from keras import activations, layers

    last = network.outputs[0]._keras_history.operation
    if type(last) is layers.Dense and last.activation is activations.softmax and last.use_bias:
        return last
    softmax = isinstance(last, layers.Softmax) or (
        isinstance(last, layers.Activation) and last.activation is activations.softmax
    )
    if not softmax:
        return None
    before = last._inbound_nodes[0].input_tensors[0]._keras_history.operation
    linear = type(before) is layers.Dense and before.activation is activations.linear and before.use_bias
    return before if linear and len(before._inbound_nodes) == 1 else None


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares
