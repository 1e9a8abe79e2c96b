"""The figures of parity: what an exported file keeps of its network."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract import Gate
from .statistics import Proportion, finite

Confusion = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class ParityFaces:
    """The faces that judge a file."""

    images: NDArray[np.uint8]
    """Faces uint8 [N, S, S, 1]."""

    targets: NDArray[np.int64] | None
    """Positions in the network's labels, int64 [N]; None where the truth is unknown (probe faces)."""

    source: str
    """What they are, for the report."""

    hashes: tuple[str, ...]
    """calibration.face_hashes of the faces."""


@dataclass(frozen=True)
class Flips:
    """Faces whose top-1 changed, by what it was and what it became."""

    right_to_wrong: int
    """Faces that only Keras names correctly."""

    wrong_to_right: int
    """Faces that only the file names correctly."""

    wrong_to_wrong: int
    """Faces that both name wrongly, and differently."""

    @property
    def total(self) -> int:
        return self.right_to_wrong + self.wrong_to_right + self.wrong_to_wrong


@dataclass(frozen=True)
class ClassRecall:
    """Recall of one emotion by Keras and by the file."""

    label: str
    """The emotion."""

    faces: int
    """Faces with that label."""

    keras: Proportion
    """Recall of Keras."""

    file: Proportion
    """Recall of the file."""

    drop: float
    """Points lost; negative where the file finds more."""

    drop_interval: tuple[float, float]
    """Paired 95 % interval of the drop in points; both nan without faces."""

    mcnemar_p: float
    """Exact McNemar p of this emotion alone."""

    def to_dict(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "faces": self.faces,
            "keras": self.keras.to_dict(),
            "file": self.file.to_dict(),
            "drop": finite(self.drop),
            "drop_interval": [finite(end) for end in self.drop_interval],
            "mcnemar_p": self.mcnemar_p,
        }


FIGURES = (
    "largest_difference",
    "mean_difference",
    "kl_divergence",
    "keras_calibration_error",
    "file_calibration_error",
)
"""Figures of a Parity that may be NaN."""


@dataclass(frozen=True)
class Parity:
    """An exported file against its network on the same faces."""

    source: str
    """What the faces are."""

    labels: tuple[str, ...]
    """Emotions in the order of the outputs."""

    faces: int
    """How many faces judged."""

    agreement: Proportion
    """Share of faces with the same top-1."""

    flipped: tuple[int, ...]
    """Positions of the faces whose top-1 changed."""

    largest_difference: float
    """Largest difference of any probability on any face, 0..1."""

    mean_difference: float
    """Mean over faces of the largest difference of a probability, 0..1."""

    kl_divergence: float
    """Divergence of the file from Keras, mean over faces, in nats."""

    gate: Gate
    """The limits that it was judged by."""

    keras_accuracy: Proportion | None = None
    """Accuracy of Keras; None without true labels."""

    file_accuracy: Proportion | None = None
    """Accuracy of the file; None without true labels."""

    drop: float | None = None
    """Accuracy lost in percentage points, negative where the file is better; None without true labels."""

    drop_interval: tuple[float, float] | None = None
    """Paired 95 % interval of the drop in points; None without true labels."""

    mcnemar_p: float | None = None
    """Exact McNemar p of no drop; None without true labels."""

    flips: Flips | None = None
    """Faces by what changed; None without true labels."""

    recalls: tuple[ClassRecall, ...] | None = None
    """Recall of each emotion; None without true labels."""

    keras_confusion: Confusion | None = None
    """Faces by [true][predicted] in the order of labels; None without true labels."""

    file_confusion: Confusion | None = None
    """Faces by [true][predicted] in the order of labels; None without true labels."""

    keras_calibration_error: float | None = None
    """Expected calibration error, 0..1; None without true labels."""

    file_calibration_error: float | None = None
    """Expected calibration error, 0..1; None without true labels."""

    failures: tuple[str, ...] = ()
    """Each missed limit of the gate in words; empty means passed."""

    cautions: tuple[str, ...] = ()
    """What the figures cannot confirm, in words."""

    @property
    def passed(self) -> bool:
        return not self.failures

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe: a figure that is NaN is None; of flipped only the count is kept."""
        document = asdict(self)
        del document["flipped"]
        for name in ("agreement", "keras_accuracy", "file_accuracy"):
            proportion = getattr(self, name)
            document[name] = proportion.to_dict() if proportion else None
        for name in FIGURES:
            document[name] = finite(document[name])
        return {
            **document,
            "flips": {"total": len(self.flipped), **(asdict(self.flips) if self.flips else {})},
            "recalls": [recall.to_dict() for recall in self.recalls] if self.recalls is not None else None,
            "failures": list(self.failures),
            "cautions": list(self.cautions),
            "passed": self.passed,
        }
