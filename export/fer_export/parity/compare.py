"""Parity: an exported file against its Keras network on the same bytes, judged by its gate.

Probabilities are compared label by label, by name: a file whose labels stand in another order gives other
answers for the same network and fails.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract.variants import Gate
from ..errors import ExportFileError
from . import gate as gates
from . import statistics
from .statistics import Proportion, finite

OnFace = Callable[[int, int], None]
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


def compare(
    reference: NDArray[np.float32],
    given: NDArray[np.float32],
    faces: ParityFaces,
    gate: Gate,
    labels: Sequence[str],
) -> Parity:
    """Judge a file's probabilities against the network's, both float32 [N, K] in the order of labels.

    Raises ExportFileError when the shapes differ.
    """
    if given.shape != reference.shape:
        raise ExportFileError(
            f"the file gives {given.shape[-1]} probabilities and the network {reference.shape[-1]}; "
            "name the network it was made from with --model"
        )
    flipped = np.flatnonzero(given.argmax(axis=1) != reference.argmax(axis=1))
    apart = np.abs(given.astype("float64") - reference).max(axis=1)
    judged = Parity(
        source=faces.source,
        labels=tuple(labels),
        faces=len(reference),
        agreement=Proportion(len(reference) - len(flipped), len(reference)),
        flipped=tuple(flipped.tolist()),
        largest_difference=_digits(float(apart.max())),
        mean_difference=float(apart.mean()),
        kl_divergence=_digits(statistics.kl_divergence(reference, given)),
        gate=gate,
    )
    if faces.targets is not None:
        judged = _with_truth(judged, reference, given, faces.targets)
    return replace(
        judged,
        # Rounded only now: the gate has judged the figure itself.
        mean_difference=_digits(judged.mean_difference),
        failures=gates.failures(judged),
        cautions=gates.cautions(judged),
    )


def _with_truth(
    judged: Parity, reference: NDArray[np.float32], given: NDArray[np.float32], targets: NDArray[np.int64]
) -> Parity:
    """The figures that need true labels: targets [N], positions in the labels."""
    was, now = reference.argmax(axis=1), given.argmax(axis=1)
    lost, gained = (was == targets) & (now != targets), (was != targets) & (now == targets)
    flips = Flips(int(lost.sum()), int(gained.sum()), int(((was != now) & ~lost & ~gained).sum()))
    before, after = (statistics.confusion_matrix(each, targets) for each in (reference, given))
    found = zip(judged.labels, statistics.recalls(before), statistics.recalls(after), strict=True)
    recalls = []
    for position, (label, keras, file) in enumerate(found):
        of_class = targets == position
        recalls.append(_recall(label, keras, file, int(lost[of_class].sum()), int(gained[of_class].sum())))
    errors = [round(statistics.expected_calibration_error(each, targets), 5) for each in (reference, given)]
    return replace(
        judged,
        keras_accuracy=statistics.accuracy(reference, targets),
        file_accuracy=statistics.accuracy(given, targets),
        drop=_points((flips.right_to_wrong - flips.wrong_to_right) / judged.faces),
        drop_interval=_interval_in_points(flips.right_to_wrong, flips.wrong_to_right, judged.faces),
        mcnemar_p=_digits(statistics.mcnemar_exact(flips.right_to_wrong, flips.wrong_to_right)),
        flips=flips,
        recalls=tuple(recalls),
        keras_confusion=before,
        file_confusion=after,
        keras_calibration_error=errors[0],
        file_calibration_error=errors[1],
    )


def _recall(label: str, keras: Proportion, file: Proportion, lost: int, gained: int) -> ClassRecall:
    return ClassRecall(
        label=label,
        faces=keras.count,
        keras=keras,
        file=file,
        drop=_points((lost - gained) / keras.count if keras.count else math.nan),
        drop_interval=_interval_in_points(lost, gained, keras.count),
        mcnemar_p=_digits(statistics.mcnemar_exact(lost, gained)),
    )


def align(given: NDArray[np.float32], file_labels: Sequence[str], labels: Sequence[str]) -> NDArray[np.float32]:
    """Put a file's columns [N, K] into the order of the network's labels, by name.

    Raises ExportFileError when the file's labels are not the network's.
    """
    if sorted(file_labels) != sorted(labels):
        raise ExportFileError(
            f"the file's labels ({', '.join(file_labels) or 'none'}) are not the network's ({', '.join(labels)}); "
            "name the network it was made from with --model"
        )
    return given[:, [list(file_labels).index(label) for label in labels]]


def _interval_in_points(lost: int, gained: int, faces: int) -> tuple[float, float]:
    low, high = statistics.paired_difference_interval(lost, gained, faces)
    return _points(low), _points(high)


def _points(share: float) -> float:
    return round(100 * share, 3)


def _digits(value: float) -> float:
    return float(f"{value:.3g}")
