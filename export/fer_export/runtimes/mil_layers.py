"""Core ML's layers in NumPy: convolutions, products, pooling, normalisation, and weights that are stored in few bits.

Pictures are [N, C, H, W], as Core ML's are. Sums are float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np

from .mil_values import Array, Given

_MOST_PATCHES = 1 << 18
"""Values that a convolution copies at once, few enough for a processor's cache."""


def conv(given: Given) -> Array:
    x, weight, bias = given.array("x"), given.array("weight"), given.optional("bias")
    if x.ndim == 3:
        made = _conv(x[:, :, None], weight[:, :, None], *_window(given, x[:, :, None], weight.shape[2:], flat=True))
        made = made[:, :, 0]
    else:
        made = _conv(x, weight, *_window(given, x, weight.shape[2:]))
    return made if bias is None else made + bias.reshape(-1, *(1,) * (made.ndim - 2))


def conv_transpose(given: Given) -> Array:
    x, weight, bias = given.array("x"), given.array("weight"), given.optional("bias")
    count, channels, *sizes = x.shape
    kernel, groups = weight.shape[2:], given.int("groups", 1)
    strides, dilations = given.ints("strides", [1, 1]), given.ints("dilations", [1, 1])
    if len(sizes) != 2 or weight.shape[0] != channels or channels % groups:
        raise ValueError(f"an input {list(x.shape)} for a kernel {list(weight.shape)} in {groups} groups")
    whole = [
        (size - 1) * stride + (one - 1) * dilation + 1
        for size, stride, one, dilation in zip(sizes, strides, kernel, dilations, strict=True)
    ]
    grouped = x.reshape(count, groups, channels // groups, *sizes)
    own = weight.reshape(groups, channels // groups, -1, *kernel)
    made = np.zeros((count, groups, own.shape[2], *whole), np.float32)
    for row, column in product(*map(range, kernel)):
        down, right = (
            slice(first * dilation, first * dilation + (size - 1) * stride + 1, stride)
            for first, dilation, size, stride in zip((row, column), dilations, sizes, strides, strict=True)
        )
        made[..., down, right] += np.einsum("ngihw,gio->ngohw", grouped, own[..., row, column], optimize=True)
    made = _placed(
        given, made.reshape(count, -1, *whole), [size * stride for size, stride in zip(sizes, strides, strict=True)]
    )
    return made if bias is None else made + bias.reshape(-1, 1, 1)


def linear(given: Given) -> Array:
    made = given.array("x") @ given.array("weight").T
    bias = given.optional("bias")
    return made if bias is None else made + bias


def matmul(given: Given) -> Array:
    x, y = given.array("x"), given.array("y")
    x = np.swapaxes(x, -1, -2) if given.bool("transpose_x") else x
    y = np.swapaxes(y, -1, -2) if given.bool("transpose_y") else y
    return np.asarray(x @ y)


def einsum(given: Given) -> Array:
    return np.asarray(np.einsum(given.text("equation"), *given.all("values")))


def max_pool(given: Given) -> Array:
    return _pooled(given, np.maximum, -np.inf)


def avg_pool(given: Given) -> Array:
    total = _pooled(given, np.add, 0.0)
    if not given.bool("exclude_padding_from_average"):
        return total / np.float32(math.prod(given.ints("kernel_sizes")))
    ones = np.ones((1, 1, *given.array("x").shape[2:]), np.float32)
    return total / _pooled(given, np.add, 0.0, ones)


def batch_norm(given: Given) -> Array:
    x, mean, variance = given.array("x"), given.array("mean"), given.array("variance")
    scale = 1 / np.sqrt(variance + given.float("epsilon", 1e-5))
    gamma, beta = given.optional("gamma"), given.optional("beta")
    scale = scale if gamma is None else scale * gamma
    shift = -mean * scale if beta is None else beta - mean * scale
    around = (-1, *(1,) * (x.ndim - 2))
    return np.asarray(x * scale.reshape(around) + shift.reshape(around))


def layer_norm(given: Given) -> Array:
    x = given.array("x")
    axes = tuple(given.ints("axes", list(range(1, x.ndim))))
    around = [size if axis in {a % x.ndim for a in axes} else 1 for axis, size in enumerate(x.shape)]
    return _normalised(given, x, axes, around)


def instance_norm(given: Given) -> Array:
    x = given.array("x")
    return _normalised(given, x, tuple(range(2, x.ndim)), [-1, *[1] * (x.ndim - 2)])


def l2_norm(given: Given) -> Array:
    x = given.array("x")
    axes = tuple(range(x.ndim - 3, x.ndim)) if x.ndim > 3 else tuple(range(1, x.ndim))
    return np.asarray(x / np.sqrt(np.maximum((x * x).sum(axis=axes, keepdims=True), given.float("epsilon", 1e-6))))


def affine_dequantize(given: Given) -> Array:
    stored, axis = given.array("quantized_data"), given.int("axis")
    around = [-1 if dimension == axis % stored.ndim else 1 for dimension in range(stored.ndim)]
    scale, zero = (_along(given.array(name), around) for name in ("scale", "zero_point"))
    return np.asarray((stored.astype(np.float32) - zero) * scale)


def lut_to_dense(given: Given) -> Array:
    """iOS 16: indices of few bits each, one behind the other, the lowest bit first."""
    table, shape = given.array("lut").astype(np.float32), given.ints("shape")
    bits, count = max(1, (len(table) - 1).bit_length()), math.prod(shape)
    packed = given.array("indices").view(np.uint8)
    if len(packed) * 8 < bits * count:
        raise ValueError("too few indices")
    single = np.unpackbits(packed, count=bits * count, bitorder="little").reshape(count, bits)
    places = single @ (1 << np.arange(bits))
    return np.asarray(table[places].reshape(shape))


def blockwise_shift_scale(given: Given) -> Array:
    """iOS 18: a scale and an offset for each block."""
    stored = given.array("data").astype(np.float32)
    offset = given.optional("offset")
    stored = stored if offset is None else stored - _over_blocks(offset.astype(np.float32), stored.shape)
    return np.asarray(stored * _over_blocks(given.array("scale").astype(np.float32), stored.shape))


def _over_blocks(values: Array, shape: Sequence[int]) -> Array:
    for axis, size in enumerate(shape):
        if size % values.shape[axis]:
            raise ValueError("blocks that do not fill the weights")
        values = np.repeat(values, size // values.shape[axis], axis)
    return values


def _along(values: Array, around: list[int]) -> Array:
    values = values.astype(np.float32)
    return values.reshape(around) if values.ndim == 1 else values


def _normalised(given: Given, x: Array, axes: tuple[int, ...], around: Sequence[int]) -> Array:
    mean = x.mean(axis=axes, keepdims=True)
    made = (x - mean) / np.sqrt(x.var(axis=axes, keepdims=True) + given.float("epsilon", 1e-5))
    gamma, beta = given.optional("gamma"), given.optional("beta")
    made = made if gamma is None else made * gamma.reshape(around)
    return np.asarray(made if beta is None else made + beta.reshape(around))


def _window(
    given: Given, x: Array, kernel: Sequence[int], flat: bool = False
) -> tuple[list[tuple[int, int]], list[int], list[int], int]:
    """Zeros before and after each side, strides, dilations, groups."""
    sides = 1 if flat else len(kernel)
    strides, dilations = given.ints("strides", [1] * sides), given.ints("dilations", [1] * sides)
    pad = given.ints("pad", [0] * 2 * sides)
    if flat:
        kernel, strides, dilations, pad = (1, *kernel), [1, *strides], [1, *dilations], [0, 0, *pad]
    reach = [(size - 1) * dilation + 1 for size, dilation in zip(kernel, dilations, strict=True)]
    pads = _padding(given.text("pad_type", "valid"), x.shape[2:], reach, strides, pad)
    return pads, strides, dilations, given.int("groups", 1)


def _padding(
    kind: str, sizes: Sequence[int], reach: Sequence[int], strides: Sequence[int], pad: Sequence[int]
) -> list[tuple[int, int]]:
    if kind == "valid":
        return [(0, 0)] * len(sizes)
    if kind == "custom":
        return list(zip(pad[::2], pad[1::2], strict=True))
    if kind not in ("same", "same_lower"):
        raise ValueError(f"padding {kind[:20]!r}")
    missing = [
        max((math.ceil(size / stride) - 1) * stride + one - size, 0)
        for size, one, stride in zip(sizes, reach, strides, strict=True)
    ]
    # The odd one after, with same_lower before.
    first = [(each + (kind == "same_lower")) // 2 for each in missing]
    return [(before, each - before) for before, each in zip(first, missing, strict=True)]


def _placed(given: Given, whole: Array, same: Sequence[int]) -> Array:
    """The part of all that a transposed convolution reaches which its padding keeps; zeros where it reaches nothing."""
    kind, pad = given.text("pad_type", "valid"), given.ints("pad", [0] * 4)
    around = list(zip(pad[::2], pad[1::2], strict=True)) if kind == "custom" else [(0, 0)] * 2
    sizes = [size - before - after for size, (before, after) in zip(whole.shape[2:], around, strict=True)]
    sizes = list(same) if kind == "same" else sizes
    sizes = given.ints("output_shape", [1, 1, *sizes])[2:]
    firsts = [before for before, _ in around]
    if kind == "same":
        firsts = [max(full - size, 0) // 2 for full, size in zip(whole.shape[2:], sizes, strict=True)]
    cut = whole[:, :, firsts[0] : firsts[0] + sizes[0], firsts[1] : firsts[1] + sizes[1]]
    missing = [(0, size - found) for size, found in zip(sizes, cut.shape[2:], strict=True)]
    return np.pad(cut, ((0, 0), (0, 0), *missing))


def _conv(
    x: Array, weight: Array, pads: list[tuple[int, int]], strides: list[int], dilations: list[int], groups: int
) -> Array:
    if any(before or after for before, after in pads):
        x = np.pad(x, ((0, 0), (0, 0), *pads))
    count, channels = x.shape[:2]
    filters, each, *kernel = weight.shape
    if each * groups != channels or filters % groups:
        raise ValueError(f"{channels} channels for a kernel {list(weight.shape)} in {groups} groups")
    sizes = [
        (size - (one - 1) * dilation - 1) // stride + 1
        for size, one, dilation, stride in zip(x.shape[2:], kernel, dilations, strides, strict=True)
    ]
    if min(sizes) < 1:
        raise ValueError("a kernel larger than the picture")

    def tap(of: Array, row: int, column: int) -> Array:
        """What one weight of a kernel sees."""
        (down, right), (high, wide) = strides, dilations
        top, left = row * high, column * wide
        return of[..., top : top + (sizes[0] - 1) * down + 1 : down, left : left + (sizes[1] - 1) * right + 1 : right]

    places = list(product(range(kernel[0]), range(kernel[1])))
    if each == 1 and groups > 1:
        own = weight.reshape(groups, filters // groups, *kernel)
        made = np.zeros((count, groups, filters // groups, *sizes), np.float32)
        for row, column in places:
            made += tap(x, row, column)[:, :, None] * own[None, :, :, row, column, None, None]
        return made.reshape(count, filters, *sizes)
    made = np.empty((count, filters, math.prod(sizes)), np.float32)
    inputs, outputs = each * len(places), filters // groups
    step = max(1, _MOST_PATCHES // (inputs * math.prod(sizes)))
    for group, start in product(range(groups), range(0, count, step)):
        seen = x[start : start + step, group * each : (group + 1) * each]
        patches = np.empty((len(seen), each, len(places), *sizes), np.float32)
        for number, place in enumerate(places):
            patches[:, :, number] = tap(seen, *place)
        own = weight[group * outputs : (group + 1) * outputs].reshape(outputs, inputs)
        made[start : start + step, group * outputs : (group + 1) * outputs] = own @ patches.reshape(
            len(seen), inputs, -1
        )
    return made.reshape(count, filters, *sizes)


def _pooled(given: Given, join: Callable[[Array, Array], Array], outside: float, x: Array | None = None) -> Array:
    x = given.array("x") if x is None else x
    kernel = given.ints("kernel_sizes")
    sides = len(kernel)
    strides, pad = given.ints("strides", [1] * sides), given.ints("pad", [0] * 2 * sides)
    pads = _padding(given.text("pad_type", "valid"), x.shape[2:], kernel, strides, pad)
    if given.bool("ceil_mode"):
        pads = [
            (before, after + -(size + before + after - one) % stride)
            for (before, after), size, one, stride in zip(pads, x.shape[2:], kernel, strides, strict=True)
        ]
    if any(before or after for before, after in pads):
        x = np.pad(x, ((0, 0), (0, 0), *pads), constant_values=outside)
    sizes = [(size - one) // stride + 1 for size, one, stride in zip(x.shape[2:], kernel, strides, strict=True)]
    made: Array | None = None
    for place in product(*map(range, kernel)):
        cut = tuple(
            slice(first, first + (size - 1) * stride + 1, stride)
            for first, size, stride in zip(place, sizes, strides, strict=True)
        )
        seen = x[(slice(None), slice(None), *cut)]
        made = seen if made is None else join(made, seen)
    if made is None or min(sizes) < 1:
        raise ValueError("a window larger than the picture")
    return made
