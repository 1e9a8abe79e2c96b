"""Weight rounding for int8.

Rounding each weight to the nearest step is not the best rounding where inputs are alike: the pixels under a 3x3 kernel
    rise and fall together, so nine errors of one sign add up. GPTQ (Frantar et al., 2022, arXiv:2210.17323) rounds
    weight by weight and corrects the error with the remaining ones, measured on the calibration faces. Its cost grows
    with the cube of a filter's inputs, so the widest layers, which lose least, are skipped.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..system.process import blas

if TYPE_CHECKING:
    import keras

MOST_INPUTS = 2100
"""Weights a filter may have: 3x3 over at most 233 channels."""

BLOCK = 128
DAMPING = 0.01
STEPS = 127


def rounded_to_steps(weights: NDArray[np.float64], patches: NDArray[np.float32]) -> NDArray[np.float64]:
    """Weights rounded to a grid of 127 steps of each filter's largest weight, so that patches @ error is small.

    weights: [filters, inputs]. A filter of zeros is unchanged.
    patches: what the kernel sees, [N, inputs].
    """
    largest = np.abs(weights).max(axis=1, keepdims=True)
    step = np.where(largest > 0, largest, 1.0) / STEPS
    squares = (patches.T @ patches).astype("float64")
    squares /= len(patches)
    del patches  # as large as what follows needs, where the caller has let go of it
    diagonal = np.einsum("ii->i", squares)
    diagonal += DAMPING * diagonal.mean() + 1e-12
    with blas.one_thread():
        steps = _steps(np.ascontiguousarray(weights.T), step[:, 0], squares).T
    rows, top = np.arange(len(weights)), np.abs(weights).argmax(axis=1)
    steps[rows, top] = np.rint(weights[rows, top] / step[:, 0])
    return steps * step


def _steps(
    weights: NDArray[np.float64], step: NDArray[np.float64], squares: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Weights [inputs, filters] in whole steps [filters], for inputs with these mean products [inputs, inputs].

    GPTQ without an inverse: with squares = U U', U upper triangular, the error of the outputs is the length of U' times
    the error of the weights, and row i of U' holds input i and those before it alone. So each weight in turn makes up
    for the errors of those before it.
    """
    shares = np.linalg.cholesky(squares[::-1, ::-1])[::-1, ::-1]
    shares /= np.diag(shares).copy()
    steps, errors = np.zeros_like(weights), np.zeros_like(weights)
    for start in range(0, len(weights), BLOCK):
        end = min(start + BLOCK, len(weights))
        wanted = weights[start:end] + shares[:start, start:end].T @ errors[:start]
        for i in range(start, end):
            wanted[i - start] += shares[start:i, i] @ errors[start:i]
            steps[i] = np.clip(np.rint(wanted[i - start] / step), -STEPS, STEPS)
            errors[i] = weights[i] - steps[i] * step
    return steps


def rounded_channels(weights: NDArray[np.float64], squares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Depthwise weights rounded as in `rounded_to_steps`, each channel by itself.

    weights: [channels, filters, inputs].
    squares: mean products of what each channel's kernel sees, [channels, inputs, inputs].
    """
    count = weights.shape[-1]
    largest = np.abs(weights).max(axis=-1)
    step = np.where(largest > 0, largest, 1.0) / STEPS
    mean = np.trace(squares, axis1=1, axis2=2)[:, None, None] / count
    inverse = np.linalg.inv(squares + (DAMPING * mean + 1e-12) * np.eye(count))
    upper = np.linalg.cholesky(inverse).transpose(0, 2, 1)
    left, steps = weights.copy(), np.zeros_like(weights)
    for i in range(count):
        steps[..., i] = np.clip(np.rint(left[..., i] / step), -STEPS, STEPS)
        error = (left[..., i] - steps[..., i] * step) / upper[:, None, i, i]
        left[..., i + 1 :] -= error[..., None] * upper[:, None, i, i + 1 :]
    top = np.abs(weights).argmax(axis=-1)[..., None]
    extremes = np.rint(np.take_along_axis(weights, top, -1) / step[..., None])
    np.put_along_axis(steps, top, extremes, -1)
    rounded: NDArray[np.float64] = steps * step[..., None]
    return rounded


def nearest(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights [filters, inputs] rounded one by one, as converters round them."""
    largest = np.abs(weights).max(axis=1, keepdims=True)
    step = np.where(largest > 0, largest, 1.0) / STEPS
    rounded: NDArray[np.float64] = np.rint(weights / step) * step
    return rounded


def windows(layer: keras.layers.Layer, kernel: tuple[int, ...], seen: NDArray[np.float32]) -> NDArray[np.float32]:
    """A view [N, rows, columns, channels, height, width] of what a kernel of that height and width sees everywhere."""
    (high, wide), (down, right) = layer.dilation_rate, layer.strides
    window = (kernel[0] - 1) * high + 1, (kernel[1] - 1) * wide + 1
    if layer.padding == "same":
        sides = zip(seen.shape[1:3], window, layer.strides, strict=True)
        seen = np.pad(seen, ((0, 0), *(_same_padding(*side) for side in sides), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(seen, window, axis=(1, 2))
    return windows[:, ::down, ::right, :, ::high, ::wide]


def _same_padding(size: int, window: int, stride: int) -> tuple[int, int]:
    """Zeros before and after a side: TensorFlow's rule, with the odd one after."""
    missing = max((math.ceil(size / stride) - 1) * stride + window - size, 0)
    return missing // 2, missing - missing // 2
