"""What is checked in a network's description before anything is built from it: code, and the shape of its input.

A Keras file is plain data unless it names a Python object: a Lambda (marshalled bytecode), a custom class or function.
    Such parts are found in the JSON, so nothing in the file has run when it is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator
from typing import Any

from ...errors import CheckpointError

_OWN_MODULES = re.compile(
    r"(tf_)?keras(\.(layers|models|initializers|regularizers|constraints|activations|ops|optimizers|losses|metrics"
    r"|dtype_policies|quantizers)|\.src(\.\w+)*)?"
)
_FOREIGN_LAYERS = {"TFSMLayer", "JaxLayer", "FlaxLayer", "TorchModuleWrapper"}
MOST_SIDE = 2048
"""Largest height and width of the pictures that a network takes."""

NETWORK_CLASSES = ("Sequential", "Functional", "Model")


def find_code(config: Any, layers: Collection[str]) -> str | None:
    """Name the first part of a network's config (parsed JSON) that is code or needs code that Keras lacks.

    layers: the class names known where a config gives no module, as those of Keras 1 and 2 do.
    """
    return next(_code_parts(config, layers, "", True), None)


def refuse_code(part: str | None, path: Any) -> None:
    """Raise CheckpointError if find_code found something."""
    if part:
        raise CheckpointError(
            f"{path} holds {part}, which is code by its author; if you trust the source of the file, add `trust=True`"
        )


def check_input(shape: Any, path: Any) -> tuple[int, int]:
    """Return (size, channels) of an input shape [N, S, S, C]; CheckpointError if it is not a square picture."""
    shape = tuple(shape)
    takes = f"{path} takes an input of shape {_readable(shape)}"
    wanted = "a square grey or RGB picture [N, S, S, 1|3] is needed"
    if len(shape) != 4:
        raise CheckpointError(f"{takes}, but {wanted}; pass an image network")
    height, width, channels = shape[1:]
    if height is None or width is None:
        raise CheckpointError(
            f"{takes}, so its picture size is unknown, but {wanted}; save the network again with the size, as "
            f"`keras.Sequential([keras.Input((48, 48, {channels or 3})), network])` has it"
        )
    if height in (1, 3) and width == channels and channels not in (1, 3):
        raise CheckpointError(
            f"{takes}, channels first, which no CPU or phone runtime computes; save the network again channels last"
        )
    if height != width or channels not in (1, 3):
        raise CheckpointError(f"{takes}, but {wanted}; pass another network")
    if height > MOST_SIDE:
        raise CheckpointError(f"{takes}, but a face is at most {MOST_SIDE} pixels wide here; pass another network")
    return int(height), int(channels)


def check_form(shape: Any, path: Any) -> None:
    """Raise CheckpointError for an input shape that is neither a square picture nor rows of one, or all in one row.

    Whether rows are those of a picture is seen once the network is built (see `picture_input`).
    """
    shape = tuple(shape)
    inner = shape[1:]
    if not (len(shape) in (2, 3) and None not in inner and math.prod(inner) <= MOST_SIDE**2):
        check_input(shape, path)


def check_single(count: int, what: str, path: Any) -> None:
    """Raise CheckpointError unless a network has exactly one input (or output, as `what` says)."""
    if count != 1:
        how = ", as `keras.Model(network.inputs, network.outputs[0])` has" if what == "output" else ""
        raise CheckpointError(
            f"{path} has {count} {what}s, but a network with one picture in and one row of probabilities out is "
            f"needed; save the part of it that has one {what}{how}"
        )


def _code_parts(config: Any, layers: Collection[str], layer: str, is_layer: bool) -> Iterator[str]:
    if isinstance(config, list):
        for item in config:
            yield from _code_parts(item, layers, layer, is_layer)
    if not isinstance(config, dict):
        return
    class_name, inner = config.get("class_name"), config.get("config")
    if isinstance(class_name, str) and class_name != "__tuple__":
        if isinstance(inner, dict):
            layer = str(inner.get("name", layer))
        yield from _code_in(config, class_name, layers, layer, is_layer)
    for key, value in config.items():
        # Keras 1 and the first Keras 2 keep a Sequential's layers directly under "config".
        inside_network = is_layer and class_name in NETWORK_CLASSES
        nested = key == "layers" or (inside_network and key == "config" and isinstance(value, list))
        yield from _code_parts(value, layers, layer, nested)
        if key == "activation" and isinstance(value, str) and not _is_function(value):
            yield f"the custom activation {value!r} (layer {layer!r})"


def _code_in(config: dict[str, Any], name: str, layers: Collection[str], layer: str, is_layer: bool) -> Iterator[str]:
    registered, short = str(config.get("registered_name") or name), name.rsplit(">", 1)[-1]
    if short in ("Lambda", "__lambda__") or config.get("function_type") == "lambda":
        yield f"the Lambda layer {layer!r}"
    elif short in _FOREIGN_LAYERS:
        yield f"the layer {layer!r} ({short})"
    elif ">" in registered or (config.get("module", "") is None and not name.startswith("__")):
        yield f"the custom object {registered!r} (layer {layer!r})"
    elif name == "function":
        if config.get("module") not in ("builtins", "keras.activations", "keras.ops") or not _is_function(
            config["config"]
        ):
            yield f"the custom function {config['config']!r} (layer {layer!r})"
    elif config.get("module"):
        if not _OWN_MODULES.fullmatch(config["module"]):
            yield f"the custom class {config['module']}.{name} (layer {layer!r})"
    elif is_layer and name not in layers and name not in NETWORK_CLASSES:
        yield f"the custom layer {layer!r} ({name})"


def _is_function(name: Any) -> bool:
    import keras

    places = (keras.activations, keras.initializers, keras.regularizers, keras.constraints, keras.ops)
    return isinstance(name, str) and (name == "swish" or any(hasattr(place, name) for place in places))


def _readable(shape: tuple[Any, ...]) -> str:
    return (
        "["
        + ", ".join("N" if i == 0 and n is None else "?" if n is None else str(n) for i, n in enumerate(shape))
        + "]"
    )
