"""How sure a network says it is, against how often it is right: one number that its logits are divided by.

Guo et al. 2017, "On Calibration of Modern Neural Networks". The emotion that is named stays the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .prior import shifted

if TYPE_CHECKING:
    from ..checkpoint import Checkpoint

LOWEST, HIGHEST, STEPS = 0.25, 4.0, 401
"""Temperatures that are tried, in equal ratios."""


def fitted(probabilities: NDArray[np.float32], targets: NDArray[np.int64]) -> float:
    """The temperature that gives the true labels the least mean negative log likelihood.

    probabilities: float32 [N, K], a network's answers; targets: their true labels, [N].
    """
    logits = np.log(np.clip(probabilities.astype(np.float64), 1e-12, None))
    tried = np.geomspace(LOWEST, HIGHEST, STEPS)
    losses = [_loss(logits / temperature, targets) for temperature in tried]
    return float(round(tried[int(np.argmin(losses))], 4))


def with_temperature(checkpoint: Checkpoint, temperature: float) -> Checkpoint:
    """The network with its logits divided by a temperature, in the weights of its last dense layer where it has one.

    Raises ConversionError for a network that does not end in a visible softmax.
    """
    moved = shifted(checkpoint.network, np.zeros(len(checkpoint.labels)), temperature)
    return replace(checkpoint, network=moved)


def _loss(logits: NDArray[np.float64], targets: NDArray[np.int64]) -> float:
    highest = logits.max(axis=1, keepdims=True)
    total = highest[:, 0] + np.log(np.exp(logits - highest).sum(axis=1))
    return float((total - logits[np.arange(len(targets)), targets]).mean())
