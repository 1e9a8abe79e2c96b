"""Networks that take a face in another form than [N, S, S, C]: channels first, rows [N, S, S], or one row of pixels;
and those with a part that takes pictures of any size.

The same layers with the same weights are called on channels-last tensors of known size, and transposes stand only where
a layer needs the order of the values. It computes what the network computes.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import layers

from .copying import copied, finalize

FER2013 = 48 * 48
"""Values of a row of FER2013: so many inputs are a picture, others only where a Reshape makes one of them."""

SMALLEST = 16
"""Side from which [N, S, S] is a picture."""

_TO_LAST, _TO_FIRST = (2, 3, 1), (3, 1, 2)

_BY_VALUE = (
    layers.ReLU,
    layers.LeakyReLU,
    layers.ELU,
    layers.Dropout,
    layers.GaussianNoise,
    layers.GaussianDropout,
    layers.AlphaDropout,
    layers.ActivityRegularization,
    layers.Identity,
    layers.Rescaling,
    layers.Add,
    layers.Subtract,
    layers.Multiply,
    layers.Average,
    layers.Maximum,
    layers.Minimum,
)
"""Layers that compute each value, or each pair of values, alone."""

_OVER_CHANNELS = (layers.BatchNormalization, layers.LayerNormalization, layers.GroupNormalization, layers.Concatenate)
"""Layers with an axis, which is that of the channels where it is 1."""


def with_picture_input(network: keras.Model) -> keras.Model:
    """The network on float32 pictures [N, S, S, C]; the same object where nothing has to be changed, or can be.

    network: functional or Sequential; others come back as they are.
    """
    functional = getattr(network, "_functional", None) or network
    if not isinstance(functional, keras.Model) or not hasattr(functional, "_run_through_graph"):
        return network
    if len(functional.inputs) != 1 or len(functional.outputs) != 1:
        return network
    picture = _picture(functional)
    if picture is None:
        return network
    rewriting = _Rewriting()
    outputs = rewriting.run(functional, [rewriting.begun(picture, functional.inputs[0])])
    made = keras.Model(picture, outputs[0], name=network.name)
    rewriting.copy_weights()
    return made


def _picture(network: keras.Model) -> Any:
    """A new channels-last input for the network; None where its own input stays."""
    shape = tuple(network.inputs[0].shape[1:])
    size, channels = 0, 1
    if len(shape) == 3 and shape[:2] == (None, None) and shape[2] in (1, 3):
        size, channels = _resized(network), shape[2]
    elif None in shape:
        return None
    elif len(shape) == 3 and shape[0] == shape[1] and shape[2] in (1, 3):
        if not _has_channels_first(network) and not _has_unsized(network):
            return None
        size, channels = shape[0], shape[2]
    elif len(shape) == 3 and shape[0] in (1, 3) and shape[1] == shape[2]:
        channels, size = shape[:2]
    elif len(shape) == 2 and shape[0] == shape[1] and shape[0] >= SMALLEST:
        size = shape[0]
    elif len(shape) == 1 and (shape[0] == FER2013 or _is_reshaped(network, shape[0])):
        size = math.isqrt(shape[0])
    return keras.Input((size, size, channels), name="image") if size else None


def _resized(network: keras.Model) -> int:
    """The side to which pictures of any size are brought before anything is learnt; 0 where they are not."""
    for layer in network.operations:
        if isinstance(layer, layers.Resizing):
            return int(layer.height) if layer.height == layer.width else 0
        if not isinstance(layer, layers.InputLayer | layers.Rescaling | layers.Identity):
            break
    return 0


def _is_reshaped(network: keras.Model, values: int) -> bool:
    """Whether the first layer makes a square grey picture of the values."""
    size = math.isqrt(values)
    first = next((op for op in network.operations if not isinstance(op, layers.InputLayer)), None)
    return isinstance(first, layers.Reshape) and tuple(first.target_shape) in ((size, size), (size, size, 1))


def _has_channels_first(network: keras.Model) -> bool:
    return any(getattr(layer, "data_format", None) == "channels_first" for layer in network._flatten_layers())


def _has_unsized(network: keras.Model) -> bool:
    """Whether a network nested in it takes pictures of any size, as a backbone without `input_shape` does."""
    nested = (layer for layer in network._flatten_layers(include_self=False) if isinstance(layer, keras.Model))
    return any(_is_unsized(each) for each in nested)


def _is_unsized(network: keras.Model) -> bool:
    return any(None in tuple(given.shape[1:]) for given in getattr(network, "inputs", None) or ())


class _Rewriting:
    """A network called anew, with what is known of its tensors."""

    def __init__(self) -> None:
        self._last: dict[int, Any] = {}  # id of a channels-first tensor -> the same, channels last
        self._kept: list[Any] = []  # so that no id is used again
        self._copies: dict[int, Any] = {}
        self._pairs: list[tuple[Any, Any]] = []
        self._moved: set[int] = set()

    def begun(self, picture: Any, given: Any) -> Any:
        """The new input in the form of the old one."""
        shape = tuple(given.shape[1:])
        if shape in (tuple(picture.shape[1:]), (None, None, picture.shape[-1])):
            return picture
        if len(shape) == 3:
            return self._first(picture)
        return layers.Reshape(shape, name="as_given")(picture)

    def run(self, network: keras.Model, given: list[Any]) -> list[Any]:
        """The outputs of a network whose layers are copied, called on other inputs."""
        outputs = network._run_through_graph(given, operation_fn=self._copy, call_fn=self._call)
        return list(keras.tree.flatten(outputs))

    def copy_weights(self) -> None:
        """Give the copies their weights, once all are built."""
        for old, new in self._pairs:
            new.set_weights(old.get_weights())
            finalize(new)

    def _copy(self, operation: Any) -> Any:
        if id(operation) not in self._copies:
            self._copies[id(operation)] = self._copied(operation)
        return self._copies[id(operation)]

    def _copied(self, operation: Any) -> Any:
        if isinstance(operation, keras.Model):
            inner = getattr(operation, "_functional", None) or operation
            if not hasattr(inner, "_run_through_graph"):
                return operation
            if _is_unsized(inner):
                return _Unsized(inner)
            if not _has_channels_first(inner) and not _has_unsized(inner):
                return operation
            given = [keras.Input(batch_shape=each.shape, dtype=each.dtype) for each in inner.inputs]
            return self._nested(inner, given)
        if not isinstance(operation, layers.Layer) or isinstance(operation, layers.TFSMLayer):
            return operation
        changes: dict[str, Any] = {}
        if getattr(operation, "data_format", None) == "channels_first" and _ranks(operation) <= {4}:
            changes = {"data_format": "channels_last"}
        elif isinstance(operation, _OVER_CHANNELS) and operation.axis in (1, [1], (1,)) and _ranks(operation) <= {4}:
            changes = {"axis": -1}
        new = copied(operation, **changes)
        self._pairs.append((operation, new))
        if changes:
            self._moved.add(id(new))
        return new

    def _nested(self, network: keras.Model, given: list[Any], name: str = "") -> keras.Model:
        outputs = self.run(network, given)
        alone = len(given) == len(outputs) == 1
        return keras.Model(given[0] if alone else given, outputs[0] if alone else outputs, name=name or network.name)

    def _sized(self, part: _Unsized, tensors: list[Any]) -> keras.Model:
        """The part for pictures as large as these; its layers are the same for every size."""
        sizes = tuple(tuple(each.shape[1:]) for each in tensors)
        if sizes not in part.sized:
            inputs = part.network.inputs
            given = [keras.Input(size, dtype=end.dtype) for size, end in zip(sizes, inputs, strict=True)]
            name = f"{part.network.name}_{len(part.sized) + 1}" if part.sized else part.network.name
            part.sized[sizes] = self._nested(part.network, given, name)
        return part.sized[sizes]

    def _call(self, operation: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(operation, _Unsized):
            return self._sized(operation, keras.tree.flatten(args))(*args, **kwargs)
        tensors = [each for each in keras.tree.flatten(args) if isinstance(each, keras.KerasTensor)]
        if id(operation) in self._moved or (_is_by_value(operation) and self._are_known(tensors)):
            return self._first(operation(*keras.tree.map_structure(self._as_last, args), **kwargs))
        return operation(*args, **kwargs)

    def _are_known(self, tensors: list[Any]) -> bool:
        return all(len(each.shape) == 4 for each in tensors) and any(id(each) in self._last for each in tensors)

    def _as_last(self, tensor: Any) -> Any:
        if not isinstance(tensor, keras.KerasTensor):
            return tensor
        if id(tensor) not in self._last:
            before = tensor._keras_history.operation
            turned = isinstance(before, layers.Permute) and tuple(before.dims) == _TO_FIRST
            self._remember(tensor, before.input if turned else layers.Permute(_TO_LAST)(tensor))
        return self._last[id(tensor)]

    def _first(self, tensor: Any) -> Any:
        """A channels-last tensor in the order of the old network; others as they are."""
        if len(tensor.shape) != 4:
            return tensor
        first = layers.Permute(_TO_FIRST)(tensor)
        self._remember(first, tensor)
        return first

    def _remember(self, first: Any, last: Any) -> None:
        self._last[id(first)] = last
        self._kept.append(first)


class _Unsized:
    """A nested network that takes pictures of any size, with its forms for those that it is called on."""

    def __init__(self, network: keras.Model) -> None:
        self.network = network
        self.sized: dict[tuple[tuple[int | None, ...], ...], keras.Model] = {}


def _ranks(layer: Any) -> set[int]:
    """The ranks of the tensors that a layer is called on."""
    return {len(tensor.shape) for node in layer._inbound_nodes for tensor in node.input_tensors}


def _is_by_value(operation: Any) -> bool:
    if isinstance(operation, layers.Activation):
        return operation.activation not in (keras.activations.softmax, keras.activations.log_softmax)
    return type(operation) in _BY_VALUE
