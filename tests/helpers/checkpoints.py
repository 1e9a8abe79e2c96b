"""Small networks as files, pictures for them, and the line with which one is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from fer_export.checkpoint import checkpoint
from fer_export.errors import CheckpointError


def network(
    classes: int = 7,
    shape: tuple[int | None, ...] = (48, 48, 1),
    activation: str | None = "softmax",
    batch: int | None = None,
) -> keras.Model:
    """A tiny classifier with random weights."""
    keras.utils.set_random_seed(classes)
    inputs = keras.Input(batch_shape=(batch, *shape))
    x = layers.Conv2D(3, 3, strides=4, activation="relu")(inputs)
    x = layers.GlobalAveragePooling2D()(layers.BatchNormalization()(x))
    return keras.Model(inputs, layers.Dense(classes, activation=activation, bias_initializer="normal")(x))


def saved(model: keras.Model, path: Path) -> Path:
    model.save(path)
    return path


def pictures(channels: int = 1) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (5, 48, 48, channels), dtype=np.uint8)


def refused(pattern: str, *arguments: Any, **options: Any) -> str:
    """The one line with which load refuses."""
    with pytest.raises(CheckpointError, match=pattern) as caught:
        checkpoint.load(*arguments, **options)
    assert "\n" not in str(caught.value)
    assert "Traceback" not in str(caught.value)
    return str(caught.value)
