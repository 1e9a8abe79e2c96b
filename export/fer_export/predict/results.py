"""What was found in photos."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import PhotoError
from ..photo import Face, Square
from ..system import Readable

_NAMED = 5


@dataclass(frozen=True)
class Prediction:
    """A face and its emotions."""

    face: Face
    """Where it is."""

    square: Square
    """The part of the photo that was classified."""

    gray: NDArray[np.uint8]
    """What the network sees of it, uint8 [S, S, 1]."""

    probabilities: NDArray[np.float32]
    """Float32 [K] in the order of labels."""

    labels: tuple[str, ...]
    """Emotions in the order of the outputs."""

    @property
    def emotion(self) -> str:
        """The most probable emotion; the first of equals."""
        return self.labels[int(self.probabilities.argmax())]

    @property
    def probability(self) -> float:
        """Probability of the most probable emotion."""
        return float(self.probabilities.max())

    def likeliest(self, top: int | None = None) -> list[tuple[str, float]]:
        """Emotions and probabilities: all in the order of the labels, or only the `top` likeliest, in their order."""
        shares = list(zip(self.labels, self.probabilities.tolist(), strict=True))
        return shares if top is None else sorted(shares, key=lambda share: -share[1])[:top]

    def to_dict(self, top: int | None = None) -> dict[str, Any]:
        shares = self.likeliest(top)
        return {
            **self.face.to_dict(),
            "square": [self.square.left, self.square.top, self.square.side],
            "emotion": self.emotion,
            "probabilities": {label: round(probability, 6) for label, probability in shares},
        }


@dataclass(frozen=True)
class PhotoResult:
    """The result of one photo."""

    path: Path
    """The photo."""

    width: int = 0
    """Width of the upright picture in pixels."""

    height: int = 0
    """Height of the upright picture in pixels."""

    predictions: tuple[Prediction, ...] = ()
    """The largest face first; empty without faces."""

    annotated: Path | None = None
    """The picture that was drawn; None without one."""

    error: str | None = None
    """Why the photo could not be read; everything else is then empty."""

    caution: str = ""
    """What is wrong with the file though it was read; empty for nothing."""

    def to_dict(self, top: int | None = None) -> dict[str, Any]:
        if self.error is not None:
            return {"photo": str(self.path), "error": self.error}
        return {
            "photo": str(self.path),
            "width": self.width,
            "height": self.height,
            "faces": [prediction.to_dict(top) for prediction in self.predictions],
            "annotated": str(self.annotated) if self.annotated else None,
            "caution": self.caution,
        }


@dataclass(frozen=True)
class PhotoResults(Readable):
    """The results of several photos, in their order."""

    model: str
    """Name of the network."""

    runtime: str
    """What ran it, such as `keras 3.15.1`."""

    photos: tuple[PhotoResult, ...]
    """One result per photo."""

    assumed: str = ""
    """`labels and scaling` where nothing says what they are; empty where all is known."""

    prior: str = ""
    """Which shares of the emotions the answers assume; empty for those of the training faces."""

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

    def to_dict(self, top: int | None = None) -> dict[str, Any]:
        photos = [result.to_dict(top) for result in self.photos]
        return {
            "model": self.model,
            "runtime": self.runtime,
            "photos": photos,
            "failed": len(self.failed),
            "assumed": self.assumed,
            "prior": self.prior,
        }
