"""Separable convolutions computed whole: one convolution in place of two, exactly the same function.

An int8 file rounds the values between the two halves of a separable convolution, which no ReLU bounds. A whole
convolution has no such place, at up to nine times the multiply-adds and weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..checkpoint import Checkpoint
from ..errors import ExportFileError
from .layers import is_graph, leaves

if TYPE_CHECKING:
    import keras

LARGEST = 1 << 20
"""Most weights of one convolution that is computed whole."""


def separable(network: keras.Model) -> tuple[str, ...]:
    """Names of the separable convolutions that can be computed whole, nested ones included."""
    return tuple(layer.name for layer in (leaves(network) if is_graph(network) else ()) if _possible(layer))


def _possible(layer: keras.layers.Layer) -> bool:
    import keras

    return (
        isinstance(layer, keras.layers.SeparableConv2D)
        and layer.data_format == "channels_last"
        and bool(np.prod((*layer.kernel_size, layer.input.shape[-1], layer.filters)) <= LARGEST)
    )


def with_whole(checkpoint: Checkpoint, names: Sequence[str]) -> Checkpoint:
    """The network with these separable convolutions computed whole; layers keep their names.

    names: some of `separable`; raises ExportFileError for others, as a file may name them.
    """
    import keras

    from ..checkpoint import copied, copy_weights

    possible = separable(checkpoint.network)
    if not isinstance(names, list | tuple) or not all(name in possible for name in names):
        raise ExportFileError(f"the file names convolutions that {checkpoint.name} does not have; export it again")

    def chosen(layer: keras.layers.Layer) -> bool:
        # Layers of other kinds in nested networks may have the same name.
        return layer.name in names and _possible(layer)

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        return _convolution(layer) if chosen(layer) else copied(layer)

    made = keras.models.clone_model(checkpoint.network, clone_function=clone, recursive=True)
    for old, new in zip(leaves(checkpoint.network), leaves(made), strict=True):
        if chosen(old):
            depthwise, pointwise, *bias = old.get_weights()
            halves = pointwise.reshape(*depthwise.shape[2:], -1)
            new.set_weights([np.einsum("hwim,imo->hwio", depthwise, halves), *bias])
        elif old.weights:
            copy_weights(old, new)
    made.trainable = False
    return replace(checkpoint, network=made, whole=tuple(names))


def _convolution(layer: keras.layers.SeparableConv2D) -> keras.layers.Conv2D:
    import keras

    kept = ("name", "filters", "kernel_size", "strides", "padding", "dilation_rate", "activation", "use_bias", "dtype")
    config = layer.get_config()
    return keras.layers.Conv2D.from_config({name: config[name] for name in kept})
