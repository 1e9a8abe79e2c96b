"""What a FER2013 data set holds: class and split counts, and the faces that it contains more than once.

An *exact* duplicate has the same 2304 bytes. A *near* duplicate shows the same photo moved by a few pixels,
lighter or darker, with other contrast, re-encoded, or with another stock-photo mark: its normalised correlation
(mean and contrast removed) with the other face, at the best of the 49 shifts and over the pixels both then
have, is at least 0.93. Mirror images count too. A later split is compared with all earlier ones, in the
order of dataset.SPLITS: what matters is how much of a test set was seen in training.

How 0.93 was chosen: pairs of a PublicTest face without an exact copy in Training (there are 3,310) and a Training
face were looked at side by side, down to 0.88. Of the 306 different pairs from 0.93 on, mirror images among them,
every one was the same photo; from 0.91 to 0.92 some one in six was another person in the same light (of the
mirror images nearly all), below 0.89 most were. The count is a lower bound: crops moved, turned or scaled further
are not found, and looser coarse steps (below) find one or two per cent more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..system import Readable
from .dataset import SIDE, SPLITS, Dataset, Progress
from .emotions import FER2013

NEAR = 0.93
"""Correlation from which two faces are the same photo."""

# Coarse to fine: pictures of 12x12 (all pairs, no shift), 24x24 (shifts of 1), 48x48 (shifts of 3, decides).
_LIKELY_AT_12 = 0.82
_LIKELY_AT_24 = 0.86
_MOST_CANDIDATES = 24
BLOCK = 256

Pictures = NDArray[np.uint8]


@dataclass(frozen=True)
class Duplicates:
    """Counts of faces (not of pairs). Keys of the dictionaries are splits."""

    exact: dict[str, int]
    """Faces with an exact copy in an earlier split."""

    pictures_shared: int
    """Different pictures that are in more than one split."""

    exact_within: dict[str, int]
    """Faces with an exact copy earlier in the same split."""

    pictures_contradictory: int
    """Different pictures whose exact copies, in any split, carry different emotions."""

    faces_contradictory: int
    """The faces of those pictures."""

    near: dict[str, int]
    """Faces without an exact but with a near copy in an earlier split."""

    near_mirrored: dict[str, int]
    """Those of them that are near only to a mirror image."""

    def to_dict(self) -> dict[str, Any]:
        return {
            "across_splits": {"exact": self.exact, "near": self.near, "near_mirrored": self.near_mirrored},
            "pictures_shared": self.pictures_shared,
            "exact_within_split": self.exact_within,
            "pictures_contradictory": self.pictures_contradictory,
            "faces_contradictory": self.faces_contradictory,
            "near_correlation": NEAR,
        }


@dataclass(frozen=True)
class Summary(Readable):
    """What `fer-export data` prints."""

    source: str
    """Name of the data set."""

    sha256: str
    """SHA-256 of the data set."""

    counts: dict[str, dict[str, int]]
    """Faces by split and by emotion, every emotion named."""

    duplicates: Duplicates
    """Copies within and across splits."""

    @property
    def emotions(self) -> dict[str, int]:
        """Faces by emotion over all splits."""
        return {emotion: sum(split[emotion] for split in self.counts.values()) for emotion in FER2013}

    @property
    def faces(self) -> int:
        return sum(self.emotions.values())

    def to_dict(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "sha256": self.sha256,
            "faces": self.faces,
            "emotions": self.emotions,
            "splits": {
                split: {"faces": sum(counts.values()), "emotions": counts} for split, counts in self.counts.items()
            },
            "duplicates": self.duplicates.to_dict(),
        }


def summarize(dataset: Dataset, progress: Progress = lambda done, total: None) -> Summary:
    """Count classes, splits and duplicates. `progress` gets the number of faces compared and the number of faces."""
    counts = {
        split: np.bincount(dataset.emotions[_in_split(dataset, split)], minlength=len(FER2013))
        for split in dataset.splits
    }
    return Summary(
        source=str(dataset.source),
        sha256=dataset.sha256,
        counts={split: dict(zip(FER2013, numbers.tolist(), strict=True)) for split, numbers in counts.items()},
        duplicates=find_duplicates(dataset, progress),
    )


def find_duplicates(dataset: Dataset, progress: Progress = lambda done, total: None) -> Duplicates:
    """Count exact and near duplicates; about a second for each thousand faces outside Training."""
    pictures = picture_numbers(dataset.pixels)
    members = {name: _in_split(dataset, name) for name in dataset.splits}
    later = dataset.splits[1:]
    earlier = {name: np.flatnonzero(dataset.usage < SPLITS.index(name)) for name in later}
    copied = {name: np.isin(pictures[members[name]], pictures[earlier[name]]) for name in later}
    others = {name: members[name][~copied[name]] for name in later}
    total, done = sum(map(len, others.values())), 0

    def count(faces: int) -> None:
        nonlocal done
        done += faces
        progress(done, total)

    faces = dataset.pixels[:, :, :, 0]
    near = {name: near_duplicates(faces[others[name]], faces[earlier[name]], count) for name in later}
    contradictory = _contradictory(pictures, dataset.emotions)
    return Duplicates(
        exact={name: int(copied[name].sum()) for name in later},
        pictures_shared=len(set[int]().union(*(pictures[members[name][copied[name]]].tolist() for name in later))),
        exact_within={name: len(rows) - len(np.unique(pictures[rows])) for name, rows in members.items()},
        pictures_contradictory=len(contradictory),
        faces_contradictory=int(np.isin(pictures, contradictory).sum()),
        near={name: int((upright | mirrored).sum()) for name, (upright, mirrored) in near.items()},
        near_mirrored={name: int(mirrored.sum()) for name, (_, mirrored) in near.items()},
    )


def picture_numbers(pixels: Pictures) -> NDArray[np.int64]:
    """A number for each face, int64 [N]: equal for equal pictures, counted from 0 in order of first appearance."""
    numbers: dict[bytes, int] = {}
    return np.array([numbers.setdefault(face.tobytes(), len(numbers)) for face in pixels], np.int64)


def near_duplicates(
    later: Pictures, earlier: Pictures, compared: Callable[[int], None] = lambda faces: None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which faces of `later` (uint8 [N, 48, 48]) have a near duplicate in `earlier`; which others a mirror image.

    bool [N] twice. Deterministic; memory grows with N + M, not with N * M. Of each face only the 24 likeliest
    candidates are looked at closely. `compared` gets the number of faces that each step handled.
    """
    even, odd = _mirror_parts(later)
    even_earlier, odd_earlier = (part.T.copy() for part in _mirror_parts(earlier))
    upright, mirrored = np.zeros((2, len(later)), np.bool_)
    for start in range(0, len(later), BLOCK):
        block = slice(start, start + BLOCK)
        even_product, odd_product = even[block] @ even_earlier, odd[block] @ odd_earlier
        upright[block] = _confirmed(later[block], earlier, even_product + odd_product)
        rest = np.flatnonzero(~upright[block])
        reflections = later[block][rest, :, ::-1]
        mirrored[start + rest] = _confirmed(reflections, earlier, (even_product - odd_product)[rest])
        compared(len(later[block]))
    return upright, mirrored


def _confirmed(pictures: Pictures, others: Pictures, correlation: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which pictures show the same photo as one of their likeliest others: the likeliest is tried first."""
    row, column, rank = _likeliest(correlation)
    found = np.zeros(len(pictures), np.bool_)
    for first, last in ((0, 1), (1, 4), (4, _MOST_CANDIDATES)):
        tried = (first <= rank) & (rank < last) & ~found[row]
        same = _same_photo(pictures[row[tried]], others[column[tried]])
        found[row[tried][same]] = True
    return found


def _mirror_parts(pictures: Pictures) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """12x12 pictures of mean 0 and length 1, as their mirror-symmetric and antisymmetric part, float32 [N, 72] each.

    Products of the two kinds of part give, summed, the correlation of two pictures and, subtracted, that with
    the mirror image.
    """
    small = _shrunk(pictures, 4).astype(np.float32)
    small -= small.mean((1, 2), keepdims=True)
    small /= np.maximum(np.linalg.norm(small, axis=(1, 2), keepdims=True), 1e-6)
    mirrored = small[:, :, ::-1]
    rows, half = small.shape[1], small.shape[2] // 2
    scale = np.float32(np.sqrt(0.5))  # both halves of a part hold the same numbers: one represents both
    even, odd = scale * (small + mirrored)[:, :, :half], scale * (small - mirrored)[:, :, :half]
    return even.reshape(len(small), rows * half), odd.reshape(len(small), rows * half)


def _likeliest(
    correlation: NDArray[np.float32],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Pairs (row, column) of likely duplicates, at most 24 a row, and the rank of each in its row, from 0."""
    row, column = np.nonzero(correlation >= _LIKELY_AT_12)
    crowded = np.flatnonzero(np.bincount(row, minlength=len(correlation)) > _MOST_CANDIDATES)
    least = np.full(len(correlation), _LIKELY_AT_12, correlation.dtype)
    if len(crowded):
        least[crowded] = np.partition(correlation[crowded], -_MOST_CANDIDATES, axis=1)[:, -_MOST_CANDIDATES]
    likely = correlation[row, column] >= least[row]
    row, column = row[likely], column[likely]
    order = np.lexsort((-correlation[row, column], row))
    row, column = row[order], column[order]
    rank = np.arange(len(row)) - np.searchsorted(row, row)
    kept = rank < _MOST_CANDIDATES  # more only where correlations are equal
    return row[kept], column[kept], rank[kept]


def _same_photo(pictures: Pictures, others: Pictures) -> NDArray[np.bool_]:
    """Whether each picture (uint8 [N, 48, 48]) is a near duplicate of the other with its number, bool [N]."""
    same = _best_correlation(_shrunk(pictures, 2), _shrunk(others, 2), 1) >= _LIKELY_AT_24
    same[same] = _best_correlation(pictures[same], others[same], 3) >= NEAR
    return same


def _best_correlation(
    pictures: NDArray[np.unsignedinteger[Any]], others: NDArray[np.unsignedinteger[Any]], reach: int
) -> NDArray[np.float64]:
    """The highest correlation of each pair over all shifts by up to `reach`, taken where both overlap, float64 [N].

    Every sum is of whole numbers below 2**53, so the result is the same on every machine.
    """
    side = pictures.shape[1]
    pictures, others = pictures.astype(np.float64), others.astype(np.float64)
    best = np.full(len(pictures), -1.0)
    for down in range(-reach, reach + 1):
        for right in range(-reach, reach + 1):
            x = pictures[:, max(0, down) : side + min(0, down), max(0, right) : side + min(0, right)]
            y = others[:, max(0, -down) : side - max(0, down), max(0, -right) : side - max(0, right)]
            size = x.shape[1] * x.shape[2]
            x, y = x.reshape(len(x), size), y.reshape(len(y), size)
            x_sum, y_sum = x.sum(1), y.sum(1)
            covariance = size * np.einsum("ij,ij->i", x, y) - x_sum * y_sum
            x_variance = size * np.einsum("ij,ij->i", x, x) - x_sum**2
            y_variance = size * np.einsum("ij,ij->i", y, y) - y_sum**2
            best = np.maximum(best, covariance / np.sqrt(np.maximum(x_variance * y_variance, 1)))
    return best


def _shrunk(pictures: Pictures, factor: int) -> NDArray[np.uint16]:
    """Sums over blocks of factor x factor pixels, uint16 [N, 48 / factor, 48 / factor]."""
    sums = np.zeros((len(pictures), SIDE // factor, SIDE // factor), np.uint16)
    for down in range(factor):
        for right in range(factor):
            sums += pictures[:, down::factor, right::factor]
    return sums


def _in_split(dataset: Dataset, split: str) -> NDArray[np.int64]:
    return np.flatnonzero(dataset.usage == SPLITS.index(split))


def _contradictory(pictures: NDArray[np.int64], emotions: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Numbers of the pictures that carry more than one emotion."""
    different = np.unique(np.stack([pictures, emotions.astype(np.int64)]), axis=1)[0]
    return np.flatnonzero(np.bincount(different, minlength=1) > 1)
