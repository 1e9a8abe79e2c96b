"""A network as a sequence of layer calls, with the layers of networks nested in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import layers

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


class Trace:
    """The layer calls of a network in the order of execution.

    network: functional or Sequential.
    unnamed: ids of nested networks that are not part of a layer's path.
    """

    def __init__(self, network: keras.Model, unnamed: Collection[int] = ()) -> None:
        self.steps: list[Step] = []
        self.shapes: dict[int, tuple[int | None, ...]] = {INPUT: tuple(network.inputs[0].shape)}
        self._count, self._unnamed = INPUT + 1, frozenset(unnamed)
        self.outputs = tuple(self._follow(network, "", [INPUT]))
        self._calls = Counter(id(step.operation) for step in self.steps)

    def called_once(self, step: Step) -> bool:
        """Whether the step's layer has no other call in this network."""
        return self._calls[id(step.operation)] == 1

    def readers(self) -> dict[int, list[Step]]:
        """The steps that read each value."""
        found: dict[int, list[Step]] = {number: [] for number in self.shapes}
        for step in self.steps:
            for number in dict.fromkeys(step.reads.values()):
                found[number].append(step)
        return found

    def run(self, images: Any) -> Iterator[tuple[Step, Mapping[int, Any]]]:
        """Each step with the values computed so far, its own included; a value goes when nothing reads it any more.

        images: float32 [N, S, S, C] as the network takes them.
        """
        last = {number: position for position, step in enumerate(self.steps) for number in step.reads.values()}
        values: dict[int, Any] = {INPUT: images}
        for position, step in enumerate(self.steps):
            values |= step.call(values)
            yield step, values
            for number in {*step.reads.values(), *step.writes}:
                if last.get(number, 0) <= position:
                    values.pop(number, None)

    def _follow(self, model: keras.Model, path: str, given: list[int]) -> list[int]:
        """Add the steps of a network that is called on some values; the numbers of its outputs."""
        functional = getattr(model, "_functional", model)
        numbers = {id(tensor): number for tensor, number in zip(functional.inputs, given, strict=True)}
        for node in _nodes(functional):
            reads = {id(tensor): numbers[id(tensor)] for tensor in node.input_tensors}
            layer = node.operation
            if layers.is_graph(layer):
                inner = path if id(layer) in self._unnamed else f"{path}{layer.name}/"
                writes = self._follow(layer, inner, [reads[id(tensor)] for tensor in node.input_tensors])
            else:
                writes = list(range(self._count, self._count + len(node.output_tensors)))
                self._count += len(writes)
                self.steps.append(Step(path + layer.name, layer, node.arguments, reads, tuple(writes)))
                self.shapes |= dict(zip(writes, (tuple(tensor.shape) for tensor in node.output_tensors), strict=True))
            numbers |= {id(tensor): number for tensor, number in zip(node.output_tensors, writes, strict=True)}
        return [numbers[id(tensor)] for tensor in functional.outputs]


def _nodes(functional: keras.Model) -> list[Any]:
    """The layer calls of a functional network in the order of execution."""
    by_depth = functional._nodes_by_depth
    return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth] if not node.is_input]
