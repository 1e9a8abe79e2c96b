"""Mixup: every face of an epoch mixed with another, the targets in the same proportion.

Zhang et al. (2018), "mixup: Beyond empirical risk minimization". A face and its partner are mixed before they are
augmented, so both are turned and shifted alike.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def mixed(
    images: NDArray[np.uint8], targets: NDArray[np.float32], alpha: float, random: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """images uint8 [N, S, S, C] and targets float32 [N, K], each with those of a partner drawn without repetition.

    A face's own part is drawn from Beta(alpha, alpha) and is at least one half, so that it remains the face it was.
    """
    partner = random.permutation(len(images))
    own = random.beta(alpha, alpha, len(images)).astype(np.float32)
    own = np.maximum(own, 1 - own)
    part = own[:, None, None, None]
    blended = np.rint(part * images + (1 - part) * images[partner]).astype(np.uint8)
    return blended, own[:, None] * targets + (1 - own[:, None]) * targets[partner]
