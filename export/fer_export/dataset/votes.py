"""FER+ votes: what ten people see in each face of FER2013 (fer2013new.csv, Microsoft, MIT licence).

A file has one line for each row of fer2013.csv, in its order, with its Usage. Barsoum et al. 2016 ("Training deep
networks for facial expression recognition with crowd-sourced label distribution") judge by majority: single votes are
set to 0, and a face counts where one emotion has more than half of the votes that are left.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .dataset import SPLITS, Dataset, Faces
from .emotions import FER2013, canonical
from .vote_rules import CHOICES, EMOTIONS, distribution, majority

_HEADER = ("usage", "image name", *map(canonical, CHOICES))


@dataclass(frozen=True)
class VoteSummary:
    """The votes of one split, beside 2013's labels."""

    split: str
    """Name of the split."""

    faces: int
    """Number of faces."""

    majority: int
    """Faces of which one of the eight emotions has a majority."""

    emotions: dict[str, int]
    """Faces with that majority, by emotion."""

    agreeing: int
    """Faces with a majority for the emotion that 2013's label names."""

    entropy: float
    """Mean entropy of the eight emotions' votes, single votes removed, in bits."""

    def to_dict(self) -> dict[str, Any]:
        agreement = self.agreeing / self.majority if self.majority else None
        return {
            "split": self.split,
            "faces": self.faces,
            "majority": self.majority,
            "without_majority": self.faces - self.majority,
            "emotions": self.emotions,
            "agreement_with_2013": None if agreement is None else round(agreement, 5),
            "entropy_bits": round(self.entropy, 5),
        }


def with_votes(dataset: Dataset, path: Path | str) -> Dataset:
    """The data set with the votes of `path`, which then label its faces instead of 2013's labels.

    Raises DataError for a file that cannot be read, for a folder of pictures, and for the first row whose Usage is not
    the data set's.
    """
    path = Path(path)
    if dataset.source.is_dir():
        raise DataError(
            f"the pictures in {dataset.source} do not tell their row of fer2013.csv, so votes cannot be matched with "
            "them; pass fer2013.csv as the data"
        )
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}; pass fer2013new.csv") from error
    usage, counts = _parsed(content, path)
    _check_aligned(usage, dataset, path)
    digest = hashlib.sha256(content).hexdigest()
    return replace(dataset, votes=counts, votes_source=path, votes_sha256=digest)


def summarize(faces: Faces) -> VoteSummary:
    """The votes of some faces. Raises DataError for faces without votes."""
    if faces.votes is None:
        raise DataError(f"the faces of {faces.name} have no votes; pass fer2013new.csv")
    emotions = EMOTIONS
    voted = majority(faces.votes, emotions)
    found = voted >= 0
    same = np.array([emotions.index(name) for name in FER2013])[faces.emotions] == voted
    kept, shares = distribution(faces.votes, emotions)
    logs = np.log2(shares, where=shares > 0, out=np.zeros_like(shares))
    entropy = float(-(shares * logs).sum(axis=1).mean()) if len(kept) else 0.0
    counts = np.bincount(voted[found], minlength=len(emotions))
    return VoteSummary(
        faces.name,
        len(faces),
        int(found.sum()),
        {name: int(count) for name, count in zip(emotions, counts, strict=True)},
        int(same.sum()),
        entropy,
    )


def shares(faces: Faces, labels: Sequence[str]) -> dict[str, float]:
    """The share of each label among some faces: of their votes where they have any, else of 2013's labels."""
    if faces.votes is None:
        targets = faces.for_labels(labels)[1]
        found = np.bincount(targets, minlength=len(labels)) / len(targets)
    else:
        found = distribution(faces.votes, labels)[1].mean(axis=0)
    return {label: round(float(share), 6) for label, share in zip(labels, found, strict=True)}


def _parsed(content: bytes, path: Path) -> tuple[list[int], NDArray[np.uint8]]:
    try:
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is not a text file of votes ({error}); pass fer2013new.csv") from error
    if not rows or tuple(canonical(field) for field in rows[0]) != _HEADER:
        raise DataError(f"{path} does not begin with Usage,Image name,neutral,...; pass FER+'s fer2013new.csv")
    while rows and not rows[-1]:
        rows.pop()
    names = {name: position for position, name in enumerate(SPLITS)}
    usage, counts = [], []
    for number, row in enumerate(rows[1:], 1):
        where = f"{path}, row {number} (line {number + 1})"
        if len(row) != len(_HEADER):
            raise DataError(f"{where}: has {len(row)} columns instead of {len(_HEADER)}; download the file again")
        if row[0].strip() not in SPLITS[:3]:
            raise DataError(f"{where}: the Usage is {row[0][:20]!r}; it must be {', '.join(SPLITS[:3])}")
        given = [field.strip() for field in row[2:]]
        if not all(field.isascii() and field.isdigit() and len(field) <= 3 and int(field) <= 255 for field in given):
            raise DataError(f"{where}: a number of votes is not a whole number from 0 to 255; download the file again")
        usage.append(names[row[0].strip()])
        counts.append([int(field) for field in given])
    if not counts:
        raise DataError(f"{path} has a header and no rows; download fer2013new.csv again")
    return usage, np.array(counts, np.uint8)


def _check_aligned(usage: list[int], dataset: Dataset, path: Path) -> None:
    shared = min(len(usage), len(dataset))
    different = np.flatnonzero(np.array(usage[:shared]) != dataset.usage[:shared])
    if len(different):
        row = int(different[0])
        raise DataError(
            f"row {row + 1} is {SPLITS[usage[row]]} in {path} and {SPLITS[dataset.usage[row]]} in {dataset.source}; "
            "the votes must be those of the same rows in the same order"
        )
    if len(usage) != len(dataset):
        raise DataError(
            f"{path} has {len(usage)} rows and {dataset.source} has {len(dataset)}: row {shared + 1} is only in one of "
            "them; the votes must be those of the same rows in the same order"
        )
