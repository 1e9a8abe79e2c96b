"""Channels that never change, as those of an ELU that is -1 for every face.

int8 rounds a constant that is not on the grid by the same amount for each face. A batch norm behind it has learned that
the channel hardly varies and multiplies it by 1 / sqrt(epsilon), some 30: the rounding becomes one of the largest
numbers of the layer. A batch norm that gives what it computes for the constant, whatever it reads, is exact instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..dataset import batch_of
from .batch_norms import ChannelScale
from .steps import Step, Trace

if TYPE_CHECKING:
    import keras

BATCH = 32

SATURATING = frozenset(
    {"celu", "elu", "hard_sigmoid", "hard_tanh", "selu", "sigmoid", "soft_sign", "softsign", "tanh", "tanh_shrink"}
)
"""Activations that give the same number for every input beyond some, which is not 0."""

STEPS, SHARE = 255, 0.1
"""A channel is constant where it varies by less than this share of a step of the grid, and at 0 it is on the grid."""


def absorb_constants(network: keras.Model, images: NDArray[np.float32]) -> int:
    """Make batch norms exact for constant channels, in place; returns how many channels there are.

    network: functional or Sequential, from `prepare.without_batch_norms`.
    images: float32 [N, S, S, C] as the network takes them; their mirror images count as well.
    """
    trace = Trace(network)
    wanted = {step.layer: step for step in trace.steps if isinstance(step.operation, ChannelScale)}
    wanted = {layer: step for layer, step in wanted.items() if trace.called_once(step)}
    if not wanted or not any(_saturates(step.operation) for step in trace.steps):
        return 0
    found = 0
    for layer, (low, high) in _extremes(trace, wanted, images).items():
        grid = (max(high.max(), 0.0) - min(low.min(), 0.0)) / STEPS
        middle = (low + high) / 2
        scale = wanted[layer].operation
        kernel, bias = scale.get_weights()
        constant = (high - low < SHARE * grid) & (np.abs(middle) > SHARE * grid) & (kernel.reshape(-1) != 0)
        bias += np.where(constant, kernel.reshape(-1) * middle, 0.0).astype(np.float32)
        kernel[:, :, constant] = 0.0
        scale.set_weights([kernel, bias])
        found += int(constant.sum())
    return found


def _saturates(operation: Any) -> bool:
    activation = getattr(operation, "activation", operation)
    return str(getattr(activation, "__name__", type(activation).__name__)).lower() in SATURATING


def _extremes(trace: Trace, wanted: dict[str, Step], images: NDArray[np.float32]) -> dict[str, Any]:
    """The smallest and the largest value of each channel that a layer reads, float64 [C] each."""
    found: dict[str, Any] = {}
    batch = batch_of(BATCH, images.shape[1])
    for start in range(0, len(images), batch):
        faces = images[start : start + batch]
        for given in (faces, faces[:, :, ::-1]):
            for step, values in trace.run(np.ascontiguousarray(given)):
                if step.layer in wanted:
                    read = np.asarray(values[next(iter(step.reads.values()))], np.float64)
                    channels = read.reshape(-1, read.shape[-1])
                    low, high = found.get(step.layer, (np.inf, -np.inf))
                    found[step.layer] = np.minimum(low, channels.min(axis=0)), np.maximum(high, channels.max(axis=0))
    return found
