"""Photos, their faces and emotions as text."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from ...harmless import harmless
from .next_commands import NONE, Flags
from .table import table

if TYPE_CHECKING:
    from ...predict import PhotoResult, PhotoResults, Prediction

LEGEND = "box: left,top-right,bottom in pixels; score: the detector's, 0 to 1; emotions in %"


def predict_text(results: PhotoResults, top: int | None = None, flags: Flags = NONE) -> str:
    """The printout of `fer-export predict`.

    One table per photo with one line per face, the surest first; then what could not be read, and the total.

    top: only so many of the likeliest emotions.
    flags: those of the command itself.
    """
    several = len(results.photos) > 1
    blocks = [_photo(result, top, legend=not several) for result in results.photos]
    if several:
        if any(result.predictions for result in results.photos):
            blocks.append(LEGEND)
        faces = sum(len(result.predictions) for result in results.photos)
        failed = f"; {_count(len(results.failed), 'photo')} could not be read" if results.failed else ""
        blocks.append(f"{_count(len(results.photos), 'photo')}, {_count(faces, 'face')}{failed}")
    if results.prior:
        blocks.append(f"prior: {results.prior}, not those of the training faces (--prior trained for those)")
    if results.assumed:
        blocks.append(
            f"caution: the {results.assumed} of {results.model} are assumed, as nothing says them; check with: "
            f"fer-export evaluate{flags.model} --data fer2013.csv"
        )
    return "\n\n".join(blocks)


def predict_csv(results: PhotoResults, top: int | None = None) -> str:
    """A row a face, as spreadsheets read it; a photo without a face or that cannot be read has one row as well."""
    names = next((each.labels for result in results.photos for each in result.predictions), ())
    header = ["photo", "face", "emotion", "probability", "left", "top", "right", "bottom", "score", *names, "error"]
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(header)
    for result in results.photos:
        for number, each in enumerate(result.predictions, 1):
            box, kept = each.face.box, dict(each.likeliest(top))
            shares = [f"{kept[name]:.6f}" if name in kept else "" for name in names]
            place = [box.left, box.top, box.right, box.bottom, f"{each.face.score:.6f}"]
            rows.writerow([result.path, number, each.emotion, f"{each.probability:.6f}", *place, *shares, ""])
        if not result.predictions:
            rows.writerow([result.path, *[""] * (len(header) - 2), result.error or ""])
    return text.getvalue()


def _photo(result: PhotoResult, top: int | None, *, legend: bool) -> str:
    if result.error is not None:
        return f"FAILED  {harmless(result.error)}"
    found = _count(len(result.predictions), "face") if result.predictions else "no face found"
    lines = [f"{harmless(result.path)}: {result.width:,} x {result.height:,} pixels, {found}"]
    if result.predictions:
        columns = list(result.predictions[0].labels) if top is None else [f"likeliest {i + 1}" for i in range(top)]
        header = ["face", "emotion", "box", "score", *columns]
        lines.append(table(header, [_row(i, each, top) for i, each in enumerate(result.predictions, 1)]))
        if legend:
            lines.append(LEGEND)
    if result.caution:
        lines.append(f"caution: {result.caution}")
    if result.annotated:
        lines.append(f"picture: {harmless(result.annotated)}")
    return "\n".join(lines)


def _row(number: int, prediction: Prediction, top: int | None) -> list[str]:
    box = prediction.face.box
    place = f"{box.left},{box.top}-{box.right},{box.bottom}"
    likeliest = prediction.likeliest(top)
    shares = [f"{100 * share:.1f}" if top is None else f"{name} {100 * share:.1f}" for name, share in likeliest]
    shares += [""] * ((top or 0) - len(shares))
    return [f"{number}", prediction.emotion, place, f"{prediction.face.score:.2f}", *shares]


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"
