"""Figures on predictions: proportions with their interval, accuracy, calibration error."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Z_95 = 1.959963984540054
"""Two-sided 95 % point of the normal distribution."""


@dataclass(frozen=True)
class Proportion:
    """hits of count, with its 95 % Wilson score interval; all in 0..1, nan where count is 0."""

    hits: int
    count: int

    @property
    def value(self) -> float:
        return self.hits / self.count if self.count else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson (1927): holds its coverage for small counts and near 0 and 1, unlike the normal interval."""
        if not self.count:
            return math.nan, math.nan
        share, z2 = self.value, Z_95 * Z_95
        centre = (share + z2 / (2 * self.count)) / (1 + z2 / self.count)
        spread = math.sqrt(share * (1 - share) / self.count + z2 / (4 * self.count * self.count))
        half = Z_95 * spread / (1 + z2 / self.count)
        return max(0.0, centre - half), min(1.0, centre + half)

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe; value and wilson_95 are None where count is 0."""
        low, high = self.interval
        return {
            "value": round(self.value, 5) if self.count else None,
            "hits": self.hits,
            "count": self.count,
            "wilson_95": [round(low, 5), round(high, 5)] if self.count else None,
        }


def accuracy(probabilities: NDArray[np.float32], targets: NDArray[np.int64]) -> Proportion:
    """Share of rows of probabilities [N, K] whose largest is the target."""
    return Proportion(int((probabilities.argmax(axis=1) == targets).sum()), len(targets))


def expected_calibration_error(probabilities: NDArray[np.float32], targets: NDArray[np.int64], bins: int = 15) -> float:
    """Guo et al. 2017 over equal-width bins of the top probability, in 0..1."""
    confidence = probabilities.max(axis=1).astype("float64")
    correct = probabilities.argmax(axis=1) == targets
    position = np.minimum((confidence * bins).astype(int), bins - 1)
    faces = np.bincount(position, minlength=bins)
    gaps = np.abs(
        np.bincount(position, weights=correct, minlength=bins) - np.bincount(position, confidence, minlength=bins)
    )
    return float(gaps.sum() / faces.sum())
