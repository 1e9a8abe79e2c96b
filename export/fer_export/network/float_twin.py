"""The float twin of a quantised file: the rewritten network that was converted, computed by Keras.

It is run layer by layer, so that a layer can be fed with what the file computed before it, or its own answer can be
replaced and the rest of the network computed from there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..checkpoint import Checkpoint
from ..contract import FORMATS, Variant
from ..dataset import as_input
from ..errors import ConversionError
from . import layers
from . import prepare as graph
from .equalise import equalise
from .layer_names import LayerNames, paths

if TYPE_CHECKING:
    import keras

INPUT = 0
"""Number of the value that is the network's input."""


@dataclass(frozen=True, eq=False)
class Step:
    """One call of one layer."""

    layer: str
    """Path of the layer."""

    operation: Any
    """The Keras operation."""

    arguments: Any
    """Keras's record of the call."""

    reads: dict[int, int]
    """Number of each value it reads, by id of the symbolic tensor."""

    writes: tuple[int, ...]
    """Numbers of the values it gives, larger than those it reads."""

    def call(self, values: Mapping[int, Any]) -> dict[int, Any]:
        """The layer's outputs at inference."""
        given, options = self.arguments.fill_in({tensor: values[number] for tensor, number in self.reads.items()})
        answer = self.operation(*given, **options)
        return dict(zip(self.writes, answer if isinstance(answer, list | tuple) else [answer], strict=True))


class Twin:
    """A float network as a sequence of layer calls.

    model: what `graph.exportable` gives.

    Values are float32 batches, numbered; INPUT is the network's input.
    """

    def __init__(self, model: keras.Model) -> None:
        self.names = LayerNames(model)
        self.steps: list[Step] = []
        self._count = INPUT + 1
        # The exported model and, in it, the checkpoint's network are not part of a layer's name.
        self._unnamed = {id(model), *(id(layer) for layer in model.layers)}
        (self.output,) = self._trace(model, "", [INPUT])
        self._makers = {number: step for step in self.steps for number in step.writes}

    def values(self, images: NDArray[np.uint8]) -> dict[int, Any]:
        """All values for pictures uint8 [N, S, S, C]."""
        values: dict[int, Any] = {INPUT: images.astype(np.float32)}
        for step in self.steps:
            values |= step.call(values)
        return values

    def compute(self, wanted: int, given: Mapping[int, Any]) -> NDArray[np.float32]:
        """One value from others; only the layers between them are called."""
        needed, open_ends = set[int](), [wanted]
        while open_ends:
            number = open_ends.pop()
            if number not in given and number not in needed:
                needed.add(number)
                open_ends.extend(self._makers[number].reads.values())
        values = dict(given)
        for step in self.steps:
            if needed.intersection(step.writes):
                values |= step.call(values)
        return np.asarray(values[wanted], dtype=np.float32)

    def maker(self, number: int) -> Step:
        """The call that computes a value."""
        return self._makers[number]

    def after(self, number: int) -> frozenset[int]:
        """The values that depend on one, and itself."""
        found = {number}
        for step in self.steps:
            if found.intersection(step.reads.values()):
                found.update(step.writes)
        return frozenset(found)

    def sources(self, number: int, ends: Iterable[int]) -> frozenset[int]:
        """The first of `ends` or the input on every path back from a value."""
        stops, found = {INPUT, *ends}, set[int]()
        open_ends = list(self._makers[number].reads.values())
        while open_ends:
            current = open_ends.pop()
            if current in stops:
                found.add(current)
            else:
                open_ends.extend(self._makers[current].reads.values())
        return frozenset(found)

    def _trace(self, model: keras.Model, path: str, given: list[int]) -> list[int]:
        """Add the steps of a network that is called on some values; the numbers of its outputs."""
        functional = getattr(model, "_functional", model)
        numbers = {id(tensor): number for tensor, number in zip(functional.inputs, given, strict=True)}
        for node in _nodes(functional):
            reads = {id(tensor): numbers[id(tensor)] for tensor in node.input_tensors}
            layer = node.operation
            if layers.is_graph(layer):
                inner = path if id(layer) in self._unnamed else f"{path}{layer.name}/"
                writes = self._trace(layer, inner, [reads[id(tensor)] for tensor in node.input_tensors])
            else:
                writes = list(range(self._count, self._count + len(node.output_tensors)))
                self._count += len(writes)
                self.steps.append(Step(path + layer.name, layer, node.arguments, reads, tuple(writes)))
            numbers |= {id(tensor): number for tensor, number in zip(node.output_tensors, writes, strict=True)}
        return [numbers[id(tensor)] for tensor in functional.outputs]


def of(checkpoint: Checkpoint, variant: Variant, input_kind: str, calibration: NDArray[np.uint8] | None) -> Twin:
    """The twin of a file that was converted with these settings.

    calibration: the faces uint8 [N, S, S, 1] that it was converted with.

    Raises ConversionError for a network whose layers are not visible.
    """
    if not layers.is_graph(checkpoint.network):
        raise ConversionError(
            f"the layers of {checkpoint.name} are not visible; pass its functional Keras network (.keras or .h5)"
        )
    narrow = FORMATS[variant.format].narrow_logits and variant.precision == "int8"
    model = graph.exportable(checkpoint, input_kind, calibration, narrow)
    if calibration is not None:
        unround(model, checkpoint, calibration, paths(checkpoint.network))
    return Twin(model)


def unround(model: keras.Model, checkpoint: Checkpoint, calibration: NDArray[np.uint8], only: Collection[str]) -> None:
    """Give layers of an exportable network back the weights they had before they were rounded for int8, in place.

    model: what `graph.exportable` made of this checkpoint with these calibration faces, uint8 [N, S, S, 1].
    only: the layers to restore.
    """
    import keras

    network = graph.without_batch_norms(checkpoint.network)
    scale, shift = checkpoint.scale_and_shift
    faces = as_input(calibration, checkpoint.channels).astype(np.float32)
    equalise(network, faces * np.float32(scale) + np.float32(shift))
    exported = model.get_layer(network.name)
    for layer in network.layers:
        if layer.name in only and isinstance(layer, keras.layers.Conv2D):
            exported.get_layer(layer.name).set_weights(layer.get_weights())


def _nodes(functional: keras.Model) -> list[Any]:
    """The layer calls of a functional network in the order of execution."""
    by_depth = functional._nodes_by_depth
    return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth] if not node.is_input]
