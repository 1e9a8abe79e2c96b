"""The layers of a network, nested ones included."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

MOST_STEPS = 128
"""Steps up to which a recurrent layer is unrolled: each is some twenty ops of the file."""


def is_channel_norm(layer: keras.layers.Layer) -> bool:
    """Whether a layer is a batch norm over channels, the last axis of what it reads."""
    import keras

    return isinstance(layer, keras.layers.BatchNormalization) and layer.axis in (-1, len(layer.input.shape) - 1)


def channel_norms(network: keras.Model) -> list[keras.layers.BatchNormalization]:
    """The batch norms of a network over channels, nested ones included, in graph order."""
    return [layer for layer in leaves(network) if is_channel_norm(layer)]


def has_depthwise(network: keras.Model) -> bool:
    """Whether a network has depthwise or separable convolutions.

    Int8 loses most on such networks: few weights a channel, and values between the halves of a convolution. They are
    prepared with steps of their own, which other networks do not need.
    """
    import keras

    kinds = (keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D)
    return is_graph(network) and any(isinstance(layer, kinds) for layer in leaves(network))


def is_graph(network: keras.layers.Layer) -> bool:
    """Whether this is a network whose layers are visible as a graph (functional or built Sequential)."""
    import keras

    if not isinstance(network, keras.Model):
        return False
    if isinstance(network, keras.Sequential):
        return bool(network.built)
    return bool(getattr(network, "inputs", None)) and not any(
        isinstance(layer, keras.layers.TFSMLayer) for layer in network.layers
    )


def leaves(network: keras.Model) -> list[keras.layers.Layer]:
    """The layers of a network, nested ones included, in graph order."""
    found: list[keras.layers.Layer] = []
    for layer in network.layers:
        found.extend(leaves(layer) if is_graph(layer) else [layer])
    return found


@contextlib.contextmanager
def unrolled(network: keras.Model) -> Iterator[None]:
    """The network's recurrent layers compute their steps one after the other in the graph, without a loop.

    Those of more than MOST_STEPS steps stay loops.
    """
    import keras

    # _flatten_layers finds the layers inside wrappers, such as Bidirectional, too.
    recurrent = [layer for layer in network._flatten_layers() if isinstance(layer, keras.layers.RNN)]
    before = [(layer, layer.unroll) for layer in recurrent]
    for layer in recurrent:
        shape = [*((layer.get_build_config() or {}).get("input_shape") or ()), None, None]
        layer.unroll = layer.unroll or (shape[1] is not None and shape[1] <= MOST_STEPS)
    try:
        yield
    finally:
        for layer, unroll in before:
            layer.unroll = unroll


def _graphs(network: keras.Model) -> list[keras.Model]:
    """The functional graph of a network and those of the networks nested in it."""
    import keras

    graphs = [network._functional if isinstance(network, keras.Sequential) else network]
    for layer in network.layers:
        graphs.extend(_graphs(layer) if is_graph(layer) else [])
    return graphs
