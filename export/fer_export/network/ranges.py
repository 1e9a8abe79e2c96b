"""Ranges of 8-bit activations by their error: a few rare extremes are cut off where that makes all steps finer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STEPS = 255
"""Steps of an 8-bit activation."""

BINS = 2048
"""Bins of the histogram in which errors are counted."""

LEAST = 0.3
"""Smallest share of an extreme that is kept."""

TRIED = 29
"""Shares tried for each end, from LEAST to 1."""

GAIN = 0.97
"""A range is cut only where that brings the squared error below this share of what the extremes give."""


def best_range(values: NDArray[np.floating]) -> tuple[float, float]:
    """The range, 0 in it, whose 8-bit grid gives the values [any shape] with the least squared error."""
    flat = np.asarray(values, np.float32).reshape(-1)
    lowest, highest = min(float(flat.min()), 0.0), max(float(flat.max()), 0.0)
    if not np.isfinite(highest - lowest) or highest - lowest <= 0:
        return lowest, highest
    counts, edges = np.histogram(flat, BINS, (lowest, highest))
    # Zeros, of which a ReLU gives many, lie on every grid.
    zeros = int((flat == 0).sum())
    counts[min(int(-lowest / (highest - lowest) * BINS), BINS - 1)] -= zeros
    return best_of_histogram(counts.astype(np.float64), edges)


def best_of_histogram(counts: NDArray[np.float64], edges: NDArray[np.float64]) -> tuple[float, float]:
    """The range for values counted in bins; counts: [B], edges: [B + 1], 0 between the first and the last."""
    centres = (edges[:-1] + edges[1:]) / 2
    lowest, highest, total = float(edges[0]), float(edges[-1]), float(counts.sum())
    shares = np.linspace(LEAST, 1.0, TRIED)
    ends = [shares * lowest if lowest < 0 else np.zeros(1), shares * highest if highest > 0 else np.zeros(1)]
    cut_below = [float((counts * np.minimum(centres - low, 0) ** 2).sum()) for low in ends[0]]
    cut_above = [float((counts * np.maximum(centres - high, 0) ** 2).sum()) for high in ends[1]]
    steps = (ends[1][None, :] - ends[0][:, None]) / STEPS
    errors = total * steps**2 / 12 + np.array(cut_below)[:, None] + np.array(cut_above)[None, :]
    low, high = np.unravel_index(int(errors.argmin()), errors.shape)
    if errors[low, high] > GAIN * errors[-1, -1]:
        return lowest, highest
    return float(ends[0][low]), float(ends[1][high])


def on_grid(values: NDArray[np.float32], low: float, high: float) -> NDArray[np.float32]:
    """The values on the 8-bit grid of a range that holds 0."""
    if high <= low:
        return values
    step = np.float32((high - low) / STEPS)
    zero = np.float32(np.rint(-low / step))
    stored = np.clip(np.rint(values / step) + zero, 0, STEPS)
    return np.asarray((stored - zero) * step, np.float32)
