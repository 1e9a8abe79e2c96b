"""The loss that takes the shares of the emotions out of what a network learns.

While it learns, log(share) of each emotion is added to its logits, so the network itself need not learn the shares: it
answers as if all were equally frequent (Menon et al. 2021, "Long-tail learning via logit adjustment"; with tau 1, Ren
et al. 2020, "Balanced meta-softmax"). `network.prior` does the same to a network that is trained already.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def loss(shares: NDArray[np.float64], tau: float, label_smoothing: float) -> Callable[[Any, Any], Any]:
    """Cross-entropy of probabilities [N, K] under log(share) * tau; the plain one where tau is 0.

    shares: of the emotions among the targets, float64 [K].
    tau: how much of their logarithm is added to the logits, 0..1.
    label_smoothing: share of the target that is spread over all emotions.
    """
    import keras

    plain: Callable[[Any, Any], Any] = keras.losses.CategoricalCrossentropy(label_smoothing=label_smoothing)
    if tau == 0:
        return plain
    factors = (np.maximum(shares, 1e-6) ** tau).astype(np.float32)

    def adjusted(targets: Any, probabilities: Any) -> Any:
        # Adding to logits multiplies probabilities; the cross-entropy divides them by their sum.
        return plain(targets, probabilities * factors)

    return adjusted


def learned_shares(shares: Sequence[float] | NDArray[np.float64], tau: float) -> NDArray[np.float64]:
    """The shares that a network's answers assume after training with tau: float64 [K], of sum 1."""
    left: NDArray[np.float64] = np.asarray(shares, np.float64) ** (1.0 - tau)
    return np.asarray(left / left.sum())
