"""Descriptions that other releases of Keras 3 wrote, made readable by the installed one.

Layers that only training needs go away: they do nothing at inference, and their options change from release to release.
Options that the installed Keras does not have are dropped where they say nothing at inference, and left for Keras to
refuse where they may change the result.
"""

from __future__ import annotations

import copy
import inspect
import re
from typing import Any

from ...errors import CheckpointError

AUGMENTATION = re.compile(
    r"Random\w+|AutoContrast|AugMix|CutMix|MixUp|Solarization|Equalization|MaxNumBoundingBoxes|RandAugment"
    r"|Gaussian(Noise|Dropout)|(Alpha|Spatial[123]D)?Dropout|ActivityRegularization"
)
"""Classes of layers that do nothing at inference."""

_SPEED_HINTS = {"implementation", "use_cudnn", "flash_attention", "jit_compile", "unroll", "autocast", "synchronized"}
"""Options that change how fast a layer computes, or how it trains, not what."""

_OF_EVERY_LAYER = {
    *("name", "trainable", "dtype", "activity_regularizer", "autocast", "input_shape", "batch_shape"),
    *("batch_input_shape", "input_dtype", "input_dim", "weights", "build_config", "sparse", "ragged"),
}


def readable(config: Any) -> Any:
    """A copy of a network's parsed description that the installed Keras reads; equal where nothing was in the way.

    Raises CheckpointError for an activation that no Keras reads.
    """
    config = copy.deepcopy(config)
    _walk(config)
    return config


def _walk(value: Any) -> None:
    if isinstance(value, list):
        for item in value:
            _walk(item)
    if not isinstance(value, dict):
        return
    if _is_layer(value):
        _make_readable(value)
    for item in value.values():
        _walk(item)


def _is_layer(value: dict[str, Any]) -> bool:
    """Whether a part describes one of Keras's own layers; HDF5 files give no module with them."""
    module, config = value.get("module"), value.get("config")
    if not isinstance(value.get("class_name"), str) or not isinstance(config, dict) or value.get("registered_name"):
        return False
    if module is None:
        return "module" not in value and "name" in config
    return isinstance(module, str) and module.startswith("keras") and ".layers" in module


def _make_readable(layer: dict[str, Any]) -> None:
    import keras

    name, config = layer["class_name"], layer["config"]
    kind = getattr(keras.layers, name, None)
    if AUGMENTATION.fullmatch(name) and "Dropout" not in name:
        layer["class_name"], layer["module"] = "Identity", "keras.layers"
        layer["config"] = {"name": config.get("name"), "trainable": False}
        return
    if not isinstance(kind, type):
        return
    for key, value in config.items():
        if key.endswith("activation") and isinstance(value, dict) and set(value) == {"value"}:
            raise CheckpointError(
                f"the layer {config.get('name')!r} has a lambda as its {key}, which Keras writes but cannot read; "
                "build the network again with a function of keras.activations there, load the weights and save it"
            )
    makers = [vars(each)["__init__"] for each in kind.__mro__[:-1] if "__init__" in vars(each)]
    known = _OF_EVERY_LAYER.union(*(inspect.signature(make).parameters for make in makers))
    for key in [key for key in config if key not in known]:
        if _says_nothing(key, config[key], kind) or AUGMENTATION.fullmatch(name):
            del config[key]


def _says_nothing(key: str, value: Any, kind: type) -> bool:
    hint = key in _SPEED_HINTS or key.endswith(("_regularizer", "_constraint", "_initializer"))
    return hint or key == "seed" or (value is not True and value in (None, False, [], {}, "auto", 1))
