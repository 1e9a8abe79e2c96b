"""The figures of parity: what an exported file keeps of its network."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract.variants import Gate
from .statistics import Proportion, finite

Confusion = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class ParityFaces:
    """images: uint8 [N, S, S, 1]; targets: positions in the network's labels [N], None where the truth is
    unknown (probe faces); source: what they are, for the report; hashes: calibration.face_hashes of the faces."""

    images: NDArray[np.uint8]
    targets: NDArray[np.int64] | None
    source: str
    hashes: tuple[str, ...]


@dataclass(frozen=True)
class Flips:
    """Faces whose top-1 changed, by what it was and became."""

    right_to_wrong: int
    wrong_to_right: int
    wrong_to_wrong: int

    @property
    def total(self) -> int:
        return self.right_to_wrong + self.wrong_to_right + self.wrong_to_wrong


@dataclass(frozen=True)
class ClassRecall:
    """Recall of one emotion, Keras and file, on its `faces` faces.

    drop: points lost, negative where the file finds more; drop_interval: its paired 95 % interval; both nan
    without faces. mcnemar_p: of this emotion alone.
    """

    label: str
    faces: int
    keras: Proportion
    file: Proportion
    drop: float
    drop_interval: tuple[float, float]
    mcnemar_p: float

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
"""Of a Parity: what may be no number."""


@dataclass(frozen=True)
class Parity:
    """What an exported file keeps of its network on `faces` faces.

    flipped: positions of the faces whose top-1 changed. largest_difference and mean_difference: of the faces'
    largest probability difference, 0..1. kl_divergence: of the file from Keras, mean over faces, nats.

    None without true labels: the accuracies; drop, in percentage points (negative where the file is better);
    drop_interval, its paired 95 % interval; mcnemar_p, the exact p of no drop; flips; recalls; the confusions,
    faces by [true][predicted] in the order of labels; the expected calibration errors, 0..1.

    failures: each missed limit of the gate in words; empty means passed. cautions: what the figures leave open.
    """

    source: str
    labels: tuple[str, ...]
    faces: int
    agreement: Proportion
    flipped: tuple[int, ...]
    largest_difference: float
    mean_difference: float
    kl_divergence: float
    gate: Gate
    keras_accuracy: Proportion | None = None
    file_accuracy: Proportion | None = None
    drop: float | None = None
    drop_interval: tuple[float, float] | None = None
    mcnemar_p: float | None = None
    flips: Flips | None = None
    recalls: tuple[ClassRecall, ...] | None = None
    keras_confusion: Confusion | None = None
    file_confusion: Confusion | None = None
    keras_calibration_error: float | None = None
    file_calibration_error: float | None = None
    failures: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.failures

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe: a figure that is no number is None; of flipped only the count is kept."""
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
