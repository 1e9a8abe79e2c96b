"""The float twin of a quantised file: the rewritten network that was converted, computed by Keras.

It is run layer by layer, so that a layer can be fed with what the file computed before it, or its own answer can be
replaced and the rest of the network computed from there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..checkpoint import Checkpoint
from ..contract import FORMATS, Variant
from ..errors import ConversionError
from . import layers, logit_gaps
from . import prepare as graph
from .equalise import equalise
from .layer_names import LayerNames, paths
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
        unround(model, checkpoint, calibration, {*paths(checkpoint.network), *logit_gaps.LAYERS, logit_gaps.AVERAGED})
    return Twin(model)


def unround(model: keras.Model, checkpoint: Checkpoint, calibration: NDArray[np.uint8], only: Collection[str]) -> None:
    """Give layers of an exportable network back the weights they had before they were fitted to int8, in place.

    model: what `graph.exportable` made of this checkpoint with these calibration faces, uint8 [N, S, S, 1].
    only: paths of the layers to restore.
    """
    network = graph.without_batch_norms(checkpoint.network)
    equalise(network, graph.scaled(checkpoint, calibration), joined=layers.has_depthwise(checkpoint.network))
    fitted = Trace(model.get_layer(network.name)).steps
    narrow = any(step.layer in logit_gaps.LAYERS for step in fitted)
    network = logit_gaps.narrowed(network) if narrow else logit_gaps.averaged_by_dense(network)
    exact = {step.layer: step.operation for step in Trace(network).steps}
    for step in fitted:
        before = exact.get(step.layer)
        if step.layer in only and before is not None and before.weights:
            step.operation.set_weights(before.get_weights())
