"""A video's faces and their emotions over time as text."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from ...harmless import harmless
from .table import table

if TYPE_CHECKING:
    from ...predict.tracks import TrackedFace
    from ...predict.video import Picture, VideoResult

MOST = 30
"""Faces that the printout lists: those that were seen longest."""


def video_text(result: VideoResult) -> str:
    """The printout of `fer-export predict` for a video: a line a face, with its emotions over time."""
    seconds = result.pictures[-1].seconds if result.pictures else 0.0
    lines = [
        f"{harmless(result.video)}: {seconds:.1f} s of video, {len(result.pictures):,} pictures searched (one of "
        f"every {result.every}), {_count(len(result.tracks))}"
    ]
    if result.tracks:
        longest = sorted(result.tracks.items(), key=lambda each: (-len(each[1]), each[0]))[:MOST]
        rows = [_row(result, number, tracked) for number, tracked in sorted(longest)]
        lines += [table(["face", "from", "to", "pictures", "emotions"], rows), "emotions: share of the face's pictures"]
    if len(result.tracks) > MOST:
        lines.append(f"{len(result.tracks) - MOST} faces that were seen shorter are in --json and --csv")
    if result.annotated:
        lines.append(f"video: {harmless(result.annotated)}")
    if result.prior:
        lines.append(f"prior: {result.prior}, not those of the training faces (--prior trained for those)")
    return "\n".join(lines)


def picture_text(picture: Picture) -> str:
    """One line for a picture of a camera."""
    faces = [
        f"face {face.track} {face.prediction.emotion} {100 * face.prediction.probability:.0f} %"
        for face in picture.faces
    ]
    return f"{picture.seconds:7.1f} s  {', '.join(faces) or 'no face found'}"


class VideoTable:
    """A CSV over time, written picture by picture: a row a face; a picture without a face has one row as well.

    top: only so many of the likeliest emotions; the others' cells are empty.
    """

    def __init__(self, top: int | None = None) -> None:
        self._top, self._begun = top, False

    def add(self, picture: Picture) -> str:
        """The rows of one more picture, after the header if it is the first."""
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        box = ["left", "top", "right", "bottom", "score"]
        if not self._begun:
            rows.writerow(["seconds", "frame", "face", "emotion", "probability", *box, *picture.labels])
            self._begun = True
        moment = [f"{picture.seconds:.3f}", picture.number]
        rows.writerows([[*moment, *self._cells(face)] for face in picture.faces])
        if not picture.faces:
            rows.writerow([*moment, *[""] * (8 + len(picture.labels))])
        return text.getvalue()

    def _cells(self, face: TrackedFace) -> list[object]:
        found, box = face.prediction, face.prediction.face.box
        kept = dict(found.likeliest(self._top))
        shares = [f"{kept[name]:.6f}" if name in kept else "" for name in found.labels]
        place = [box.left, box.top, box.right, box.bottom, f"{found.face.score:.6f}"]
        return [face.track, found.emotion, f"{found.probability:.6f}", *place, *shares]


def _row(result: VideoResult, number: int, tracked: list[tuple[float, TrackedFace]]) -> list[str]:
    shares = ", ".join(f"{emotion} {share:.0%}" for emotion, share in result.shares(number)[:3])
    return [f"{number}", f"{tracked[0][0]:.1f} s", f"{tracked[-1][0]:.1f} s", f"{len(tracked):,}", shares]


def _count(faces: int) -> str:
    return "no face found" if faces == 0 else "1 face" if faces == 1 else f"{faces:,} faces"
