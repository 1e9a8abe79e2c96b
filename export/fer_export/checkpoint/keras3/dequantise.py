"""Networks that Keras itself quantised, or tuned with LoRA, as plain float32 networks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import CheckpointError

if TYPE_CHECKING:
    import keras

_ADDED = ("quantization_config", "lora_rank", "lora_alpha", "gptq_unpacked_column_size")


def dequantised(network: keras.Model, path: Path) -> keras.Model:
    """The network with float32 weights in every layer that Keras quantised or tuned; itself where there are none.

    Raises CheckpointError that names a layer whose weights cannot be brought back.
    """
    import keras

    from ..copying import copied, finalize  # imports keras, which takes seconds: not before it is needed

    if not getattr(network, "inputs", None):
        return network
    layers = [layer for layer in network._flatten_layers() if not isinstance(layer, keras.Model)]
    changed = {id(layer): _weights(layer, path) for layer in layers if _is_changed(layer)}
    if not changed:
        return network

    pairs: list[tuple[Any, Any]] = []

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        new = _plain(layer) if id(layer) in changed else copied(layer)
        pairs.append((layer, new))
        return new

    plain = keras.models.clone_model(network, clone_function=clone, recursive=True)
    for old, new in pairs:
        new.set_weights(changed.get(id(old), old.get_weights()))
        finalize(new)
    return plain


def _is_changed(layer: keras.layers.Layer) -> bool:
    return bool(getattr(layer, "quantization_mode", None)) or bool(getattr(layer, "lora_enabled", False))


def _plain(layer: keras.layers.Layer) -> keras.layers.Layer:
    config = {key: value for key, value in layer.get_config().items() if key not in _ADDED}
    return type(layer).from_config({**config, "dtype": "float32"})


def _weights(layer: keras.layers.Layer, path: Path) -> list[Any]:
    """The float32 weights of a quantised or tuned dense layer: kernel and, where it has one, bias."""
    import keras

    mode = getattr(layer, "quantization_mode", None)
    dense = type(layer) is keras.layers.Dense
    if mode not in (None, "int8") or (mode == "int8" and not dense) or not hasattr(layer, "kernel"):
        raise CheckpointError(
            f"layer {layer.name!r} ({type(layer).__name__}) of {path} was quantised by Keras ({mode or 'LoRA'}), which "
            "cannot be taken back here; save the network again before model.quantize"
        )
    if mode == "int8":
        scale = np.asarray(keras.ops.convert_to_numpy(layer.kernel_scale), np.float32)
        stored = np.asarray(keras.ops.convert_to_numpy(layer._kernel), np.float32)
        kernel = stored / scale.reshape(1, -1)
        if getattr(layer, "lora_enabled", False):
            low, high = (
                np.asarray(keras.ops.convert_to_numpy(each)) for each in (layer.lora_kernel_a, layer.lora_kernel_b)
            )
            kernel = kernel + layer.lora_alpha / layer.lora_rank * (low @ high)
    else:
        kernel = np.asarray(keras.ops.convert_to_numpy(layer.kernel), np.float32)
    bias = [np.asarray(keras.ops.convert_to_numpy(layer.bias))] if getattr(layer, "bias", None) is not None else []
    return [kernel.astype(np.float32), *bias]
