"""Networks of Keras 1 and 2 rebuilt, layer by layer, as functional Keras 3 networks.

The old description (JSON) is read as a graph and its layers are called on Keras 3 tensors, nested models
included, so the result is one flat graph, channels last, whose batch norms are visible. `legacy_weights` then
fills it. Sources: the config formats written by keras 1.2, 2.0-2.15 and tf.keras.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import CheckpointError
from ..screening.code_screening import NETWORK_CLASSES, check_form, check_single
from .layers import LegacyLayer, Origin, is_channels_first

if TYPE_CHECKING:
    import keras

Config = dict[str, Any]
_Place = tuple[str, int, int]


@dataclass(frozen=True)
class LegacyNetwork:
    """A network of Keras 1 or 2, rebuilt."""

    network: keras.Model
    """The functional Keras 3 network."""

    graph: Graph
    """The old structure around its layers, needed for the weights."""


def build(architecture: Config, path: Any, *, theano: bool = False, trust: bool = False) -> LegacyNetwork:
    """Build a network from the parsed JSON {"class_name", "config"} of Keras 1 or 2, with weights not yet set.

    theano: the weights come from Theano, whose convolutions flip their kernels.
    trust: lambdas may be run.

    Raises CheckpointError for an input that cannot be a square picture and for what Keras 3 cannot express.
    """
    import keras

    try:
        first = _channels_first(architecture, path)
        shape = _input_shape(architecture, path)
        if first and len(shape) == 4:
            shape = [shape[0], shape[2], shape[3], shape[1]]
        check_form(shape, path)
        graph = Graph(architecture, Origin(first, theano, trust, architecture), names=set())
        inputs = keras.Input(shape[1:], name="image")
        outputs = graph([inputs], {})
    except (KeyError, IndexError, AttributeError) as error:
        raise CheckpointError(
            f"{path} holds no network of Keras 1 or 2 that can be read ({error!r}); save it again"
        ) from error
    return LegacyNetwork(keras.Model(inputs, outputs), graph)


class Graph:
    """A Sequential, Model or Functional of an old file; called like a layer, so that nested ones dissolve."""

    def __init__(self, entry: Config, origin: Origin, names: set[str]) -> None:
        self.class_name: str = entry["class_name"]
        self.is_sequence = self.class_name == "Sequential"
        self.entries = layer_entries(entry)
        self.units: dict[str, LegacyLayer | Graph] = {}
        self._ends = entry["config"] if isinstance(entry["config"], dict) else {}
        for layer in self.entries:
            config = layer["config"]
            name = layer.get("name") or config["name"]
            if is_network(layer):
                self.units[name] = Graph(layer, origin, names)
            elif layer["class_name"] != "InputLayer":
                self.units[name] = LegacyLayer(layer["class_name"], config, _unused(name, names), origin)

    def __call__(self, inputs: list[Any], arguments: Config) -> Any:
        if self.is_sequence:
            for unit in self.units.values():
                inputs = [unit(inputs, {})]
            return inputs[0]
        results: dict[_Place, Any] = {}
        for end, tensor in zip(_places(self._ends["input_layers"]), inputs, strict=True):
            results[end] = tensor
        waiting = list(self._calls())
        while waiting:
            left = [call for call in waiting if not self._try(call, results)]
            if len(left) == len(waiting):
                raise CheckpointError(
                    f"layer {left[0][0][0]!r} has an input that no layer gives; save the network again"
                )
            waiting = left
        outputs = _places(self._ends["output_layers"])
        check_single(len(outputs), "output", "the network")
        return results[outputs[0]]

    def _calls(self) -> Iterator[tuple[_Place, list[Any]]]:
        for layer in self.entries:
            name = layer.get("name") or layer["config"]["name"]
            # A nested network's node 0 is its own inside; its uses are counted from 1.
            start = 1 if isinstance(self.units.get(name), Graph) else 0
            for index, node in enumerate(layer.get("inbound_nodes", [])):
                yield (name, start + index, 0), node if isinstance(node[0], list) else [node]

    def _try(self, call: tuple[_Place, list[Any]], results: dict[_Place, Any]) -> bool:
        place, node = call
        arguments = dict(node[0][3]) if len(node[0]) > 3 else {}
        sources = [_place(item) for item in node]
        sources += [_place(value) for value in arguments.values() if _is_place(value)]
        if any(source not in results for source in sources):
            return False
        results[place] = self.units[place[0]]([results[source] for source in sources], arguments)
        return True


def layer_entries(entry: Config) -> list[Config]:
    """The layers of a network's description; the first Keras 2 and Keras 1 keep a Sequential's as a bare list."""
    config = entry["config"]
    layers = config if isinstance(config, list) else config["layers"]
    return list(layers)


def is_network(entry: Config) -> bool:
    """Whether a layer's description is that of a nested network."""
    config = entry.get("config")
    return entry.get("class_name") in NETWORK_CLASSES and (isinstance(config, list) or "layers" in (config or {}))


def _input_shape(entry: Config, path: Any) -> list[int | None]:
    layers = layer_entries(entry)
    if not layers:
        raise CheckpointError(f"{path} has no layers; pass a trained network")
    if entry["class_name"] != "Sequential":
        places = _places(entry["config"]["input_layers"])
        check_single(len(places), "input", path)
        layers = [layer for layer in layers if (layer.get("name") or layer["config"]["name"]) == places[0][0]]
    first = layers[0]
    if is_network(first):
        return _input_shape(first, path)
    if first["class_name"] == "Merge":
        check_single(len(first["config"].get("layers", (0, 0))), "input", path)
    own = entry["config"].get("build_input_shape") if isinstance(entry["config"], dict) else None
    shape = first["config"].get("batch_input_shape") or first["config"].get("batch_shape") or own
    if isinstance(shape, dict):
        shape = shape["items"]
    if not shape:
        raise CheckpointError(f"{path} does not say its input shape; save the network again after calling it once")
    return list(shape)


def _channels_first(entry: Config, path: Any) -> bool:
    orders = {
        order
        for layer in _all_layers(entry)
        if (order := is_channels_first(layer["class_name"], layer["config"])) is not None
    }
    if len(orders) > 1:
        raise CheckpointError(f"{path} mixes channels-first and channels-last layers; save it with one order")
    return orders == {True}


def _all_layers(entry: Config) -> Iterator[Config]:
    for layer in layer_entries(entry):
        if is_network(layer):
            yield from _all_layers(layer)
        else:
            yield layer


def _places(ends: list[Any]) -> list[_Place]:
    return [_place(end) for end in ([ends] if ends and isinstance(ends[0], str) else ends)]


def _place(item: list[Any]) -> _Place:
    return str(item[0]), int(item[1]), int(item[2])


def _is_place(value: Any) -> bool:
    return isinstance(value, list) and len(value) >= 3 and isinstance(value[0], str) and isinstance(value[1], int)


def _unused(name: str, names: set[str]) -> str:
    """A layer name that is unique in the flat graph; Keras 3 allows no slash in it."""
    plain = name.replace("/", "_")
    unique, count = plain, 1
    while unique in names:
        unique, count = f"{plain}_{count}", count + 1
    names.add(unique)
    return unique
