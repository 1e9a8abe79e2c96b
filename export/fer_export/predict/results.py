"""What was found in photos."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import PhotoError
from ..photo.crop import Square
from ..photo.detector import Face
from ..system.readable import Readable

_NAMED = 5


@dataclass(frozen=True)
class Prediction:
    """A face and its emotions.

    square: the part of the photo that was classified; gray: uint8 [S, S, 1], what the network sees of it;
    probabilities: float32 [K] in the order of labels.
    """

    face: Face
    square: Square
    gray: NDArray[np.uint8]
    probabilities: NDArray[np.float32]
    labels: tuple[str, ...]

    @property
    def emotion(self) -> str:
        """The likeliest; the first of equals."""
        return self.labels[int(self.probabilities.argmax())]

    @property
    def probability(self) -> float:
        """Of the likeliest emotion."""
        return float(self.probabilities.max())

    def to_dict(self) -> dict[str, Any]:
        shares = zip(self.labels, self.probabilities.tolist(), strict=True)
        return {
            **self.face.to_dict(),
            "square": [self.square.left, self.square.top, self.square.side],
            "emotion": self.emotion,
            "probabilities": {label: round(probability, 6) for label, probability in shares},
        }


@dataclass(frozen=True)
class PhotoResult:
    """What came of one photo.

    width, height: of the upright picture that all coordinates belong to. predictions: the largest face first, none
    where there is none. annotated: the picture that was drawn. error: why the photo could not be read; all else is
    then empty.
    """

    path: Path
    width: int = 0
    height: int = 0
    predictions: tuple[Prediction, ...] = ()
    annotated: Path | None = None
    error: str | None = None

    def to_dict(self) -> dict[str, Any]:
        if self.error is not None:
            return {"photo": str(self.path), "error": self.error}
        return {
            "photo": str(self.path),
            "width": self.width,
            "height": self.height,
            "faces": [prediction.to_dict() for prediction in self.predictions],
            "annotated": str(self.annotated) if self.annotated else None,
        }


@dataclass(frozen=True)
class PhotoResults(Readable):
    """What came of several photos, in their order. model: the network's name; runtime: what ran it (`keras 3.15.1`)."""

    model: str
    runtime: str
    photos: tuple[PhotoResult, ...]

    @property
    def failed(self) -> tuple[PhotoResult, ...]:
        """The photos that could not be read."""
        return tuple(result for result in self.photos if result.error is not None)

    def check(self) -> None:
        """Raise PhotoError if a photo could not be read: with its reason if it was the only one, else with names."""
        if not self.failed:
            return
        if len(self.photos) == 1:
            raise PhotoError(str(self.failed[0].error))
        names = ", ".join(result.path.name for result in self.failed[:_NAMED])
        more = f" and {len(self.failed) - _NAMED} more" if len(self.failed) > _NAMED else ""
        raise PhotoError(f"{len(self.failed)} of {len(self.photos)} photos could not be read: {names}{more}")

    def to_dict(self) -> dict[str, Any]:
        photos = [result.to_dict() for result in self.photos]
        return {"model": self.model, "runtime": self.runtime, "photos": photos, "failed": len(self.failed)}
