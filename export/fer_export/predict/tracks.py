"""Faces followed from one picture of a video to the next, their emotions smoothed over time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..photo.crop import Box
from .results import Prediction

CONSTANT = 0.3
"""Time constant of the mean in seconds: the same at any number of pictures a second."""

PATIENCE = 1.0
"""Seconds after which a face that is not found is forgotten."""

SAME = 1 / 3
"""Intersection over union above which two boxes are the same face."""


@dataclass(frozen=True)
class TrackedFace:
    """A face of one picture, and which one it is."""

    track: int
    """Number of the face in the video, from 1."""

    prediction: Prediction
    """Its place in this picture, with probabilities smoothed over time."""

    def to_dict(self, top: int | None = None) -> dict[str, Any]:
        return {"track": self.track, **self.prediction.to_dict(top)}


@dataclass(frozen=True)
class _Track:
    """A face as it was last seen."""

    face: TrackedFace
    """Its number, box and mean."""

    seen: float
    """When, in seconds."""


class Tracks:
    """The faces of a video so far.

    A face is the one of the picture before whose box it covers most, by more than SAME. Its probabilities are an
    exponential mean with the time constant CONSTANT; a new face starts with its own.
    """

    def __init__(self) -> None:
        self._known: list[_Track] = []
        self._count = 0

    def add(self, predictions: Sequence[Prediction], seconds: float) -> tuple[TrackedFace, ...]:
        """The faces of one more picture, taken at a time in seconds, in the order of the predictions."""
        free = [track for track in self._known if seconds - track.seen <= PATIENCE]
        found = []
        for prediction in predictions:
            near = max(
                free, key=lambda track: _overlap(track.face.prediction.face.box, prediction.face.box), default=None
            )
            if near is None or _overlap(near.face.prediction.face.box, prediction.face.box) <= SAME:
                self._count += 1
                found.append(TrackedFace(self._count, prediction))
                continue
            free.remove(near)
            found.append(TrackedFace(near.face.track, _smoothed(near, prediction, seconds)))
        self._known = [*(_Track(face, seconds) for face in found), *free]
        return tuple(found)


def _smoothed(before: _Track, prediction: Prediction, seconds: float) -> Prediction:
    weight = 1 - math.exp(-max(0.0, seconds - before.seen) / CONSTANT)
    mean = before.face.prediction.probabilities
    return replace(prediction, probabilities=mean + weight * (prediction.probabilities - mean))


def _overlap(box: Box, other: Box) -> float:
    """Intersection over union."""
    width = min(box.right, other.right) - max(box.left, other.left)
    height = min(box.bottom, other.bottom) - max(box.top, other.top)
    shared = max(width, 0) * max(height, 0)
    return shared / (box.area + other.area - shared)
