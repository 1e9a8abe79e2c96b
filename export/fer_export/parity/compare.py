"""Parity: an exported file against its Keras network on the same bytes, judged by its gate.

Probabilities are compared label by label, by name: a file whose labels are in another order answers differently and
    fails.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..contract import Gate
from ..errors import ExportFileError
from . import gate as gates
from . import statistics
from .figures import ClassRecall, Flips, Parity, ParityFaces
from .statistics import Proportion

OnFace = Callable[[int, int], None]


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
            "name the network it was made from with `network`"
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
    """Reorder a file's columns [N, K] to the order of the network's labels, by name.

    Raises ExportFileError when the file's labels are not the network's.
    """
    check_labels(file_labels, labels)
    return given[:, [list(file_labels).index(label) for label in labels]]


def check_labels(file_labels: Sequence[str], labels: Sequence[str]) -> None:
    """Raise ExportFileError when a file's labels, in whatever order, are not the network's."""
    if sorted(file_labels) != sorted(labels):
        raise ExportFileError(
            f"the file's labels ({', '.join(file_labels) or 'none'}) are not the network's ({', '.join(labels)}); "
            "name the network it was made from with `network`"
        )


def _interval_in_points(lost: int, gained: int, faces: int) -> tuple[float, float]:
    low, high = statistics.paired_difference_interval(lost, gained, faces)
    return _points(low), _points(high)


def _points(share: float) -> float:
    return round(100 * share, 3)


def _digits(value: float) -> float:
    return float(f"{value:.3g}")
