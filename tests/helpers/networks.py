"""Tiny Keras networks with random weights and batch-norm statistics, and checkpoints of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from fer_export.checkpoint import checkpoint
from fer_export.checkpoint.checkpoint import Checkpoint
from fer_export.dataset import read
from fer_export.dataset.emotions import DEFAULT_LABELS
from fer_export.dataset.pixels import fit

SIDE = 16


def randomised(network: keras.Model, seed: int = 0) -> keras.Model:
    """The same network with seeded random weights, none of them 0 or 1, and batch-norm statistics of its own."""
    rng = np.random.default_rng(seed)
    for layer in network._flatten_layers(include_self=False):
        if isinstance(layer, layers.BatchNormalization):
            count = layer.moving_mean.shape[0]
            layer.moving_mean.assign(rng.normal(0, 0.3, count))
            layer.moving_variance.assign(rng.uniform(0.2, 2.0, count))
            if layer.scale:
                layer.gamma.assign(rng.uniform(0.5, 1.5, count) * rng.choice([-1, 1], count))
            if layer.center:
                layer.beta.assign(rng.normal(0, 0.5, count))
        elif not isinstance(layer, keras.Model | layers.Normalization) and layer.weights:
            layer.set_weights([_random(rng, weight.shape) for weight in layer.get_weights()])
    return network


def classifier(
    body: Callable[[Any], Any], *, side: int = SIDE, channels: int = 1, classes: int = 6, seed: int = 0
) -> keras.Model:
    """input -> body -> (global average where the body gives pictures) -> dense softmax, with random weights."""
    inputs = keras.Input((side, side, channels))
    x = body(inputs)
    if len(x.shape) == 4:
        x = layers.GlobalAveragePooling2D()(x)
    return randomised(keras.Model(inputs, layers.Dense(classes, activation="softmax")(x)), seed)


def report_like(filters: int = 4, side: int = SIDE, channels: int = 1, classes: int = 6, seed: int = 0) -> keras.Model:
    """Two blocks in the report's order: convolution, ReLU, batch norm, pooling; then two dense layers."""

    def body(x: Any) -> Any:
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
            x = layers.MaxPooling2D(2)(layers.BatchNormalization()(x))
        return layers.Dense(8, activation="relu")(layers.Flatten()(x))

    return classifier(body, side=side, channels=channels, classes=classes, seed=seed)


def taught(network: keras.Model, csv: Path) -> keras.Model:
    """The network with a last layer fitted to the Training faces of a csv, so that it is better than chance."""
    faces, targets = read.read(csv, cache=False).split("Training").for_labels(_labels(network.output_shape[-1]))
    last = network.layers[-1]
    given = scaled(fit(faces.pixels, network.input_shape[1])).repeat(network.input_shape[3], axis=-1)
    features = answers(keras.Model(network.inputs[0], last.input), given).astype("float64")
    features = np.concatenate([features, np.ones((len(features), 1))], axis=1)
    wanted = 8.0 * (np.eye(network.output_shape[-1])[targets] - 0.5)
    # Small weights, so that int8 keeps the answers.
    ridge = 0.02 * float((features**2).sum(axis=0).mean()) * np.eye(features.shape[1])
    fitted = np.linalg.solve(features.T @ features + ridge, features.T @ wanted)
    last.set_weights([fitted[:-1], fitted[-1]])
    return network


def _labels(outputs: int) -> tuple[str, ...]:
    return DEFAULT_LABELS[outputs]


def checkpoint_of(network: keras.Model, folder: Path, *, name: str = "tiny", **options: Any) -> Checkpoint:
    """The network as fer-export loads it from a .keras file."""
    path = folder / f"{name}.keras"
    with warnings.catch_warnings():
        # Keras's own model.save under NumPy 2.
        warnings.filterwarnings("ignore", "__array__ implementation doesn't accept a copy keyword")
        network.save(path)
    return checkpoint.load(path, **options)


def grey(count: int, side: int = SIDE, channels: int = 1, seed: int = 0) -> np.ndarray:
    """Pictures uint8 [count, side, side, channels]: blobs under noise, so that neighbouring pixels are alike."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 200, (count, side // 4, side // 4, channels)).repeat(4, axis=1).repeat(4, axis=2)
    return (blocks + rng.integers(0, 56, blocks.shape)).astype(np.uint8)


def scaled(images: np.ndarray) -> np.ndarray:
    """Bytes as float32 in 0..1."""
    return images.astype("float32") / np.float32(255)


def answers(network: keras.Model, images: np.ndarray) -> np.ndarray:
    return np.asarray(network(images, training=False))


def weights(network: keras.Model) -> list[np.ndarray]:
    return [weight.copy() for weight in network.get_weights()]


def _random(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    if len(shape) < 2:
        return rng.normal(0, 0.2, shape)
    return rng.normal(0, 1.5 / np.sqrt(np.prod(shape[:-1])), shape)


def planted(
    network: keras.Model, images: np.ndarray, norm: str, *, offset: float = 1000.0, size: float = 10.0
) -> keras.Model:
    """The same function with an outlier: two channels of a batch norm carry `offset`, which its reader takes off again.

    norm: a batch norm that one convolution with ReLU feeds and, behind pooling, one convolution reads. images: float32,
    as the network takes them; the two channels that are nearest to dead on them are used, and made dead. size: the
    reader's weight for the one channel and, negated, for the other, in one filter at one place; so large that
    equalisation cannot make the channels small: it balances offset and weight.
    """
    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    norm_layer = copy.get_layer(norm)
    writer = norm_layer._inbound_nodes[0].input_tensors[0]._keras_history.operation
    reader = next(layer for layer in copy.layers[copy.layers.index(norm_layer) :] if isinstance(layer, layers.Conv2D))
    answers = np.asarray(keras.Model(copy.inputs[0], writer.output)(images))
    pair = np.argsort(answers.reshape(-1, answers.shape[-1]).max(axis=0), kind="stable")[:2]
    kernel, bias = writer.get_weights()
    kernel[..., pair], bias[pair] = 0.0, 0.0
    writer.set_weights([kernel, bias])
    scale = norm_layer.gamma.numpy() / np.sqrt(norm_layer.moving_variance.numpy() + norm_layer.epsilon)
    constant = norm_layer.beta.numpy() - norm_layer.moving_mean.numpy() * scale
    beta = norm_layer.beta.numpy()
    beta[pair] += offset - constant[pair]
    norm_layer.beta.assign(beta)
    kernel, bias = reader.get_weights()
    # What the pair gave before is now shared by both, at any place of the border.
    kernel[:, :, pair] = ((kernel[:, :, pair] * constant[pair][:, None]).sum(axis=2, keepdims=True)) / (2 * offset)
    kernel[1, 1, pair, 0] += np.array([size, -size], "float32")
    reader.set_weights([kernel, bias])
    return copy
