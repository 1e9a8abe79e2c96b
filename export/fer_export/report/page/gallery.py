"""The faces a file answers differently from its network, as pictures with both answers."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .matrices import Answer, answers

if TYPE_CHECKING:
    from ...exporting import ExportedFile
    from ...parity import Judge

MOST = 24
"""Faces shown of a file."""

LARGEST_SIDE = 96
"""Larger pictures are shrunk to so many pixels."""


@dataclass(frozen=True)
class FlippedFace:
    """A face whose top-1 changed."""

    position: int
    """Its position among the judging faces."""

    picture: str
    """A data URI of side x side pixels."""

    truth: str | None
    """The true emotion; None without labels."""

    kind: str | None
    """`right → wrong` and so on; None without labels."""

    keras: str
    """Keras's emotion."""

    file: str
    """The file's emotion."""

    difference: float
    """Largest difference of its probabilities, 0..1."""

    answers: list[Answer]
    """Both probabilities of every label."""


def flipped_faces(file: ExportedFile, judge: Judge, most: int = MOST) -> list[FlippedFace]:
    """The faces whose first emotion changed, those with the largest probability difference first."""
    positions = np.array(file.parity.flipped, dtype=np.int64)
    apart = np.abs(file.probabilities[positions].astype("float64") - judge.reference[positions]).max(axis=1, initial=0)
    # A NaN differs more than any number.
    order = np.lexsort((positions, -np.nan_to_num(apart, nan=np.inf)))[:most]
    return [_face(file, judge, int(positions[i]), float(apart[i])) for i in order]


def _face(file: ExportedFile, judge: Judge, position: int, difference: float) -> FlippedFace:
    before, after = judge.reference[position], file.probabilities[position]
    was, now = int(before.argmax()), int(after.argmax())
    truth = None if judge.faces.targets is None else int(judge.faces.targets[position])
    kind = None
    if truth is not None:
        kind = " → ".join("right" if answer == truth else "wrong" for answer in (was, now))
    return FlippedFace(
        position,
        picture_uri(judge.faces.images[position]),
        None if truth is None else judge.labels[truth],
        kind,
        judge.labels[was],
        judge.labels[now],
        difference,
        answers(judge.labels, before.tolist(), after.tolist()),
    )


def picture_uri(pixels: NDArray[np.uint8]) -> str:
    """A picture uint8 [S, S, 1] or [S, S, 3] as a PNG data URI, at most LARGEST_SIDE wide."""
    from PIL import Image

    picture = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    if max(picture.size) > LARGEST_SIDE:
        picture.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
