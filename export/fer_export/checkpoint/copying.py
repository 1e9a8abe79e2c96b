"""Copies of layers and of their weights."""

from __future__ import annotations

from typing import Any

import keras


def copied(layer: keras.layers.Layer, **changes: Any) -> keras.layers.Layer:
    """An unbuilt layer with the same configuration and these changes."""
    config = {**layer.get_config(), **changes}
    if isinstance(layer, keras.layers.Lambda):  # its code was trusted when the network was read
        copy = type(layer).from_config(config, safe_mode=False)
        # Read anew from the configuration, they would not find the names that they were given.
        copy.function, copy._output_shape = layer.function, layer._output_shape
        return copy
    return type(layer).from_config(config)


def copy_weights(old: keras.layers.Layer, new: keras.layers.Layer) -> None:
    """Give a built copy of a layer its weights."""
    new.set_weights(old.get_weights())
    finalize(new)


def finalize(layer: keras.layers.Layer) -> None:
    """Call it where weights were set: a Normalization computes with constants made of them."""
    if isinstance(layer, keras.layers.Normalization):
        layer.finalize_state()
