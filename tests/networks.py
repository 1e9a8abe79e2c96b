"""Tiny Keras networks with random weights and batch-norm statistics, and checkpoints of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from fer_export import checkpoint
from fer_export.checkpoint import Checkpoint

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
