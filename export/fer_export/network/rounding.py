"""Weight rounding for the convolutions of an int8 network.

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

from ..dataset import batch_of

if TYPE_CHECKING:
    import keras

MOST_INPUTS = 2100
"""Weights a filter may have: 3x3 over at most 233 channels."""

BATCH = 64
PATCHES = 20_000
BLOCK = 128
DAMPING = 0.01
STEPS = 127


def round_convolutions(network: keras.Model, images: NDArray[np.float32]) -> int:
    """Put the kernels of a network's convolutions on their int8 grid, in place; returns how many.

    The largest weight of a filter keeps its value, so a converter that scales a filter by its largest weight finds
    exactly these steps.

    images: float32 [N, S, S, C] as the network takes them.
    """
    import keras

    rounded = 0
    for layer in network.layers:
        if type(layer) is not keras.layers.Conv2D or layer.groups != 1 or len(layer._inbound_nodes) != 1:
            continue
        kernel, *bias = layer.get_weights()
        inputs = kernel[..., 0].size
        if inputs == 1 or inputs > MOST_INPUTS:
            continue
        patches = patches_of(network, layer, images)
        flat = rounded_to_steps(kernel.reshape(inputs, -1).T.astype("float64"), patches)
        layer.set_weights([flat.T.reshape(kernel.shape).astype("float32"), *bias])
        rounded += 1
    return rounded


def rounded_to_steps(weights: NDArray[np.float64], patches: NDArray[np.float32]) -> NDArray[np.float64]:
    """Weights rounded to a grid of 127 steps of each filter's largest weight, so that patches @ error is small.

    weights: [filters, inputs]. A filter of zeros is unchanged.
    patches: what the kernel sees, [N, inputs].
    """
    largest = np.abs(weights).max(axis=1, keepdims=True)
    step = np.where(largest > 0, largest, 1.0) / STEPS
    hessian = (patches.T @ patches).astype("float64") / len(patches)
    hessian += DAMPING * np.diag(hessian).mean() * np.eye(len(hessian)) + 1e-12 * np.eye(len(hessian))
    inverse = np.linalg.cholesky(np.linalg.inv(hessian)).T
    left, steps = weights.copy(), np.zeros_like(weights)
    for start in range(0, weights.shape[1], BLOCK):
        end = min(start + BLOCK, weights.shape[1])
        errors = np.zeros((len(weights), end - start))
        for i in range(start, end):
            steps[:, i] = np.clip(np.rint(left[:, i] / step[:, 0]), -STEPS, STEPS)
            error = errors[:, i - start] = (left[:, i] - steps[:, i] * step[:, 0]) / inverse[i, i]
            left[:, i + 1 : end] -= np.outer(error, inverse[i, i + 1 : end])
        left[:, end:] -= errors @ inverse[start:end, end:]
    rows, top = np.arange(len(weights)), np.abs(weights).argmax(axis=1)
    steps[rows, top] = np.rint(weights[rows, top] / step[:, 0])
    return steps * step


def patches_of(network: keras.Model, layer: keras.layers.Layer, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the layer's kernel sees: float32 [some PATCHES, inputs], evenly drawn, channels fastest."""
    import keras

    before = keras.Model(network.inputs[0], layer.input)
    batch, drawn = batch_of(BATCH, images.shape[1]), []
    for start in range(0, len(images), batch):
        windows = _windows(layer, np.asarray(before(images[start : start + batch], training=False)))
        each = math.prod(windows.shape[1:3])
        step = max(1, len(images) * each // PATCHES)
        own = np.arange(-start * each % step, len(windows) * each, step)
        rows = windows[np.unravel_index(own, windows.shape[:3])].transpose(0, 2, 3, 1)
        drawn.append(rows.reshape(len(rows), -1))
    return np.ascontiguousarray(np.concatenate(drawn), "float32")


def _windows(layer: keras.layers.Layer, seen: NDArray[np.float32]) -> NDArray[np.float32]:
    """A view [N, rows, columns, channels, height, width] of what the kernel sees at every place."""
    (high, wide), (down, right) = layer.dilation_rate, layer.strides
    window = (layer.kernel_size[0] - 1) * high + 1, (layer.kernel_size[1] - 1) * wide + 1
    if layer.padding == "same":
        sides = zip(seen.shape[1:3], window, layer.strides, strict=True)
        seen = np.pad(seen, ((0, 0), *(_same_padding(*side) for side in sides), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(seen, window, axis=(1, 2))
    return windows[:, ::down, ::right, :, ::high, ::wide]


def _same_padding(size: int, window: int, stride: int) -> tuple[int, int]:
    """Zeros before and after a side: TensorFlow's rule, with the odd one after."""
    missing = max((math.ceil(size / stride) - 1) * stride + window - size, 0)
    return missing // 2, missing - missing // 2
