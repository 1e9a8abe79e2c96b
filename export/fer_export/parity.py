"""Parity: an exported file against its Keras network on the same bytes, and the gate that judges it.

Probabilities are compared label by label, by name: a file whose labels stand in another order gives other
answers for the same network and fails.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import ExportFileError
from .statistics import Proportion, accuracy
from .variants import Gate

OnFace = Callable[[int, int], None]


@dataclass(frozen=True)
class ParityFaces:
    """images: uint8 [N, S, S, 1]; targets: positions in the network's labels [N], None where the truth is
    unknown (probe faces); source: what they are, for the report; hashes: calibration.face_hashes of the faces."""

    images: NDArray[np.uint8]
    targets: NDArray[np.int64] | None
    source: str
    hashes: tuple[str, ...]


@dataclass(frozen=True)
class Parity:
    """What an exported file keeps of its network on `faces` faces.

    keras_accuracy, file_accuracy, drop (percentage points) are None without true labels.
    largest_difference and mean_difference: of the faces' largest probability difference, 0..1.
    failures: each missed limit of the gate in words; empty means passed.
    """

    source: str
    faces: int
    agreement: Proportion
    keras_accuracy: Proportion | None
    file_accuracy: Proportion | None
    drop: float | None
    largest_difference: float
    mean_difference: float
    gate: Gate
    failures: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.failures

    def to_dict(self) -> dict[str, Any]:
        document = asdict(self)
        for name in ("agreement", "keras_accuracy", "file_accuracy"):
            proportion = getattr(self, name)
            document[name] = proportion.to_dict() if proportion else None
        return {**document, "failures": list(self.failures), "passed": self.passed}


def compare(reference: NDArray[np.float32], given: NDArray[np.float32], faces: ParityFaces, gate: Gate) -> Parity:
    """Judge a file's probabilities against the network's, both float32 [N, K] in the network's label order."""
    if given.shape != reference.shape:
        raise ExportFileError(
            f"the file gives {given.shape[-1]} probabilities and the network {reference.shape[-1]}; "
            "name the network it was made from with --model"
        )
    count = len(reference)
    same = int((given.argmax(axis=1) == reference.argmax(axis=1)).sum())
    apart = np.abs(given.astype("float64") - reference).max(axis=1)
    before = after = drop = None
    if faces.targets is not None:
        before, after = accuracy(reference, faces.targets), accuracy(given, faces.targets)
        drop = round(100 * (before.hits - after.hits) / count, 3)
    agreement, mean = Proportion(same, count), float(apart.mean())
    return Parity(
        source=faces.source,
        faces=count,
        agreement=agreement,
        keras_accuracy=before,
        file_accuracy=after,
        drop=drop,
        largest_difference=float(f"{apart.max():.3g}"),
        mean_difference=float(f"{mean:.3g}"),
        gate=gate,
        failures=_failures(gate, agreement, drop, mean),
    )


def _failures(gate: Gate, agreement: Proportion, drop: float | None, mean: float) -> tuple[str, ...]:
    failures = []
    # `not >=` rather than `<`: a NaN among the figures must fail.
    if not agreement.value >= gate.min_agreement:
        failures.append(f"agreement {agreement.value:.2%} is under {gate.min_agreement:.2%}")
    if drop is not None and not drop <= gate.max_drop:
        failures.append(f"accuracy drop {drop:.2f} points is over {gate.max_drop:g}")
    if not mean <= gate.max_mean_difference:
        failures.append(f"mean probability difference {mean:.2g} is over {gate.max_mean_difference:g}")
    return tuple(failures)


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
