"""A network prepared for int8 once, for every file that is made of it.

Fitting weights to int8 takes most of a conversion's time. What tries several files of the same network, with other
layers in float, gets them all from one fit.
"""

from __future__ import annotations

import functools
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..checkpoint import Checkpoint
from ..errors import ConversionError
from . import layers, logit_gaps
from . import prepare as graph
from .float_twin import Twin
from .layer_names import paths
from .steps import Trace

if TYPE_CHECKING:
    import keras


class Prepared:
    """What `prepare.exportable` makes of a network, whose arguments are the same.

    There is one Keras network, whose weights change from call to call: use what a call gives before the next.

    by_error: whether an int8 file has the closer answers if the ranges of its activations are chosen by their error
        and are not the extremes; None until a converter has found that out.
    """

    by_error: bool | None = None

    def __init__(
        self,
        checkpoint: Checkpoint,
        input_kind: str = "gray",
        calibration: NDArray[np.uint8] | None = None,
        narrow_logits: bool = False,
        fine_activations: bool = False,
    ) -> None:
        self.checkpoint, self.calibration = checkpoint, calibration
        self._narrow, self._fine = narrow_logits, fine_activations
        self._network = graph.exportable(checkpoint, input_kind, calibration, narrow_logits, fine_activations)
        self._fitted: dict[int, list[NDArray[np.float32]]] = {}

    def network(self, unrounded: Collection[str] = ()) -> keras.Model:
        """The network to convert, float32 [N, S, S, 1|3] of byte values -> probabilities [N, K].

        unrounded: paths of layers that have the weights from before they were fitted to int8.
        """
        for step in self._steps if unrounded or self._fitted else ():
            layer, before = step.operation, self._exact.get(step.layer)
            # An operation, such as +, is no layer and has no weights.
            if before is None or not getattr(before, "weights", None):
                continue
            fitted = self._fitted.setdefault(id(layer), layer.get_weights())
            layer.set_weights(before.get_weights() if step.layer in unrounded else fitted)
        return self._network

    def twin(self) -> Twin:
        """The network in float, layer by layer.

        Raises ConversionError for a network whose layers are not visible.
        """
        if not layers.is_graph(self.checkpoint.network):
            raise ConversionError(
                f"the layers of {self.checkpoint.name} are not visible; pass its functional Keras network (.keras or "
                ".h5)"
            )
        if self.calibration is None:
            return Twin(self._network)
        return Twin(self.network({*paths(self.checkpoint.network), *logit_gaps.LAYERS, logit_gaps.AVERAGED}))

    @functools.cached_property
    def _steps(self) -> list[Any]:
        """The calls of the network's layers."""
        return Trace(self._network.get_layer(self.checkpoint.network.name)).steps

    @functools.cached_property
    def _exact(self) -> dict[str, Any]:
        """Path of a layer -> the layer before it was fitted."""
        if self.calibration is None:
            return {}
        network = graph.unfitted(self.checkpoint, self.calibration, self._narrow, self._fine)
        return {step.layer: step.operation for step in Trace(network).steps}
