"""Photos, their faces and emotions as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...harmless import harmless
from .next_commands import NONE, Flags
from .table import table

if TYPE_CHECKING:
    from ...predict.results import PhotoResult, PhotoResults, Prediction

LEGEND = "box: left,top-right,bottom in pixels; score: the detector's, 0 to 1; emotions in %"


def predict_text(results: PhotoResults, flags: Flags = NONE) -> str:
    """The printout of `fer-export predict`.

    One table per photo with one line per face, the largest first; then what could not be read, and the total.

    flags: those of the command itself.
    """
    blocks = [_photo(result) for result in results.photos]
    if len(results.photos) > 1:
        faces = sum(len(result.predictions) for result in results.photos)
        failed = f"; {_count(len(results.failed), 'photo')} could not be read" if results.failed else ""
        blocks.append(f"{_count(len(results.photos), 'photo')}, {_count(faces, 'face')}{failed}")
    if results.assumed:
        blocks.append(
            f"caution: the {results.assumed} of {results.model} are assumed, as nothing says them; check with: "
            f"fer-export evaluate{flags.model} --data fer2013.csv"
        )
    return "\n\n".join(blocks)


def _photo(result: PhotoResult) -> str:
    if result.error is not None:
        return f"FAILED  {harmless(result.error)}"
    found = _count(len(result.predictions), "face") if result.predictions else "no face found"
    lines = [f"{harmless(result.path)}: {result.width:,} x {result.height:,} pixels, {found}"]
    if result.predictions:
        header = ["face", "emotion", "box", "score", *result.predictions[0].labels]
        lines += [table(header, [_row(i, each) for i, each in enumerate(result.predictions, 1)]), LEGEND]
    if result.annotated:
        lines.append(f"picture: {harmless(result.annotated)}")
    return "\n".join(lines)


def _row(number: int, prediction: Prediction) -> list[str]:
    box = prediction.face.box
    place = f"{box.left},{box.top}-{box.right},{box.bottom}"
    shares = [f"{100 * probability:.1f}" for probability in prediction.probabilities.tolist()]
    return [f"{number}", prediction.emotion, place, f"{prediction.face.score:.2f}", *shares]


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"
