"""Rounding done once for the files of one network.

Its int8 .tflite, int16x8 .tflite and int8 .onnx files differ behind the last convolution only; what stands before it
is computed and rounded alike, which takes seconds.
"""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..checkpoint import Checkpoint
from .steps import Step, Trace

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class _Rounded:
    """What rounding made of a network on some faces."""

    checkpoint: weakref.ref[Checkpoint]
    """What the network was made of."""

    faces: weakref.ref[NDArray[np.uint8]]
    """The calibration faces."""

    beginning: bytes
    """Digest of the network up to its last convolution, before it was rounded."""

    weights: dict[str, list[NDArray[np.float32]]]
    """Path of a layer up to there -> its weights afterwards."""


_last: _Rounded | None = None


def round_once(
    network: keras.Model, checkpoint: Checkpoint, faces: NDArray[np.uint8], round_it: Callable[[], object]
) -> None:
    """Round the convolutions of a network in place, or take what was made of the last network if it began alike.

    network: made of the checkpoint.
    faces: that rounding sees.
    round_it: rounds the network; it changes no layer behind the last convolution.
    """
    global _last
    steps = _beginning(Trace(network).steps)
    beginning = _digest(steps)
    same = _last is not None and _last.checkpoint() is checkpoint and _last.faces() is faces
    if _last is not None and same and _last.beginning == beginning:
        for step in steps:
            if step.layer in _last.weights:
                step.operation.set_weights(_last.weights[step.layer])
        return
    round_it()
    weights = {step.layer: step.operation.get_weights() for step in steps if _has_weights(step)}
    _last = _Rounded(weakref.ref(checkpoint), weakref.ref(faces), beginning, weights)


def _beginning(steps: list[Step]) -> list[Step]:
    """The steps up to the last convolution."""
    from keras import layers

    return steps[: max((i + 1 for i, step in enumerate(steps) if type(step.operation) is layers.Conv2D), default=0)]


def _digest(steps: list[Step]) -> bytes:
    found = hashlib.sha256()
    for step in steps:
        place = step.layer, type(step.operation).__name__, tuple(step.reads.values()), step.writes
        found.update(repr(place).encode())
        for weights in step.operation.get_weights() if _has_weights(step) else ():
            found.update(np.ascontiguousarray(weights).tobytes())
    return found.digest()


def _has_weights(step: Step) -> bool:
    operation: Any = step.operation
    return bool(getattr(operation, "weights", None))
