"""FER2013 in memory: 48x48 grey faces with their emotion and split, and the ways to divide them.

There are two protocols, which are never mixed: the official splits of the challenge (`Dataset.split`) and the report's
    stratified 70/30 division of all rows (`report_split`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, UsageError
from .emotions import FER2013, canonical
from .vote_rules import majority

SIDE = 48
"""Height and width of a face in pixels."""

SPLITS = ("Training", "PublicTest", "PrivateTest", "Test", "Validation")
"""The three official splits, and `Test` and `Validation`: folders whose file names do not tell PublicTest from
PrivateTest."""

Progress = Callable[[int, int], None]
"""Called with the work done and the whole work; the readers count bytes."""


@dataclass(frozen=True)
class Faces:
    """A set of labelled faces."""

    pixels: NDArray[np.uint8]
    """Faces uint8 [N, 48, 48, 1], 0-255."""

    emotions: NDArray[np.uint8]
    """FER2013's numbers uint8 [N] (positions in emotions.FER2013)."""

    rows: NDArray[np.int64]
    """Position of each face in its data set, int64 [N], from 0."""

    name: str
    """The split that they come from."""

    votes: NDArray[np.uint8] | None = None
    """FER+ votes uint8 [N, 10] in the order of CHOICES, which then label the faces; None for 2013's labels."""

    def __len__(self) -> int:
        return len(self.emotions)

    def take(self, positions: NDArray[np.int64], name: str | None = None) -> Faces:
        """The faces at these positions, in that order."""
        return Faces(
            self.pixels[positions],
            self.emotions[positions],
            self.rows[positions],
            self.name if name is None else name,
            None if self.votes is None else self.votes[positions],
        )

    def for_labels(self, labels: Sequence[str]) -> tuple[Faces, NDArray[np.int64]]:
        """The faces whose emotion is among a network's labels, and their targets: int64 [M], positions in `labels`.

        Labels are compared in canonical spelling; the report's six drop disgust that way. With votes the emotion is
        the majority's, and a face without one is dropped.
        Raises DataError if no face is left, UsageError if two labels mean the same emotion.
        """
        names = [canonical(label) for label in labels]
        if len(set(names)) < len(names):
            raise UsageError(f"two of the labels {', '.join(labels)} mean the same emotion; name each emotion once")
        if self.votes is None:
            position = np.array([names.index(name) if name in names else -1 for name in FER2013])
            targets = position[self.emotions]
        else:
            targets = majority(self.votes, names)
        kept = np.flatnonzero(targets >= 0)
        if not len(kept):
            raise DataError(
                f"none of the {len(self)} faces of {self.name} has one of the labels {', '.join(labels)}; "
                "check the class counts with `summarize()`"
            )
        if len(kept) == len(self):
            return self, targets.astype(np.int64)
        return self.take(kept), targets[kept].astype(np.int64)

    def sample(self, count: int, seed: int) -> Faces:
        """Exactly `count` faces in row order, drawn with `seed` so that each emotion keeps its share.

        Shares are rounded by the largest remainder (ties: the lower emotion number). All faces, in row order,
        if there are not more than `count`. Raises UsageError for a count below 1 or a seed that NumPy refuses.
        """
        if count < 1:
            raise UsageError(f"cannot draw {count} faces; ask for at least 1")
        random = _random_state(seed)
        if count >= len(self):
            return self.take(np.argsort(self.rows, kind="stable"))
        sizes = np.bincount(self.emotions, minlength=len(FER2013))
        shares, remainders = np.divmod(count * sizes, len(self))
        shares[np.argsort(-remainders, kind="stable")[: count - shares.sum()]] += 1
        drawn = np.concatenate(
            [
                random.permutation(np.flatnonzero(self.emotions == emotion))[:share]
                for emotion, share in enumerate(shares)
            ]
        )
        return self.take(drawn[np.argsort(self.rows[drawn], kind="stable")])


@dataclass(frozen=True)
class Dataset:
    """All faces of one FER2013 file or folder."""

    pixels: NDArray[np.uint8]
    """Faces uint8 [N, 48, 48, 1]."""

    emotions: NDArray[np.uint8]
    """FER2013's numbers uint8 [N]."""

    usage: NDArray[np.uint8]
    """Positions in SPLITS, uint8 [N]."""

    rows: NDArray[np.int64]
    """Data rows of the CSV from 0, or positions in the sorted list of a folder's pictures, int64 [N]."""

    source: Path
    """The file or folder."""

    sha256: str
    """Hexadecimal; of the file's bytes as stored, or of a folder's sorted relative paths and contents."""

    votes: NDArray[np.uint8] | None = None
    """FER+ votes uint8 [N, 10], which then label the faces; None for 2013's labels."""

    votes_source: Path | None = None
    """The file of the votes."""

    votes_sha256: str | None = None
    """SHA-256 of that file."""

    def __len__(self) -> int:
        return len(self.emotions)

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that have faces, in SPLITS order."""
        return tuple(SPLITS[index] for index in np.unique(self.usage))

    def split(self, name: str) -> Faces:
        """The faces of one official split, in row order. Raises DataError, naming the splits that exist."""
        if name not in self.splits:
            raise DataError(f"{self.source} has no split {name}; {self._instead(name)}")
        return self.faces(name).take(np.flatnonzero(self.usage == SPLITS.index(name)))

    def _instead(self, name: str) -> str:
        """What to pass in place of a split that is not there."""
        judging = [split for split in self.splits if split != "Training"]
        if name == "Training" or not judging:
            return f"it has only {' and '.join(self.splits)}: use fer2013.csv, or a folder with train and test"
        mixed = any(split in judging for split in ("Test", "Validation")) and name in SPLITS[1:3]
        why = " (its names do not tell PublicTest and PrivateTest apart)" if mixed else ""
        return f"choose {' or '.join(judging)}{why}, or use fer2013.csv"

    def faces(self, name: str = "all") -> Faces:
        """Every face, whatever its split."""
        return Faces(self.pixels, self.emotions, self.rows, name, self.votes)


def report_split(dataset: Dataset, labels: Sequence[str] = FER2013, seed: int = 5) -> tuple[Faces, Faces]:
    """The report's division: 70 % and 30 % of all rows with one of `labels`, stratified, whatever their Usage.

    The same rows as scikit-learn's `train_test_split(..., test_size=0.3, random_state=seed, shuffle=True,
    stratify=targets)`, where targets are positions in `labels`: the algorithm is that of its
    StratifiedShuffleSplit (scikit-learn, BSD-3-Clause), written anew on NumPy's RandomState, whose streams are
    frozen. Give the report's six labels to drop disgust first. Both parts come in row order.
    Exact and near duplicates fall on both sides: figures of this division are not those of the official splits.
    Raises DataError if a class or a side is too small to be divided.
    """
    faces, targets = dataset.faces().for_labels(labels)
    training, test = stratified_halves(targets, math.ceil(0.3 * len(targets)), seed)
    return faces.take(training, "report training (70 %)"), faces.take(test, "report test (30 %)")


def stratified_halves(
    targets: NDArray[np.int64], test_count: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of the training and the test part of one stratified shuffle, each sorted; see report_split."""
    sizes = np.unique(targets, return_counts=True)[1]
    training_count = len(targets) - test_count
    if sizes.min() < 2 or min(test_count, training_count) < len(sizes):
        raise DataError(
            f"{len(targets)} faces of {len(sizes)} emotions, the rarest with {sizes.min()}, are too few for a "
            "stratified 70/30 division; use a larger data set or the official splits"
        )
    random = _random_state(seed)
    in_training = _proportional_counts(sizes, training_count, random)
    in_test = _proportional_counts(sizes - in_training, test_count, random)
    members = np.split(np.argsort(targets, kind="stable"), np.cumsum(sizes)[:-1])
    training, test = [], []
    for positions, first, second in zip(members, in_training, in_test, strict=True):
        shuffled = positions[random.permutation(len(positions))]
        training.append(shuffled[:first])
        test.append(shuffled[first : first + second])
    return np.sort(np.concatenate(training)), np.sort(np.concatenate(test))


def _proportional_counts(sizes: NDArray[np.int64], draws: int, random: np.random.RandomState) -> NDArray[np.int64]:
    """How many of `draws` each class gets: the mode of the multivariate hypergeometric; ties are drawn by lot."""
    exact = sizes / sizes.sum() * draws
    counts = np.floor(exact)
    missing = int(draws - counts.sum())
    remainders = exact - counts
    for remainder in np.unique(remainders)[::-1]:
        if missing == 0:
            break
        equals = np.flatnonzero(remainders == remainder)
        chosen = random.choice(equals, size=min(len(equals), missing), replace=False)
        counts[chosen] += 1
        missing -= len(chosen)
    result: NDArray[np.int64] = counts.astype(np.int64)
    return result


def _random_state(seed: int) -> np.random.RandomState:
    if not 0 <= seed < 2**32:
        raise UsageError(f"{seed} is not a valid seed; pass a whole number from 0 to {2**32 - 1}")
    return np.random.RandomState(seed)
