"""Figures on predictions: proportions with their interval, accuracy, paired differences, divergence, calibration."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Z_95 = 1.959963984540054
"""Two-sided 95 % point of the normal distribution."""

CALIBRATION_BINS = 15


def finite(value: float | None) -> float | None:
    """None for numbers that JSON lacks."""
    return value if value is not None and math.isfinite(value) else None


@dataclass(frozen=True)
class Proportion:
    """hits of count, with its 95 % Wilson score interval; all in 0..1, nan where count is 0."""

    hits: int
    """Successes."""

    count: int
    """Trials."""

    @property
    def value(self) -> float:
        return self.hits / self.count if self.count else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        return wilson_interval(self.hits, self.count)

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe; value and wilson_95 are None where count is 0."""
        low, high = self.interval
        return {
            "value": round(self.value, 5) if self.count else None,
            "hits": self.hits,
            "count": self.count,
            "wilson_95": [round(low, 5), round(high, 5)] if self.count else None,
        }


@dataclass(frozen=True)
class ReliabilityBin:
    """Faces whose top probability falls into one bin."""

    faces: int
    """How many."""

    confidence: float
    """Their mean top probability; nan without faces."""

    accuracy: float
    """The share that is right; nan without faces."""


def wilson_interval(hits: float, count: float) -> tuple[float, float]:
    """95 % score interval of hits in count, in 0..1; nan where count is 0.

    Wilson (1927): holds its coverage for small counts and near 0 and 1, unlike the normal interval.
    """
    if not count:
        return math.nan, math.nan
    share, z2 = hits / count, Z_95 * Z_95
    centre = (share + z2 / (2 * count)) / (1 + z2 / count)
    spread = math.sqrt(share * (1 - share) / count + z2 / (4 * count * count))
    half = Z_95 * spread / (1 + z2 / count)
    return max(0.0, centre - half), min(1.0, centre + half)


def accuracy(probabilities: NDArray[np.float32], targets: NDArray[np.int64]) -> Proportion:
    """Share of rows of probabilities [N, K] whose largest is the target."""
    return Proportion(int((probabilities.argmax(axis=1) == targets).sum()), len(targets))


def confusion_matrix(probabilities: NDArray[np.float32], targets: NDArray[np.int64]) -> tuple[tuple[int, ...], ...]:
    """Faces by [true][predicted] for probabilities [N, K] and targets [N] in 0..K-1; K rows of K counts."""
    classes = probabilities.shape[1]
    confusion = np.zeros((classes, classes), dtype=int)
    np.add.at(confusion, (targets, probabilities.argmax(axis=1)), 1)
    return tuple(tuple(int(faces) for faces in row) for row in confusion)


def recalls(confusion: tuple[tuple[int, ...], ...]) -> tuple[Proportion, ...]:
    """Of each class's faces, the share that is found."""
    return tuple(Proportion(row[position], sum(row)) for position, row in enumerate(confusion))


def mcnemar_exact(right_to_wrong: int, wrong_to_right: int) -> float:
    """Two-sided exact McNemar p: the probability that a fair coin splits the changed faces at least as unevenly.

    McNemar (1947) with the binomial distribution in place of its chi-square; 1.0 where no face changed.
    """
    fewer, changed = min(right_to_wrong, wrong_to_right), right_to_wrong + wrong_to_right
    # From the largest term down, each from the one before: no factorial overflows and no large sum loses digits.
    log_choose = math.lgamma(changed + 1) - math.lgamma(fewer + 1) - math.lgamma(changed - fewer + 1)
    term = math.exp(log_choose - changed * math.log(2))
    tail = term
    for successes in range(fewer, 0, -1):
        term *= successes / (changed - successes + 1)
        if term < 1e-17 * tail:
            break
        tail += term
    return min(1.0, 2 * tail)


def paired_difference_interval(lost: float, gained: float, count: float) -> tuple[float, float]:
    """95 % interval of (lost - gained) / count, two proportions of the same faces; nan where count is 0.

    lost: faces that only the first has right.
    gained: only the second.

    In -1..1. Tango (1998), Statistics in Medicine 17: the differences that the score test does not reject. It holds its
    coverage for few faces and for none changed, where the normal interval has no width (Fagerland, Lydersen and Laake
    2014). Where it barely excludes 0, the exact McNemar p may still be above 0.05: the exact test is the more
    conservative one.
    """
    if not count:
        return math.nan, math.nan
    estimate = (lost - gained) / count
    return (
        _where_score_reaches(Z_95, lost, gained, count, -1.0, estimate),
        _where_score_reaches(-Z_95, lost, gained, count, estimate, 1.0),
    )


def _where_score_reaches(target: float, lost: float, gained: float, count: float, below: float, above: float) -> float:
    """The difference between below and above at which Tango's score, which falls with it, is target."""
    for _ in range(60):
        middle = (below + above) / 2
        if _tango_score(middle, lost, gained, count) > target:
            below = middle
        else:
            above = middle
    return (below + above) / 2


def _tango_score(difference: float, lost: float, gained: float, count: float) -> float:
    """Score of a hypothetical difference in -1..1; rarer: the likeliest share of gained faces under it."""
    a, c = 2 * count, -gained * difference * (1 - difference)
    b = -lost - gained + (2 * count - lost + gained) * difference
    rarer = (math.sqrt(max(0.0, b * b - 4 * a * c)) - b) / (2 * a)
    variance = count * (2 * rarer + difference * (1 - difference))
    if variance <= 0:  # every face lost, or every face gained, and that is the hypothesis
        return 0.0
    return (lost - gained - count * difference) / math.sqrt(variance)


def kl_divergence(reference: NDArray[np.float32], given: NDArray[np.float32]) -> float:
    """Mean over faces of KL(reference || given) of two [N, K] probabilities, in nats; nan if one is NaN.

    A byte softmax gives exact zeros, which mean anything below half a step: a zero of `given` counts as half of the
        smallest probability it gives anywhere, at most 1/512, and rows are scaled to sum to 1 again.
    """
    if not (np.isfinite(reference).all() and np.isfinite(given).all()):
        return math.nan
    p, q = reference.astype("float64"), given.astype("float64")
    smallest = q[q > 0].min(initial=1.0)
    q = np.maximum(q, min(smallest / 2, 1 / 512))
    p, q = p / p.sum(axis=1, keepdims=True), q / q.sum(axis=1, keepdims=True)
    ratio = np.divide(p, q, out=np.ones_like(p), where=p > 0)
    return max(0.0, float((p * np.log(ratio)).sum(axis=1).mean()))


def reliability(
    probabilities: NDArray[np.float32], targets: NDArray[np.int64], bins: int = CALIBRATION_BINS
) -> tuple[ReliabilityBin, ...]:
    """Confidence against accuracy over equal-width bins of the top probability, from 0 to 1.

    Faces whose top probability is NaN are in no bin.
    """
    confidence = probabilities.max(axis=1).astype("float64")
    known = np.isfinite(confidence)
    confidence, correct = confidence[known], (probabilities.argmax(axis=1) == targets)[known]
    position = np.clip((confidence * bins).astype(int), 0, bins - 1)
    faces = np.bincount(position, minlength=bins)
    confident, right = (np.bincount(position, weights, minlength=bins) for weights in (confidence, correct))
    return tuple(
        ReliabilityBin(int(n), float(sure / n) if n else math.nan, float(hits / n) if n else math.nan)
        for n, sure, hits in zip(faces, confident, right, strict=True)
    )


def expected_calibration_error(
    probabilities: NDArray[np.float32], targets: NDArray[np.int64], bins: int = CALIBRATION_BINS
) -> float:
    """Mean gap of confidence and accuracy over the bins of `reliability`, weighted by faces, in 0..1.

    Guo et al. (2017); nan where a probability is NaN.
    """
    filled = [each for each in reliability(probabilities, targets, bins) if each.faces]
    if sum(each.faces for each in filled) < len(targets) or not filled:
        return math.nan
    return sum(each.faces * abs(each.confidence - each.accuracy) for each in filled) / len(targets)
