"""Batch-norm statistics estimated again, once the weights are final, on faces as a phone sees them.

While it trains, a network averages the statistics of augmented faces, of weights that still move. Wu and Johnson
(2021), "Rethinking 'Batch' in BatchNorm", estimate them afterwards, with the weights fixed (PreciseBN).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras

BATCH = 256


@dataclass(frozen=True)
class Settled:
    """What estimating the batch-norm statistics again gave."""

    val_accuracy: float
    """Validation accuracy with the new statistics."""

    kept: bool
    """Whether it is higher than before, so that they were kept."""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def improve(
    network: keras.Model,
    images: NDArray[np.uint8],
    validation: NDArray[np.uint8],
    targets: NDArray[np.int64],
    seed: int,
) -> Settled:
    """Estimate the batch-norm statistics again on training faces, and judge the network on validation faces.

    Faces are uint8 [N, S, S, C], targets int64 [N].
    """
    before = _accuracy(network, validation, targets)
    settle(network, images, seed)
    accuracy = _accuracy(network, validation, targets)
    return Settled(accuracy, accuracy > before)


def settle(network: keras.Model, images: NDArray[np.uint8], seed: int) -> None:
    """Give every batch norm the mean over batches of its statistics on uint8 faces [N, S, S, C], in place.

    The network takes float32 in 0..1. The batches are of 256 in a seeded order; an incomplete batch is dropped, unless
    it is the only one.
    """
    from keras import layers

    norms = [layer for layer in network.layers if isinstance(layer, layers.BatchNormalization)]
    before = [norm.momentum for norm in norms]
    sums: list[list[Any]] = [[0.0, 0.0] for _ in norms]
    order = np.random.default_rng(seed).permutation(len(images))
    batches = [order[start : start + BATCH] for start in range(0, max(1, len(order) - BATCH + 1), BATCH)]
    for norm in norms:
        # Without a memory the moving statistics are those of the batch.
        norm.momentum = 0.0
    for batch in batches:
        network(images[batch].astype(np.float32) / np.float32(255), training=True)
        for total, norm in zip(sums, norms, strict=True):
            total[0] = total[0] + _numpy(norm.moving_mean)
            total[1] = total[1] + _numpy(norm.moving_variance)
    for total, norm, momentum in zip(sums, norms, before, strict=True):
        norm.moving_mean.assign(total[0] / len(batches))
        norm.moving_variance.assign(total[1] / len(batches))
        norm.momentum = momentum


def _accuracy(network: keras.Model, images: NDArray[np.uint8], targets: NDArray[np.int64]) -> float:
    given = network.predict(images.astype(np.float32) / np.float32(255), batch_size=BATCH, verbose=0)
    return round(float((given.argmax(axis=1) == targets).mean()), 5)


def _numpy(variable: Any) -> NDArray[np.float64]:
    from keras import ops

    return np.asarray(ops.convert_to_numpy(variable), np.float64)
