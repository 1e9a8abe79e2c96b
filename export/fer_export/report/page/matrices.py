"""Tables of the comparison page whose cells are shaded or barred: confusion matrices, probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

DARKEST = 0.6
"""Opacity of a confusion cell that holds its whole row: the count in it is still legible in the colour of all text."""


@dataclass(frozen=True)
class Cell:
    """Faces of one true emotion that were given one answer."""

    faces: int
    """How many."""

    change: str
    """Against Keras, with a true minus; empty for none."""

    shade: str
    """Opacity, 0 to DARKEST: the share of its row."""


@dataclass(frozen=True)
class Confusion:
    """A confusion matrix."""

    name: str
    """Of the network or file."""

    group: str
    """A key of contract.formats."""

    labels: Sequence[str]
    """Emotions, true ones as rows and predicted ones as columns."""

    rows: Sequence[Sequence[Cell]]
    """The cells, row by row."""

    right: int
    """Faces on the diagonal."""

    total: int
    """All faces."""


@dataclass(frozen=True)
class Answer:
    """Two probabilities of one label."""

    label: str
    """The emotion."""

    keras: float
    """Keras's, in per cent."""

    file: float
    """The file's, in per cent; NaN where it is not a number."""

    first_of_keras: bool
    """Whether it is Keras's answer."""

    first_of_file: bool
    """Whether it is the file's."""

    @property
    def bars(self) -> tuple[str, str]:
        """Lengths of both bars in per cent."""
        keras, file = (
            f"{min(max(share, 0.0), 100.0) if share == share else 0:.1f}" for share in (self.keras, self.file)
        )
        return keras, file


def confusion(
    name: str,
    group: str,
    labels: Sequence[str],
    counts: Sequence[Sequence[int]],
    reference: Sequence[Sequence[int]] | None = None,
) -> Confusion:
    """Faces by [true][predicted]; shades are shares of the row.

    name, group: of the network or file.
    labels: emotions in the order of rows and columns.
    counts: the faces.
    reference: the counts that small print compares to.
    """
    rows = []
    for i, row in enumerate(counts):
        changes = [faces - reference[i][j] if reference else 0 for j, faces in enumerate(row)]
        rows.append(
            [
                Cell(
                    faces,
                    f"{change:+d}".replace("-", "−") if change else "",
                    f"{DARKEST * faces / max(1, sum(row)):.2f}",
                )
                for faces, change in zip(row, changes, strict=True)
            ]
        )
    right = sum(row[i] for i, row in enumerate(counts))
    return Confusion(name, group, labels, rows, right, sum(map(sum, counts)))


def answers(labels: Sequence[str], keras: Sequence[float], file: Sequence[float]) -> list[Answer]:
    """Each label with both probabilities (0..1 in), the largest of each marked."""
    first, second = _largest(keras), _largest(file)
    return [
        Answer(label, 100 * a, 100 * b, i == first, i == second)
        for i, (label, a, b) in enumerate(zip(labels, keras, file, strict=True))
    ]


def _largest(values: Sequence[float]) -> int:
    return max(range(len(values)), key=lambda i: -math.inf if math.isnan(values[i]) else values[i])
