"""The networks that `fer-export train` builds, written in backend-neutral Keras 3.

Every network takes float32 [N, 48, 48, 1] in 0..1 and gives float32 probabilities [N, K].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import UsageError

if TYPE_CHECKING:
    import keras

FACE_SIZE = 48
CLASSES = (6, 7, 8)


@dataclass(frozen=True)
class Family:
    """One network of the report's family: four Conv-ReLU-BatchNorm-MaxPool blocks after a plain stem."""

    filters: tuple[int, int, int, int]
    """Output channels of the four blocks; the hidden dense layer is as wide as the last one."""


@dataclass(frozen=True)
class Residual:
    """Every convolution is followed by its batch norm and ReLU, so that it folds into one op on a phone.

    A stem at full size or, with a stride of 2, at half, then three stages at half, a quarter and an eighth: a
    convolution that widens, then `depth` more convolutions, each added to its input. Global average, dropout, dense.
    """

    stem: int
    """Channels of the stem."""

    stages: tuple[int, int, int]
    """Channels of the three stages."""

    depth: tuple[int, int, int]
    """Added convolutions of each stage."""

    dropout: float
    """Dropout rate before the last layer."""

    stride: int = 1
    """Stride of the stem: 1, or 2, which takes the place of the first pooling and spares the widest convolution."""


NETWORKS: dict[str, Family | Residual] = {
    "report-64": Family((64, 64, 64, 64)),
    "report-128": Family((64, 128, 128, 128)),
    "report-256": Family((64, 128, 256, 256)),
    "report-512": Family((64, 128, 256, 512)),
    "compact": Residual(32, (64, 112, 224), (1, 2, 1), 0.4),
    "nano": Residual(24, (32, 48, 64), (1, 1, 1), 0.1),
    "slim": Residual(32, (64, 96, 160), (0, 2, 1), 0.2, stride=2),
    "large": Residual(64, (128, 256, 512), (2, 2, 2), 0.5),
}
"""`large` is a teacher, too large for phones."""


def build(name: str, classes: int, dtype: str = "float32") -> keras.Model:
    """Build an untrained network.

    name: a key of NETWORKS.
    classes: 6, 7 or 8.
    dtype: the Keras dtype policy of all layers but the last.

    Raises UsageError for any other name or number. Weights follow Keras's global seed.
    """
    import keras

    if name not in NETWORKS:
        raise UsageError(f"unknown network {name!r}; choose one of {', '.join(NETWORKS)}")
    if classes not in CLASSES:
        raise UsageError(f"{classes} classes cannot be trained on FER2013; choose 6, 7, or 8 with FER+ votes")
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    try:
        inputs, x = _body(NETWORKS[name])
    finally:
        keras.config.set_dtype_policy(before)
    outputs = keras.layers.Dense(classes, activation="softmax", dtype="float32", name="probabilities")(x)
    return keras.Model(inputs, outputs, name=f"{name}-{classes}".replace("-", "_"))


def _body(family: Family | Residual) -> tuple[Any, Any]:
    """The image and what the last layer is given."""
    import keras

    inputs = keras.Input((FACE_SIZE, FACE_SIZE, 1), name="image")
    return inputs, _report(inputs, family) if isinstance(family, Family) else _residual(inputs, family)


def _report(inputs: Any, family: Family) -> Any:
    from keras import layers

    filters = family.filters
    x = layers.Conv2D(32, 3, padding="same", activation="relu", name="conv0")(inputs)
    x = layers.MaxPooling2D(2, padding="same", name="pool0")(x)
    for block, width in enumerate(filters, start=1):
        x = layers.Conv2D(width, 3, padding="same", activation="relu", name=f"conv{block}")(x)
        x = layers.BatchNormalization(name=f"norm{block}")(x)
        x = layers.MaxPooling2D(2, padding="same", name=f"pool{block}")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(filters[-1], activation="relu", name="hidden")(x)
    x = layers.Dropout(0.2, name="dropout")(x)
    return x


def _residual(inputs: Any, family: Residual) -> Any:
    from keras import layers

    x = _unit(inputs, family.stem, "stem", family.stride)
    for stage, (width, depth) in enumerate(zip(family.stages, family.depth, strict=True), start=1):
        if stage >= family.stride:
            x = layers.MaxPooling2D(2, name=f"pool{stage}")(x)
        x = _unit(x, width, f"stage{stage}")
        for repeat in range(1, depth + 1):
            x = layers.Add(name=f"stage{stage}_add{repeat}")([x, _unit(x, width, f"stage{stage}_{repeat}")])
    x = layers.GlobalAveragePooling2D(name="average")(x)
    return layers.Dropout(family.dropout, name="dropout")(x)


def _unit(x: Any, width: int, name: str, stride: int = 1) -> Any:
    """Convolution, batch norm, ReLU."""
    from keras import layers

    x = layers.Conv2D(
        width, 3, stride, padding="same", use_bias=False, kernel_initializer="he_normal", name=f"{name}_conv"
    )(x)
    x = layers.BatchNormalization(momentum=0.97, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)
