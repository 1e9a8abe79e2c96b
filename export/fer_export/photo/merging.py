"""One rule that makes faces of the candidates of all detectors and windows.

A candidate is a box in whole pixels of the photo, a score from 0 to 1 and the detector's file. The rule of contract
version 3, with `same`, `cover`, `score`, `size`, `alone`, `small` and `small_alone` of
`MergeRule`:

1. Candidates whose box has its centre outside the photo are dropped: 0 <= left + right < 2 * width, and the same
   downwards. (They are mirror images in the margin.)
2. The candidates are ordered by score, the highest first; equal ones keep the order in which they were found: rule by
   rule, of one rule by score, then window by window.
3. The first of them leads; it and all others whose intersection over union with it is above `same` are taken out of
   the list. The leader's box is a face. Its score is the mean, over the contract's different detector files, of the
   highest score that a candidate taken out with it has of that file, 0 where there is none: a face that both networks
   see is sure, a fist that one of them takes for a face is not. Where the leader's longer side is below `small`
   thousandths of the photo's and its own score is at least `small_alone`, the face has the leader's score: few windows
   show such faces, and most of them to one network only. This is repeated until the list is empty.
4. Faces with a score below `score`, or whose longer side is below `size` pixels, are dropped.
5. The faces are ordered by score, the highest first; equal ones by area, the largest first, then from the left, then
   from the top. One that shares more than `cover` of the smaller of both boxes with a kept one before it is dropped.
6. Where no face is left, the candidate of step 1 with the highest score, the first of equals, among those of rules
   with one window, is a face with its own score, if that is at least `score` and `alone` and its longer side at least
   `size`: a face so large or turned that only one network sees it.

The score of a face is in float64, added up in the order of the contract's files; boxes are compared in whole numbers.
Versions 1 and 2: `_first_come`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from ..contract import FIRST_COME, DetectorRule, MergeRule, PhotoContract
from .crop import Box, square


@dataclass(frozen=True)
class Face:
    """A face that was found."""

    box: Box
    """Its box in whole pixels."""

    score: float
    """How sure it is a face, 0..1."""

    detector: str
    """The file of the detector whose box it is."""

    def to_dict(self) -> dict[str, Any]:
        box = self.box
        return {
            "box": [box.left, box.top, box.right, box.bottom],
            "score": round(self.score, 6),
            "detector": self.detector,
        }


Found = Iterable[tuple[DetectorRule, list[Face]]]
"""What each detector rule found, the highest score first, in the order of the contract."""


def merged(found: Found, size: tuple[int, int], contract: PhotoContract) -> tuple[Face, ...]:
    """The faces of a photo of `size` (width, height) by the rule of the contract's version."""
    if contract.version <= FIRST_COME:
        return _first_come(found, size, contract)
    width, height = size
    inside = [(rule, face) for rule, faces in found for face in faces if _centred(face.box, width, height)]
    files = list(dict.fromkeys(rule.file for rule in contract.detectors))
    faces = _apart(_confirmed([face for _, face in inside], contract.merge, files, max(size)), contract.merge)
    return faces or _alone([face for rule, face in inside if rule.windows == 1], contract.merge)


def _confirmed(candidates: list[Face], rule: MergeRule, files: list[str], longer: int) -> list[Face]:
    """Each candidate that leads others, with its score as a face of a photo whose longer side is `longer`."""
    rest, faces = sorted(candidates, key=lambda face: -face.score), []
    while rest:
        first, others = rest[0], []
        best = dict.fromkeys(files, 0.0)
        for one in rest:
            if one is first or _same(first.box, one.box, rule.same):
                best[one.detector] = max(best[one.detector], one.score)
            else:
                others.append(one)
        small = first.box.side * 1000 < rule.small * longer and first.score * 1000 >= rule.small_alone
        faces.append(first if small else replace(first, score=sum(best.values()) / len(files)))
        rest = others
    return faces


def _apart(faces: list[Face], rule: MergeRule) -> tuple[Face, ...]:
    """The faces that count, none of which covers a surer one."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: (-face.score, -face.box.area, face.box.left, face.box.top)):
        counts = face.score * 1000 >= rule.score and face.box.side >= rule.size
        if counts and not any(_covers(face.box, other.box, rule.cover) for other in kept):
            kept.append(face)
    return tuple(kept)


def _alone(candidates: list[Face], rule: MergeRule) -> tuple[Face, ...]:
    """The surest candidate of whole photos, if it counts without another network."""
    if not candidates:
        return ()
    surest = max(candidates, key=lambda face: face.score)
    counts = surest.score * 1000 >= max(rule.score, rule.alone) and surest.box.side >= rule.size
    return (surest,) if counts else ()


def _first_come(found: Found, size: tuple[int, int], contract: PhotoContract) -> tuple[Face, ...]:
    """Versions 1 and 2: a kept box stays, whatever the score of a later one; the largest first."""
    kept: list[Face] = []
    for rule, faces in found:
        earlier = tuple(kept)
        for face in faces:
            # Faces within one window are distinct already; two windows may show the same one.
            others = earlier if rule.windows == 1 else kept
            cut = square(face.box, *size, contract.crop)
            touched = _shared(face.box, Box(cut.left, cut.top, cut.left + cut.side, cut.top + cut.side)) > 0
            counts = face.score * 1000 >= contract.merge.score and face.box.side >= contract.merge.size
            if counts and touched and not any(_covers(face.box, other.box, contract.merge.cover) for other in others):
                kept.append(face)
    return tuple(sorted(kept, key=lambda face: (-face.box.area, face.box.left, face.box.top)))


def _centred(box: Box, width: int, height: int) -> bool:
    return 0 <= box.left + box.right < 2 * width and 0 <= box.top + box.bottom < 2 * height


def _same(box: Box, other: Box, thousandths: int) -> bool:
    shared = _shared(box, other)
    return shared * 1000 > thousandths * (box.area + other.area - shared)


def _covers(box: Box, other: Box, thousandths: int) -> bool:
    return _shared(box, other) * 1000 > thousandths * min(box.area, other.area)


def _shared(box: Box, other: Box) -> int:
    """Pixels that both boxes cover."""
    width = min(box.right, other.right) - max(box.left, other.left)
    height = min(box.bottom, other.bottom) - max(box.top, other.top)
    return max(width, 0) * max(height, 0)
