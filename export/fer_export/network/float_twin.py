"""The float twin of a quantised file: the rewritten network that was converted, computed by Keras.

It is run layer by layer, so that a layer can be fed with what the file computed before it, or its own answer can be
replaced and the rest of the network computed from there.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .layer_names import LayerNames
from .steps import INPUT, Step, Trace

if TYPE_CHECKING:
    import keras


class Twin:
    """A float network as a sequence of layer calls.

    model: what `graph.exportable` gives.

    Values are float32 batches, numbered; INPUT is the network's input.
    """

    def __init__(self, model: keras.Model) -> None:
        self.names = LayerNames(model)
        # The exported model and, in it, the checkpoint's network are not part of a layer's name.
        trace = Trace(model, {id(model), *(id(layer) for layer in model.layers)})
        self.steps, (self.output,) = trace.steps, trace.outputs
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

    def chain(self, number: int, ends: Container[int]) -> Iterator[Step]:
        """The calls that follow a value, each reading only the one before and as its only reader, up to `ends`."""
        while True:
            readers = [step for step in self.steps if number in step.reads.values()]
            if len(readers) != 1 or {*readers[0].reads.values()} != {number} or len(readers[0].writes) != 1:
                return
            if readers[0].writes[0] in ends:
                return
            yield readers[0]
            (number,) = readers[0].writes

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
