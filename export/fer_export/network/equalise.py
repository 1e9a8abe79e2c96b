"""Cross-layer equalisation: the same function with channels of similar range, so that one int8 scale fits them all.

Activations are quantised with one scale per tensor, weights with one per channel. Where values pass between linear
layers with ReLU (or no activation), through channel-wise layers and additions only, multiplying a channel by t > 0 and
dividing the readers' weights by t changes nothing in float and much in int8 (Nagel et al., 2019, arXiv:1906.04721). All
values that an addition joins share their factors. Ranges are measured on the calibration faces.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..dataset import batch_of
from .steps import INPUT, Step, Trace

if TYPE_CHECKING:
    import keras

BATCH = 32
SMALLEST = 1e-3
"""Channels whose range is below this share of the widest are treated as if they had it: they carry almost nothing."""

Factors = NDArray[np.float64]


@dataclass
class Group:
    """Values whose channels can only be rescaled together."""

    writers: list[Step] = field(default_factory=list)
    """Linear layers that compute them."""

    readers: list[Step] = field(default_factory=list)
    """Linear layers that read them."""

    measured: list[int] = field(default_factory=list)
    """Numbers of the values whose ranges count: outputs of the writers and of additions."""

    @property
    def is_pair(self) -> bool:
        """Whether one layer writes for one other."""
        return len(self.writers) == len(self.readers) == len(self.measured) == 1


def equalise(network: keras.Model, images: NDArray[np.float32], *, joined: bool = True) -> int:
    """Rescale the weights of a network in place; returns how many groups of values were equalised.

    network: functional or Sequential, without batch norms.
    images: float32 [N, S, S, C] as the network takes them.
    joined: whether values with several writers or readers are rescaled, too.
    """
    trace = Trace(network)
    found = [group for group in groups(trace) if joined or group.is_pair]
    separable = [step for step in trace.steps if _splits(step) and trace.called_once(step)]
    wanted = {number for group in found for number in group.measured}
    ranges, inner = _channel_ranges(trace, wanted, separable, images)
    for group in found:
        spread = _spread([ranges[number] for number in group.measured])
        if spread is not None:
            factor = _factor(spread, group.readers)
            for step in group.writers:
                _scale_output(step.operation, factor)
            for step in group.readers:
                _unscale_input(step.operation, factor)
    for step in separable:
        spread = _spread([inner[step.layer]])
        if spread is not None:
            _scale_between(step.operation, spread)
    return len(found)


def groups(trace: Trace) -> list[Group]:
    """The groups of a network that can be rescaled, in order of execution."""
    parent, fixed, held = {number: number for number in trace.shapes}, {INPUT, *trace.outputs}, dict[int, Group]()

    def root(number: int) -> int:
        while parent[number] != number:
            number = parent[number]
        return number

    for step in trace.steps:
        read, written = list(step.reads.values()), list(step.writes)
        if _is_linear(step.operation) and trace.called_once(step):
            if not _is_homogeneous(step.operation) or not step.operation.use_bias:
                fixed.update(written)
        elif kept := _kept(step, trace):
            for number in kept:
                parent[max(root(number), root(kept[0]))] = min(root(number), root(kept[0]))
            fixed.update({*read, *written} - set(kept))
        else:
            fixed.update(read, written)
    for step in trace.steps:
        if _is_linear(step.operation) and trace.called_once(step):
            held.setdefault(root(step.writes[0]), Group()).writers.append(step)
            held[root(step.writes[0])].measured.append(step.writes[0])
            held.setdefault(root(next(iter(step.reads.values()))), Group()).readers.append(step)
        elif _joins(step, trace):
            held.setdefault(root(step.writes[0]), Group()).measured.append(step.writes[0])
    stuck = {root(number) for number in fixed}
    found = [group for number, group in held.items() if number not in stuck and group.writers and group.readers]
    # A Flatten between them gives one channel several places.
    found = [group for group in found if len({trace.shapes[number][-1] for number in group.measured}) == 1]
    return sorted(found, key=lambda group: group.writers[0].writes[0])


def _kept(step: Step, trace: Trace) -> tuple[int, ...]:
    """The values of a step that are rescaled alike: what it joins, what it works on channel by channel; else none."""
    read, written = tuple(step.reads.values()), step.writes
    if _joins(step, trace) or (len(read) == len(written) == 1 and _is_channelwise(step.operation)):
        return (*read, *written)
    if type(step.operation).__name__ == "Multiply" and len(read) == 2:
        # A gate: one number a channel, as squeeze and excitation has it.
        gated = [number for number in read if trace.shapes[number] == trace.shapes[written[0]]]
        return (*gated, *written) if len(gated) == 1 else ()
    return ()


def _joins(step: Step, trace: Trace) -> bool:
    """Whether it is an addition of values of one shape."""
    shapes = {trace.shapes[number] for number in (*step.reads.values(), *step.writes)}
    return type(step.operation).__name__ == "Add" and len(step.arguments.keras_tensors) > 1 and len(shapes) == 1


def _is_linear(layer: Any) -> bool:
    from keras import layers

    from .batch_norms import ChannelScale

    plain = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D, layers.Dense, ChannelScale)
    return type(layer) in plain and getattr(layer, "groups", 1) == 1


def _splits(step: Step) -> bool:
    """Whether the layer computes two linear layers, with values between that are quantised too."""
    from keras import layers

    return type(step.operation) is layers.SeparableConv2D


def _is_homogeneous(layer: Any) -> bool:
    from keras import activations

    return layer.activation in (activations.linear, activations.relu)


def _is_channelwise(layer: Any) -> bool:
    from keras import activations, layers

    from .batch_norms import Absorbed

    if isinstance(layer, layers.Activation):
        return layer.activation in (activations.linear, activations.relu)
    if isinstance(layer, layers.ReLU):
        return layer.max_value is None and not layer.threshold
    kept = (
        layers.MaxPooling2D,
        layers.AveragePooling2D,
        layers.GlobalAveragePooling2D,
        layers.GlobalMaxPooling2D,
        layers.ZeroPadding2D,
        layers.Flatten,
        layers.Dropout,
        layers.SpatialDropout2D,
        layers.Identity,
        layers.LeakyReLU,
        layers.PReLU,
        Absorbed,
    )
    return isinstance(layer, kept)


def _per_channel(reader: Any) -> bool:
    """Whether each input channel has weights, and so a weight scale, of its own."""
    from keras import layers

    return isinstance(reader, layers.DepthwiseConv2D | layers.SeparableConv2D)


def _channel_ranges(
    trace: Trace, wanted: set[int], separable: list[Step], images: NDArray[np.float32]
) -> tuple[dict[int, Factors], dict[str, Factors]]:
    """The largest absolute value of each channel: of the values wanted, and between the halves of separable layers."""
    ranges, inner = dict[int, Any](), dict[str, Any]()
    if not wanted and not separable:
        return ranges, inner
    batch, halves = batch_of(BATCH, images.shape[1]), {step.layer for step in separable}
    for start in range(0, len(images), batch):
        for step, values in trace.run(images[start : start + batch]):
            for number in wanted.intersection(step.writes):
                ranges[number] = np.maximum(ranges.get(number, 0.0), _largest(values[number]))
            if step.layer in halves:
                between = depthwise_half(step.operation, values[next(iter(step.reads.values()))])
                inner[step.layer] = np.maximum(inner.get(step.layer, 0.0), _largest(between))
    return ranges, inner


def depthwise_half(layer: Any, given: Any) -> Any:
    """What a separable convolution computes before its pointwise half."""
    from keras import ops

    return ops.depthwise_conv(
        given,
        layer.depthwise_kernel,
        strides=layer.strides,
        padding=layer.padding,
        data_format="channels_last",
        dilation_rate=layer.dilation_rate,
    )


def _largest(values: Any) -> Factors:
    array = np.abs(np.asarray(values, dtype="float64"))
    largest: Factors = array.reshape(-1, array.shape[-1]).max(axis=0)
    return largest


def _spread(ranges: list[Factors]) -> Factors | None:
    """The range of each channel over values that share their factors: of several the geometric mean of the shares."""
    alive = [np.maximum(each, SMALLEST * each.max()) for each in ranges if each.max() > 0]
    if len(alive) < 2:
        return alive[0] if alive else None
    mean: Factors = np.exp(np.mean([np.log(each / each.max()) for each in alive], axis=0))
    return mean


def _factor(spread: Factors, readers: list[Step]) -> Factors:
    weights = [_reader_ranges(step.operation, len(spread)) for step in readers if not _per_channel(step.operation)]
    if not weights:
        factor = 1.0 / spread
    elif len(weights) == 1:
        factor = np.sqrt(weights[0] / spread)
    else:
        together = np.exp(np.mean([np.log(each / each.max()) for each in weights], axis=0))
        factor = np.sqrt(together / spread)
    scaled: Factors = factor / np.exp(np.log(factor).mean())
    return scaled


def _reader_ranges(reader: Any, channels: int) -> Factors:
    """The largest absolute weight of each input channel of a convolution or dense layer."""
    return _weight_ranges(reader.get_weights()[0], channels)


def _weight_ranges(kernel: NDArray[np.float32], channels: int) -> Factors:
    size = np.abs(kernel.astype("float64"))
    by_channel = size.reshape(-1, channels, size.shape[-1])
    largest: Factors = by_channel.max(axis=(0, 2))
    return np.maximum(largest, SMALLEST * max(float(largest.max()), 1e-12))


def _scale_output(writer: Any, factor: Factors) -> None:
    from keras import layers

    *kernels, bias = writer.get_weights()
    kernel = kernels[-1]
    shape = kernel.shape[2:] if isinstance(writer, layers.DepthwiseConv2D) else kernel.shape[-1:]
    kernels[-1] = (kernel * factor.reshape(shape)).astype("float32")
    writer.set_weights([*kernels, (bias * factor).astype("float32")])


def _unscale_input(reader: Any, factor: Factors) -> None:
    kernel, *others = reader.get_weights()
    # Channels vary second to last in a kernel; a dense layer behind Flatten has them fastest in its rows.
    by_channel = kernel.reshape(-1, len(factor), kernel.shape[-1]) / factor[:, None]
    reader.set_weights([by_channel.reshape(kernel.shape).astype("float32"), *others])


def _scale_between(layer: Any, spread: Factors) -> None:
    """Equalise what lies between the halves of a separable convolution."""
    depthwise, pointwise, *others = layer.get_weights()
    factor = np.sqrt(_weight_ranges(pointwise, len(spread)) / spread)
    factor /= np.exp(np.log(factor).mean())
    scaled = depthwise * factor.reshape(depthwise.shape[2:])
    unscaled = pointwise / factor[:, None]
    layer.set_weights([scaled.astype("float32"), unscaled.astype("float32"), *others])
