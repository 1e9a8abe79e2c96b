"""Weights fitted to int8, layer by layer, on the calibration faces.

Weights are rounded together (see rounding). In networks with depthwise convolutions each layer is fed with what the
int8 network computes before it and fitted to what the float network computes: the weights first move a little so as to
undo what the layers before did (a ridge regression), and the bias takes up the mean error that is left. That helps
Xceptions and harms MobileNets: what suits the faces of the fit does not suit others there. So both ways are tried, and
the one whose answers to mirrored faces are closer stays.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..dataset import batch_of
from ..system.process import allocator
from . import ranges
from .equalise import depthwise_half
from .rounding import MOST_INPUTS, nearest, rounded_channels, rounded_to_steps, windows
from .steps import INPUT, Step, Trace

if TYPE_CHECKING:
    import keras

BATCH = 32
"""Faces computed at a time."""
FACES = 8
"""Faces whose patches are drawn at a time."""

HELD = 64
"""Faces that are mirrored to compare the ways."""

CLOSER = 0.85
"""Rounding alone stays where its error is below this share of the other's: on other people's Xceptions the error of
these few faces is off by a tenth, on MobileNets and EfficientNets it is 0.26 to 0.82 of the other's."""

PATCHES = 20_000
RIDGE = 0.05
"""Weight of the unmoved weights in the regression, beside the mean square of the inputs."""

VALUES = 1 << 27
"""Values of one layer's output that are held at most; fewer faces are used of large pictures."""

Batches = list[NDArray[np.float32]]


def fit(
    network: keras.Model, images: NDArray[np.float32], *, compensated: bool = True, fine_activations: bool = False
) -> int:
    """Put the weights of a network's convolutions on their int8 grid, in place; returns how many layers changed.

    The largest weight of a filter keeps its value or stays the largest, so a converter that scales a filter by its
    largest weight finds exactly these steps.

    images: float32 [N, S, S, C] as the network takes them.
    compensated: whether weights and biases may also make up for what the layers before did; without it the kernels of
        convolutions are rounded together, and nothing else changes.
    fine_activations: whether the file holds activations in more than 8 bits, whose steps need not be made up for.
    """
    trace = Trace(network)
    largest = max(math.prod(side or 1 for side in shape[1:]) for shape in trace.shapes.values())
    used = images[np.linspace(0, len(images) - 1, max(1, min(len(images), VALUES // largest))).astype(int)]
    if not compensated:
        return _fit_all(trace, used, compensated=False, grid=False)
    before, wanted = network.get_weights(), _answers(trace, used, grid=False)
    found = []
    for compensating in (True, False):
        network.set_weights(before)
        count = _fit_all(trace, used, compensated=compensating, grid=not fine_activations)
        weights = network.get_weights()
        for step in trace.steps if not compensating else ():
            if _is_fitted(step.operation):
                _round_each(step.operation)
        answers = _answers(trace, used, grid=not fine_activations)
        error = np.abs(answers - wanted).reshape(len(wanted), -1).max(axis=1).mean()
        found.append((float(error), count, weights))
    fitted, rounded = found
    _, count, weights = rounded if rounded[0] < CLOSER * fitted[0] else fitted
    network.set_weights(weights)
    return count


def _fit_all(trace: Trace, images: NDArray[np.float32], *, compensated: bool, grid: bool) -> int:
    """Fit every layer in turn to what the layers before it compute; returns how many changed.

    grid: whether activations are stored in 8 bits; without compensation none is.
    """
    exact = {INPUT: _batches(images)}
    coarse, readers, fitted = dict(exact), trace.readers(), 0
    last = {number: step for step in trace.steps for number in step.reads.values()}
    for step in trace.steps:
        if compensated:
            _call(step, exact)
        if trace.called_once(step) and _is_fitted(step.operation):
            allocator.give_back()
            number = next(iter(step.reads.values()))
            if compensated:
                _fit(step.operation, exact[number], coarse[number])
                fitted += 1
            else:
                fitted += _round(step.operation, coarse[number])
        _call(step, coarse, _read_last(trace, step, last))
        if compensated and grid and _is_stored(step, readers):
            _store(step, coarse, readers)
        for number in (*step.reads.values(), *step.writes):
            if last.get(number, step) is step and number not in trace.outputs:
                for values in (exact, coarse):
                    values.pop(number, None)
    return fitted


def _answers(trace: Trace, images: NDArray[np.float32], *, grid: bool) -> NDArray[np.float32]:
    """What the network answers to faces that it was not fitted to: some of these, mirrored; [N, answers].

    grid: whether activations are stored in 8 bits, whose ranges the faces as they are set.
    """
    chosen = images[np.linspace(0, len(images) - 1, min(HELD, len(images))).astype(int)]
    values = {INPUT: [*_batches(chosen), *_batches(chosen[:, :, ::-1])]}
    own, readers = len(values[INPUT]) // 2, trace.readers()
    last = {number: step for step in trace.steps for number in step.reads.values()}
    for step in trace.steps:
        _call(step, values, _read_last(trace, step, last))
        if grid and _is_stored(step, readers):
            _store(step, values, readers, own)
        for number in step.writes:
            if number not in last and number not in trace.outputs:
                values.pop(number)
    answers = [np.concatenate(values[number][own:]).reshape(len(chosen), -1) for number in trace.outputs]
    return np.concatenate(answers, axis=1)


def _read_last(trace: Trace, step: Step, last: dict[int, Step]) -> list[int]:
    """The values that a step is the last to read, but for the network's answers."""
    return [number for number in step.reads.values() if last[number] is step and number not in trace.outputs]


def _batches(images: NDArray[np.float32]) -> Batches:
    size = batch_of(BATCH, images.shape[1])
    return [images[start : start + size] for start in range(0, len(images), size)]


def _round_each(layer: Any) -> None:
    """Round every kernel of a layer to its nearest steps, as a converter does."""
    from keras import layers

    kernels = list(layer.get_weights())
    depthwise = isinstance(layer, layers.DepthwiseConv2D | layers.SeparableConv2D)
    for i, kernel in enumerate(kernels):
        if kernel.ndim < 2:
            continue
        high, wide, *_ = kernel.shape
        inputs = high * wide if depthwise and i == 0 else kernel[..., 0].size
        kernels[i] = nearest(kernel.reshape(inputs, -1).T).T.reshape(kernel.shape).astype(np.float32)
    layer.set_weights(kernels)


def _call(step: Step, values: dict[int, Batches], read_last: Collection[int] = ()) -> None:
    """Add the outputs of a step to the values, and remove those that nothing reads any more, batch by batch."""
    count = len(next(iter(values.values())))
    given = {number: list(values[number]) for number in step.reads.values()}
    for number in read_last:
        values.pop(number, None)
    made: dict[int, Batches] = {number: [] for number in step.writes}
    for _ in range(count):
        answer = step.call({number: batches.pop(0) for number, batches in given.items()})
        for number, batches in made.items():
            batches.append(np.asarray(answer[number], np.float32))
    values.update(made)


def _store(step: Step, values: dict[int, Batches], readers: dict[int, list[Step]], measured: int | None = None) -> None:
    """Put a step's outputs on the grid that the file will have, by the first batches of them, or by all."""
    from keras import layers

    for number in step.writes:
        kept, following = values[number][:measured], readers[number]
        if len(following) == 1 and isinstance(following[0].operation, layers.MaxPooling2D):
            # What the pool drops needs no place on the grid.
            [pool] = following
            kept = [np.asarray(pool.call({number: batch})[pool.writes[0]], np.float32) for batch in kept]
        low, high = ranges.best_range(np.concatenate([batch.reshape(-1) for batch in kept]))
        values[number] = [ranges.on_grid(batch, low, high) for batch in values[number]]


def _is_stored(step: Step, readers: dict[int, list[Step]]) -> bool:
    """Whether the file will hold the step's output in 8 bits of its own: not where the next op is fused with it."""
    from keras import layers

    on_its_grid = (
        layers.MaxPooling2D,
        layers.GlobalMaxPooling2D,
        layers.ZeroPadding2D,
        layers.Cropping2D,
        layers.Flatten,
        layers.Reshape,
        layers.Permute,
        layers.RepeatVector,
    )
    if isinstance(step.operation, on_its_grid):
        return False
    following = [reader for number in step.writes for reader in readers[number]]
    return any(not _is_fused(reader.operation) for reader in following)


def _is_fused(layer: Any) -> bool:
    """Whether a converter lets the op before it compute this layer too."""
    from keras import activations, layers

    from .batch_norms import Absorbed

    if isinstance(layer, layers.Activation):
        return layer.activation in (activations.linear, activations.relu, activations.relu6)
    if isinstance(layer, layers.ReLU):
        return not layer.negative_slope and not layer.threshold
    return isinstance(layer, layers.Identity | layers.Dropout | layers.SpatialDropout2D | Absorbed)


def _is_fitted(layer: Any) -> bool:
    from keras import layers

    from .batch_norms import ChannelScale

    plain = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D, layers.Dense, ChannelScale)
    return type(layer) in plain and getattr(layer, "groups", 1) == 1


def _round(layer: Any, given: Batches) -> bool:
    """Round the kernel of a convolution of moderate size; whether it was one."""
    from keras import layers

    kernel, *bias = layer.get_weights()
    inputs = kernel[..., 0].size
    if type(layer) is not layers.Conv2D or not 1 < inputs <= MOST_INPUTS:
        return False
    weights = kernel.reshape(inputs, -1).T.astype(np.float64)
    rounded = rounded_to_steps(weights, patches_of(layer, kernel, given))
    layer.set_weights([rounded.T.reshape(kernel.shape).astype(np.float32), *bias])
    return True


def _fit(layer: Any, exact: Batches, coarse: Batches) -> None:
    from keras import layers

    if isinstance(layer, layers.SeparableConv2D):
        _fit_separable(layer, exact, coarse)
    elif isinstance(layer, layers.DepthwiseConv2D):
        kernel, *bias = layer.get_weights()
        kernel, shift = _fitted_depthwise(kernel, layer, exact, coarse)
        layer.set_weights([kernel, *(each + shift for each in bias)])
    else:
        kernel, *bias = layer.get_weights()
        kernel, shift = _fitted_dense(kernel, layer, exact, coarse)
        layer.set_weights([kernel, *(each + shift for each in bias)])


def _fit_separable(layer: Any, exact: Batches, coarse: Batches) -> None:
    depthwise, pointwise, *bias = layer.get_weights()
    between = [np.asarray(depthwise_half(layer, batch)) for batch in exact]
    depthwise, _ = _fitted_depthwise(depthwise, layer, exact, coarse)
    layer.set_weights([depthwise, pointwise, *bias])
    rounded = [np.asarray(depthwise_half(layer, batch)) for batch in coarse]
    low, high = ranges.best_range(np.concatenate([batch.reshape(-1) for batch in rounded]))
    rounded = [ranges.on_grid(batch, low, high) for batch in rounded]
    pointwise, shift = _fitted_dense(pointwise, None, between, rounded)
    layer.set_weights([depthwise, pointwise, *(each + shift for each in bias)])


def _fitted_dense(
    kernel: NDArray[np.float32], layer: Any, exact: Batches, coarse: Batches
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The kernel of a convolution or dense layer, and what to add to its bias.

    layer: gives strides and padding; None for a pointwise convolution.
    exact, coarse: its inputs in the float and in the int8 network.
    """
    inputs = kernel[..., 0].size
    weights = kernel.reshape(inputs, -1).T.astype(np.float64)
    wanted, given = patches_of(layer, kernel, exact), patches_of(layer, kernel, coarse)
    means = wanted.mean(axis=0, dtype=np.float64), given.mean(axis=0, dtype=np.float64)
    if kernel.ndim == 4 and 1 < inputs <= MOST_INPUTS:
        given -= means[1].astype(np.float32)
        moved = weights
        if exact is not coarse:
            wanted -= means[0].astype(np.float32)
            moved = _moved(weights, wanted, given)
        fitted = rounded = rounded_to_steps(moved, given)
    else:
        fitted, rounded = weights, nearest(weights)
    shift = weights @ means[0] - rounded @ means[1]
    return fitted.T.reshape(kernel.shape).astype(np.float32), shift.astype(np.float32)


def _moved(
    weights: NDArray[np.float64], wanted: NDArray[np.float32], given: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Weights [filters, inputs] that make of `given` what the weights make of `wanted` (both [N, inputs], mean 0)."""
    squares = (given.T @ given).astype(np.float64) / len(given)
    lacking = (given.T @ (wanted - given)).astype(np.float64) / len(given)
    ridge = RIDGE * np.diag(squares).mean() + 1e-12
    moved: NDArray[np.float64] = (
        weights + np.linalg.solve(squares + ridge * np.eye(len(squares)), lacking @ weights.T).T
    )
    return moved


def _fitted_depthwise(
    kernel: NDArray[np.float32], layer: Any, exact: Batches, coarse: Batches
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The depthwise kernel [h, w, C, M], and what to add to its bias [C * M]."""
    high, wide, channels, times = kernel.shape
    weights = kernel.reshape(high * wide, channels, times).transpose(1, 2, 0).astype(np.float64)
    wanted, given = (
        patches_of(layer, kernel, batches).reshape(-1, channels, high * wide) for batches in (exact, coarse)
    )
    means = wanted.mean(axis=0, dtype=np.float64), given.mean(axis=0, dtype=np.float64)
    rounded = weights
    if high * wide > 1:
        given = (given - means[1]).transpose(1, 0, 2)
        wanted = (wanted - means[0]).transpose(1, 0, 2)
        squares = given.transpose(0, 2, 1) @ given / given.shape[1]
        moved = weights
        if exact is not coarse:
            lacking = given.transpose(0, 2, 1) @ (wanted - given) / given.shape[1]
            ridge = RIDGE * np.trace(squares, axis1=1, axis2=2) / (high * wide) + 1e-12
            solved = np.linalg.solve(squares + ridge[:, None, None] * np.eye(high * wide), lacking)
            moved = weights + weights @ solved.transpose(0, 2, 1)
        rounded = rounded_channels(moved, squares)
    shift = np.einsum("cmk,ck->cm", weights, means[0]) - np.einsum("cmk,ck->cm", rounded, means[1])
    fitted = rounded.transpose(2, 0, 1).reshape(kernel.shape)
    return fitted.astype(np.float32), shift.reshape(-1).astype(np.float32)


def patches_of(layer: Any, kernel: NDArray[np.float32], batches: Batches) -> NDArray[np.float32]:
    """What a kernel sees: float32 [some PATCHES, inputs], evenly drawn; channels fastest, but first in depthwise ones.

    layer: gives strides and padding; None for a pointwise convolution.
    """
    from keras import layers

    if batches[0].ndim != 4 or kernel.ndim != 4:
        return np.concatenate(batches).reshape(-1, batches[0].shape[-1]).astype(np.float32)
    depthwise = isinstance(layer, layers.DepthwiseConv2D | layers.SeparableConv2D)

    def seen_in(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        return batch[..., None, None] if layer is None else windows(layer, kernel.shape[:2], batch)

    _, *rows_columns, channels, high, wide = seen_in(batches[0][:1]).shape
    each, faces = math.prod(rows_columns), sum(len(batch) for batch in batches)
    step = max(1, faces * each // (PATCHES // 4 if depthwise else PATCHES))
    drawn = np.arange(0, faces * each, step)
    # Filled batch by batch: the patches of a wide layer are the largest thing that is held.
    patches = np.empty((len(drawn), channels * high * wide), np.float32)
    start = 0
    for batch in (part[i : i + FACES] for part in batches for i in range(0, len(part), FACES)):
        seen, end = seen_in(batch), start + len(batch) * each
        first, last = np.searchsorted(drawn, [start, end])
        rows = seen[np.unravel_index(drawn[first:last] - start, seen.shape[:3])]
        rows = rows if depthwise else rows.transpose(0, 2, 3, 1)
        patches[first:last] = rows.reshape(len(rows), -1)
        start = end
    return patches
