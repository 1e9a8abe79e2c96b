"""Cross-layer equalisation: the same function with channels of similar range, so that one int8 scale fits them all.

Activations are quantised with one scale per tensor, weights with one per channel. Where a linear layer with ReLU (or no
activation) feeds, through channel-wise layers only, one other linear layer, multiplying a channel by t > 0 and dividing
the reader's weights by t changes nothing in float and much in int8 (Nagel et al., 2019, arXiv:1906.04721). Ranges are
measured on the calibration faces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..dataset import batch_of

if TYPE_CHECKING:
    import keras

BATCH = 64
SMALLEST = 1e-3
"""Channels whose range is below this share of the widest are treated as if they had it: they carry almost nothing."""


def equalise(network: keras.Model, images: NDArray[np.float32]) -> int:
    """Rescale the weights of a network in place; returns how many pairs of layers were equalised.

    network: functional or Sequential, without batch norms.
    images: float32 [N, S, S, C] as the network takes them.
    """
    pairs = _pairs(network)
    ranges = _channel_ranges(network, [writer for writer, _ in pairs], images)
    for (writer, reader), spread in zip(pairs, ranges, strict=True):
        spread = np.maximum(spread, SMALLEST * spread.max())
        if spread.max() > 0:
            factor = 1.0 / spread if _per_channel(reader) else np.sqrt(_reader_ranges(reader, len(spread)) / spread)
            factor /= np.exp(np.log(factor).mean())
            _scale_output(writer, factor)
            _unscale_input(reader, factor)
    return len(pairs)


def _pairs(network: keras.Model) -> list[tuple[keras.layers.Layer, keras.layers.Layer]]:
    """(writer, reader): linear layers with nothing but channel-wise, positively homogeneous layers between."""
    found = []
    for writer in network.layers:
        if not _is_linear(writer) or not _is_homogeneous(writer) or not writer.use_bias:
            continue
        reader = _only_reader(writer, network)
        while reader is not None and not _is_linear(reader) and _is_channelwise(reader):
            reader = _only_reader(reader, network)
        if reader is not None and _is_linear(reader) and len(reader._inbound_nodes) == 1:
            found.append((writer, reader))
    return found


def _only_reader(layer: keras.layers.Layer, network: keras.Model) -> keras.layers.Layer | None:
    """The one layer of the network that reads this one; None at forks and at the network's output."""
    if len(layer._inbound_nodes) != 1 or len(layer._outbound_nodes) != 1:
        return None
    if any(output._keras_history.operation is layer for output in network.outputs):
        return None
    return layer._outbound_nodes[0].operation


def _is_linear(layer: keras.layers.Layer) -> bool:
    from keras import layers

    from .batch_norms import ChannelScale

    plain = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D, layers.Dense, ChannelScale)
    return type(layer) in plain and getattr(layer, "groups", 1) == 1


def _is_homogeneous(layer: keras.layers.Layer) -> bool:
    from keras import activations

    return layer.activation in (activations.linear, activations.relu)


def _is_channelwise(layer: keras.layers.Layer) -> bool:
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
        Absorbed,
    )
    return isinstance(layer, kept)


def _per_channel(reader: keras.layers.Layer) -> bool:
    """Whether each input channel has weights, and so a weight scale, of its own."""
    from keras import layers

    return isinstance(reader, layers.DepthwiseConv2D | layers.SeparableConv2D)


def _channel_ranges(
    network: keras.Model, writers: list[keras.layers.Layer], images: NDArray[np.float32]
) -> list[NDArray[np.float64]]:
    """The largest absolute value of each output channel of each writer over the images."""
    import keras

    if not writers:
        return []
    outputs = keras.Model(network.inputs[0], [writer.output for writer in writers])
    ranges: list[Any] = [0.0] * len(writers)
    batch = batch_of(BATCH, images.shape[1])
    for start in range(0, len(images), batch):
        answers = outputs(images[start : start + batch], training=False)
        for i, answer in enumerate(answers if isinstance(answers, list | tuple) else [answers]):
            values = np.abs(np.asarray(answer, dtype="float64"))
            ranges[i] = np.maximum(ranges[i], values.reshape(-1, values.shape[-1]).max(axis=0))
    return ranges


def _reader_ranges(reader: keras.layers.Layer, channels: int) -> NDArray[np.float64]:
    """The largest absolute weight of each input channel of a convolution or dense layer."""
    kernel = np.abs(reader.get_weights()[0].astype("float64"))
    by_channel = kernel.reshape(-1, channels, kernel.shape[-1])
    largest: NDArray[np.float64] = by_channel.max(axis=(0, 2))
    return np.maximum(largest, SMALLEST * max(float(largest.max()), 1e-12))


def _scale_output(writer: keras.layers.Layer, factor: NDArray[np.float64]) -> None:
    from keras import layers

    *kernels, bias = writer.get_weights()
    kernel = kernels[-1]
    shape = kernel.shape[2:] if isinstance(writer, layers.DepthwiseConv2D) else kernel.shape[-1:]
    kernels[-1] = (kernel * factor.reshape(shape)).astype("float32")
    writer.set_weights([*kernels, (bias * factor).astype("float32")])


def _unscale_input(reader: keras.layers.Layer, factor: NDArray[np.float64]) -> None:
    kernel, *others = reader.get_weights()
    # Channels vary second to last in a kernel; a dense layer behind Flatten has them fastest in its rows.
    by_channel = kernel.reshape(-1, len(factor), kernel.shape[-1]) / factor[:, None]
    reader.set_weights([by_channel.reshape(kernel.shape).astype("float32"), *others])
