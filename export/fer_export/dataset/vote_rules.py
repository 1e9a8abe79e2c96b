"""FER+'s rules: how ten people's votes become one emotion or a distribution."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .emotions import canonical

CHOICES = ("neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", "contempt", "unknown", "NF")
"""What people could choose, in the order of the file's columns: eight emotions, unknown, no face."""

EMOTIONS = CHOICES[:8]
"""Those that are emotions."""


def without_singles(votes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Votes [N, 10] as int64, single votes set to 0."""
    return np.where(votes == 1, 0, votes).astype(np.int64)


def majority(votes: NDArray[np.uint8], labels: Sequence[str]) -> NDArray[np.int64]:
    """Position in `labels` of each face's majority, int64 [N]; -1 where there is none or it is not among them."""
    cleaned = without_singles(votes)
    chosen = _of_labels(cleaned, labels)
    found = 2 * chosen.max(axis=1) > cleaned.sum(axis=1)
    return np.where(found, chosen.argmax(axis=1), -1).astype(np.int64)


def distribution(votes: NDArray[np.uint8], labels: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Faces that can be learned from, and the shares of the labels in their votes.

    votes: uint8 [N, 10].
    labels: emotions that FER+ asks for.

    Returns positions int64 [M] of the faces where these emotions have more than half of the votes, single votes
    removed, and their shares float32 [M, K], which sum to 1.
    """
    cleaned = without_singles(votes)
    chosen = _of_labels(cleaned, labels)
    kept = np.flatnonzero(2 * chosen.sum(axis=1) > cleaned.sum(axis=1))
    taken = chosen[kept]
    return kept, (taken / taken.sum(axis=1, keepdims=True)).astype(np.float32)


def _of_labels(votes: NDArray[np.int64], labels: Sequence[str]) -> NDArray[np.int64]:
    """Votes [N, K] for these labels; 0 for a label that people could not choose."""
    known = np.concatenate([votes[:, : len(EMOTIONS)], np.zeros((len(votes), 1), np.int64)], axis=1)
    names = [canonical(label) for label in labels]
    return known[:, [EMOTIONS.index(name) if name in EMOTIONS else len(EMOTIONS) for name in names]]
