"""Calibration sets: the faces whose activations set the int8 ranges, and the record of what they were.

With a data set: a stratified, seeded sample of Training, without any face whose bytes stand in the split that
parity uses. Without one: the network's probe faces (see probe.py). The record travels inside the exported
file and beside it, so that parity can refuse to judge a file on the faces that calibrated it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dataset import FER2013, Faces, fit
from ..errors import DataError
from .probe_faces import ProbeFaces

COUNT = 300
"""Training faces sampled by default; 100 to 500 is the usual advice, more only widens ranges by outliers."""

SEED = 1

PROBE_FACES = "probe faces"
"""What the record calls a set that needed no data."""


@dataclass(frozen=True)
class CalibrationSet:
    """The faces that set the int8 ranges."""

    images: NDArray[np.uint8]
    """Faces uint8 [N, S, S, 1], the same bytes that a phone passes to the file."""

    record: dict[str, Any]
    """What the faces are (source, split, counts, seed, rows), JSON-safe."""

    @property
    def face_hashes(self) -> tuple[str, ...]:
        return tuple(self.record["faces"])


def from_training(
    training: Faces,
    parity: Faces | None,
    labels: Sequence[str],
    size: int,
    *,
    count: int = COUNT,
    seed: int = SEED,
) -> CalibrationSet:
    """Sample `count` faces, stratified by emotion, that the parity split does not contain.

    training: faces to draw from.
    parity: the faces that will judge the file.

    Raises DataError when both are the same split, or when fewer than two faces are left.
    """
    if parity is not None and parity.name == training.name:
        raise DataError(
            f"parity on {parity.name} would judge the file on the faces that calibrate it; use `split='PublicTest'`"
        )
    known, _ = training.for_labels(labels)
    if parity is not None:
        taken = set(face_hashes(parity.pixels))
        apart = [i for i, face in enumerate(face_hashes(known.pixels)) if face not in taken]
        if len(apart) < len(known):
            known = known.take(np.array(apart, dtype=np.int64))
    if len(known) < 2:
        raise DataError("no Training faces are left to calibrate with; pass a data set with a Training split")
    chosen = known.sample(count, seed)
    images = fit(chosen.pixels, size)
    counts = np.bincount(chosen.emotions, minlength=len(FER2013))
    emotions = {name: int(faces) for name, faces in zip(FER2013, counts, strict=True) if faces}
    return CalibrationSet(
        images,
        {
            "source": f"{training.name} faces",
            "sampling": "stratified by emotion, without faces of the parity split",
            "seed": seed,
            "count": len(images),
            "emotions": emotions,
            "rows": chosen.rows.tolist(),
            "faces": face_hashes(chosen.pixels),
        },
    )


def is_probe(record: Mapping[str, Any] | None) -> bool:
    """Whether a record says that probe faces calibrated."""
    return record is not None and record.get("source") == PROBE_FACES


def from_probe(probe: ProbeFaces) -> CalibrationSet:
    """The calibrating half of a network's probe faces."""
    images = probe.calibrate
    record = {"source": PROBE_FACES, **probe.record, "count": len(images), "faces": face_hashes(images)}
    return CalibrationSet(images, record)


def face_hashes(pixels: NDArray[np.uint8]) -> list[str]:
    """The first 16 hex digits of each face's SHA-256: enough to tell faces apart, without the picture."""
    return [hashlib.sha256(face.tobytes()).hexdigest()[:16] for face in np.ascontiguousarray(pixels)]


def check_apart(record: Mapping[str, Any], judging: Sequence[str], name: str) -> None:
    """Raise DataError if any of the judging faces (their face_hashes) calibrated the file whose record is given."""
    shared = set(record.get("faces", ())) & set(judging)
    if shared:
        raise DataError(
            f"{len(shared)} of the faces that would judge {name} calibrated it; judge it with `split='PublicTest'`"
        )
