"""The networks that `fer-export train` builds, written in backend-neutral Keras 3.

Every network takes float32 [N, 48, 48, 1] in 0..1 and gives float32 probabilities [N, K].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import UsageError

if TYPE_CHECKING:
    import keras

FACE_SIZE = 48
CLASSES = (6, 7)


@dataclass(frozen=True)
class Family:
    """One network of the report's family: four Conv-ReLU-BatchNorm-MaxPool blocks after a plain stem.

    filters: output channels of the four blocks; the hidden dense layer is as wide as the last one.
    """

    filters: tuple[int, int, int, int]


NETWORKS: dict[str, Family] = {
    "report-64": Family((64, 64, 64, 64)),
    "report-128": Family((64, 128, 128, 128)),
    "report-256": Family((64, 128, 256, 256)),
    "report-512": Family((64, 128, 256, 512)),
}


def build(name: str, classes: int) -> keras.Model:
    """Build an untrained network.

    name: a key of NETWORKS; classes: 6 or 7.
    Raises UsageError on any other name or number. Weights follow Keras's global seed.
    """
    import keras
    from keras import layers

    if name not in NETWORKS:
        raise UsageError(f"no network is called {name!r}; choose one of {', '.join(NETWORKS)}")
    if classes not in CLASSES:
        raise UsageError(f"{classes} classes cannot be trained on FER2013; choose --classes 6 or --classes 7")
    filters = NETWORKS[name].filters
    inputs = keras.Input((FACE_SIZE, FACE_SIZE, 1), name="image")
    x = layers.Conv2D(32, 3, padding="same", activation="relu", name="conv0")(inputs)
    x = layers.MaxPooling2D(2, padding="same", name="pool0")(x)
    for block, width in enumerate(filters, start=1):
        x = layers.Conv2D(width, 3, padding="same", activation="relu", name=f"conv{block}")(x)
        x = layers.BatchNormalization(name=f"norm{block}")(x)
        x = layers.MaxPooling2D(2, padding="same", name=f"pool{block}")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(filters[-1], activation="relu", name="hidden")(x)
    x = layers.Dropout(0.2, name="dropout")(x)
    outputs = layers.Dense(classes, activation="softmax", name="probabilities")(x)
    return keras.Model(inputs, outputs, name=f"{name}-{classes}".replace("-", "_"))
