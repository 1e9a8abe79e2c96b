"""Whether a network is worth exporting: better than always giving the commonest answer, and not one answer for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .statistics import Proportion, accuracy

ONE_ANSWER = 0.95
"""Share of the faces from which one answer counts as the only one."""

ENOUGH = 100
"""Faces under which an accuracy that is only not told apart from chance is a caution, not a failure."""

LOOK_AT = "look at the label order, the scaling and the training"


@dataclass(frozen=True)
class Usefulness:
    """What a network is worth on labelled faces."""

    accuracy: Proportion
    """Faces that it has right."""
    commonest: str
    """The commonest emotion among the faces."""
    commonest_share: float
    """Its share: what always answering it would have right, 0..1."""
    answer: str
    """The network's commonest answer."""
    answer_share: float
    """Its share of the answers, 0..1."""
    failures: tuple[str, ...] = ()
    """Why it is not worth exporting, a sentence each; empty where it is."""
    cautions: tuple[str, ...] = ()
    """What too few faces leave open."""

    @property
    def passed(self) -> bool:
        return not self.failures

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe."""
        return {
            "accuracy": self.accuracy.to_dict(),
            "commonest": self.commonest,
            "commonest_share": round(self.commonest_share, 5),
            "answer": self.answer,
            "answer_share": round(self.answer_share, 5),
            "failures": list(self.failures),
            "cautions": list(self.cautions),
            "passed": self.passed,
        }


def usefulness(probabilities: NDArray[np.float32], targets: NDArray[np.int64], labels: Sequence[str]) -> Usefulness:
    """What probabilities [N, K] are worth against targets [N], positions in labels; N at least 1.

    Faces of a single emotion cannot tell: nothing is said of them.
    """
    found = accuracy(probabilities, targets)
    truth = np.bincount(targets, minlength=len(labels)) / len(targets)
    given = np.bincount(probabilities.argmax(axis=1), minlength=len(labels)) / len(targets)
    common, answer = int(truth.argmax()), int(given.argmax())
    judged = Usefulness(found, labels[common], float(truth[common]), labels[answer], float(given[answer]))
    if truth[common] == 1:
        return judged
    failures, cautions = [], []
    low, high = found.interval
    right = (
        f"the network is right on {100 * found.value:.1f} % ({100 * low:.1f}-{100 * high:.1f}) of {found.count:,} faces"
    )
    always = f"always answering {labels[common]} ({100 * truth[common]:.1f} %)"
    if found.value <= truth[common] or (low <= truth[common] and found.count >= ENOUGH):
        failures.append(f"{right}, no better than {always}: {LOOK_AT}")
    elif low <= truth[common]:
        cautions.append(f"{right}, too few to tell it from {always}")
    if given[answer] >= ONE_ANSWER and given[answer] > truth[answer] + 0.05:
        failures.append(
            f"the network answers {labels[answer]} for {100 * given[answer]:.1f} % of {found.count:,} faces: {LOOK_AT}"
        )
    return Usefulness(
        found,
        judged.commonest,
        judged.commonest_share,
        judged.answer,
        judged.answer_share,
        tuple(failures),
        tuple(cautions),
    )
