"""Soft labels: the answers of networks trained earlier to the training faces, mixed with the labels given by people.

FER2013's labels are crowd guesses, wrong for about a third of the faces; a teacher's probabilities tell the doubtful
ones (Hinton et al. 2015, "Distilling the knowledge in a neural network"; Furlanello et al. 2018, "Born-again neural
networks", where the teacher is no larger than its pupil).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...checkpoint import Checkpoint
from ...dataset import canonical
from ...errors import UsageError


def soft_targets(
    teachers: Sequence[Checkpoint],
    images: NDArray[np.uint8],
    targets: NDArray[np.int64],
    labels: Sequence[str],
    weight: float,
    given: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Targets float32 [N, K] for grey faces: the labels mixed with teachers' answers.

    weight: the share of the teachers, 0..1.
    given: shares of the labels float32 [N, K], such as people's votes, instead of `targets`.

    A teacher's answer is its mean over a face and its mirror image; several teachers count alike. A teacher may know
    more emotions than `labels`: its probabilities of these are scaled to sum to 1.

    Raises UsageError where it knows fewer, or takes faces of another size.
    """
    answers = [_answer(teacher, images, labels) for teacher in teachers]
    soft = np.mean(answers, axis=0)
    given = np.eye(len(labels), dtype=np.float32)[targets] if given is None else given
    return np.asarray((1.0 - weight) * given + weight * soft, np.float32)


def check_teacher(teacher: Checkpoint, labels: Sequence[str], size: int) -> None:
    """Raise UsageError for a teacher that takes faces of another size, or does not know all these emotions."""
    if teacher.size != size:
        raise UsageError(f"the teacher {teacher.name} takes faces of {teacher.size}, not {size}; pass one of that size")
    columns(teacher, labels)


def columns(teacher: Checkpoint, labels: Sequence[str]) -> list[int]:
    """Where these emotions stand in a teacher's answer; UsageError where it does not know them all."""
    known = [canonical(label) for label in teacher.labels]
    missing = [label for label in labels if canonical(label) not in known]
    if missing:
        raise UsageError(f"the teacher {teacher.name} has no output for {', '.join(missing)}; pass one that has")
    return [known.index(canonical(label)) for label in labels]


def _answer(teacher: Checkpoint, images: NDArray[np.uint8], labels: Sequence[str]) -> NDArray[np.float64]:
    wanted = columns(teacher, labels)
    both = np.float64(teacher.predict(images)) + teacher.predict(np.ascontiguousarray(images[:, :, ::-1]))
    chosen = both[:, wanted]
    return np.asarray(chosen / np.maximum(chosen.sum(axis=1, keepdims=True), 1e-12))
