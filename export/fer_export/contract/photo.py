"""What an app must do with a photo before and after the network, as data.

The bundle carries it as `contract.json`; Python's own pipeline and the Android app read the same document, and these
constants stand nowhere else. Every rule on pixels is integer arithmetic, so that two implementations give the same
bytes; `photo.crop`, `photo.detector` and `photo.merging` are the reference.

Version 3 has one merging rule for the candidates of all detectors, a least score and size, and mirrored borders.
Versions 1 and 2 are read and give the faces that they always gave: `PhotoContract.version` chooses the rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any

from ..errors import BundleError
from .documents import AGAIN, Range, converted

FORMAT = "fer-export photo contract"
VERSION = 3

FIRST_COME = 2
"""Up to this version, a box of an earlier detector is kept whatever the scores."""


_MOST, _MOST_MARGIN = 10**6, 400
Positive = Annotated[int, Range(1, _MOST)]
Amount = Annotated[int, Range(0, _MOST)]
Offset = Annotated[int, Range(-_MOST, _MOST)]
Margin = Annotated[int, Range(0, _MOST_MARGIN)]


@dataclass(frozen=True)
class CropRule:
    """The square around a face box, in thousandths of the box's longer side."""

    scale: Positive
    """Side of the square."""

    shift_x: Offset
    """Distance of its centre from the box's centre, positive to the right."""

    shift_y: Offset
    """Distance of its centre from the box's centre, positive downwards."""


@dataclass(frozen=True)
class GreyRule:
    """grey = (red * R + green * G + blue * B + 2^(shift-1)) >> shift: ITU-R BT.601 as Pillow computes it."""

    red: Amount = 19595
    """Weight of red."""

    green: Amount = 38470
    """Weight of green."""

    blue: Amount = 7471
    """Weight of blue."""

    shift: Positive = 16
    """Bits that the sum is shifted to the right."""

    @property
    def luma(self) -> tuple[float, float, float]:
        """The weights of red, green and blue in thousandths of 1, as BT.601 gives them."""
        red, green, blue = (round(weight / (1 << self.shift), 3) for weight in (self.red, self.green, self.blue))
        return red, green, blue


@dataclass(frozen=True)
class Grid:
    """A grid of a detector's anchors: cells x cells, `anchors` at the centre of each cell, row by row."""

    cells: Positive
    """Cells along a side."""

    anchors: Positive
    """Anchors per cell."""


@dataclass(frozen=True)
class DetectorRule:
    """A BlazeFace file and how its tensors are read."""

    file: str
    """Name of the file."""

    sha256: str
    """SHA-256 of the file."""

    size: Positive
    """Side of its square input, float32 [1, size, size, 3] in -1..1 (byte / 127.5 - 1)."""

    windows: Positive
    """The photo is shrunk into a square of windows * size pixels, and every size * size part is searched in steps of
    size / 2, row by row; 1 is the whole photo at once."""

    margin: Margin
    """Thousandths of that square's side that the photo leaves free on each side, where it is mirrored."""

    grids: tuple[Grid, ...]
    """Its anchors, in the order of the outputs regressors [1, N, 16] and scores [1, N, 1]."""

    threshold: Amount
    """Least score, in thousandths."""

    overlap: Amount
    """Intersection over union in thousandths, above which boxes of one window are the same face."""


@dataclass(frozen=True)
class MergeRule:
    """How the candidates of all detectors and windows become faces; `photo.merging` has the rule."""

    same: Amount
    """Intersection over union in thousandths, above which a candidate confirms a surer one."""

    cover: Amount
    """Share of the smaller box in thousandths, above which the less sure of two faces is dropped."""

    score: Amount
    """Least score of a face, in thousandths."""

    size: Positive
    """Least longer side of a face's box, in pixels."""

    alone: Amount
    """Least score, in thousandths, of a candidate that is the photo's only face though one network alone sees it."""

    small: Amount
    """Thousandths of the photo's longer side, below which a face's longer side is small: windows that show such faces
    are given to one network only. Documents without the field mean 0, no face."""

    small_alone: Amount
    """Least score, in thousandths, of a small face that one network alone sees."""


@dataclass(frozen=True)
class PhotoContract:
    """The whole document."""

    labels: tuple[str, ...]
    """Emotions in the order of the probabilities."""

    size: Positive
    """Side of the grey face in pixels."""

    crop: CropRule
    """The square around a face box."""

    grey: GreyRule
    """How RGB becomes grey."""

    detectors: tuple[DetectorRule, ...]
    """Detectors in the order in which they run."""

    merge: MergeRule
    """How their candidates become faces. Of versions 1 and 2, `cover` alone counts: a later face is dropped where it
    overlaps a kept one by more, and so is a face of a less certain window of the same rule."""

    input_name: str = "image"
    """Name of the input."""

    input_type: str = "uint8"
    """Element type of the input."""

    output_name: str = "probabilities"
    """Name of the output."""

    output_type: str = "float32"
    """Element type of the output."""

    resize: str = "area"
    """Name of the resize method."""

    format: str = FORMAT
    """Name of the document's format."""

    version: Positive = VERSION
    """Version of the document's format."""

    def to_dict(self) -> dict[str, Any]:
        document = asdict(self)
        if self.version <= FIRST_COME:
            document["merge"] = self.merge.cover
            for detector in document["detectors"]:
                del detector["margin"]
        if self.version == 1:
            for detector in document["detectors"]:
                del detector["windows"]
        return document

    @classmethod
    def from_dict(cls, document: Any) -> PhotoContract:
        """Read a contract; raises BundleError for a newer version, a missing, unknown or invalid field."""
        if isinstance(document, dict) and document.get("format") != FORMAT:
            raise BundleError(f"contract.json is not a {FORMAT}; pass a folder made by `make_bundle()`")
        if isinstance(document, dict) and not _readable(document.get("version")):
            raise BundleError(
                f"contract.json is of version {document.get('version')} and this fer-export reads up to {VERSION}; "
                "update fer-export, or make the bundle again with `make_bundle()`"
            )
        document = _upgraded(document)
        found = converted(document, cls, "contract.json")
        # The whole of 255 must stay one byte.
        if found.grey.red + found.grey.green + found.grey.blue != 1 << min(found.grey.shift, 22):
            raise BundleError(f"grey does not weigh 2^shift in all; {AGAIN}")
        return found


CROP = CropRule(scale=1170, shift_x=0, shift_y=-90)
"""Measured by `benchmarks/photo/crop_margin.py`: the square that frames a found face as FER2013 frames its faces."""

MERGE = MergeRule(same=400, cover=300, score=600, size=12, alone=770, small=125, small_alone=800)
"""Chosen by `benchmarks/photo/merging.py` on photos of single people, groups, drawings and things."""

_SHORT_RANGE = DetectorRule(
    "face_detection_short_range.tflite",
    "3bc182eb9f33925d9e58b5c8d59308a760f4adea8f282370e428c51212c26633",
    128,
    1,
    0,
    (Grid(16, 2), Grid(8, 6)),
    300,
    300,
)
_FULL_RANGE = DetectorRule(
    "face_detection_full_range_sparse.tflite",
    "671dd2f9ed11a78436fc21cc42357a803dfc6f73e9fb86541be942d5716c2dce",
    192,
    1,
    200,
    (Grid(48, 1),),
    300,
    300,
)

DETECTORS = (
    _SHORT_RANGE,
    _FULL_RANGE,
    replace(_SHORT_RANGE, margin=200),
    replace(_SHORT_RANGE, windows=2, margin=100),
    replace(_FULL_RANGE, windows=2, margin=100),
    replace(_FULL_RANGE, windows=2, margin=0),
    replace(_SHORT_RANGE, windows=4),
)
"""Windows find the small faces of a group, mirrored margins those that the edge cuts off. The thresholds are low, as
`MERGE` asks for both networks together."""


def contract_for(labels: Sequence[str], size: int) -> PhotoContract:
    """The contract of a network with these labels and this input side."""
    return PhotoContract(tuple(labels), size, CROP, GreyRule(), DETECTORS, MERGE)


def _readable(version: Any) -> bool:
    return isinstance(version, int) and not isinstance(version, bool) and 1 <= version <= VERSION


_NO_SMALL_FACES = {"small": 0, "small_alone": 1000}


def _upgraded(document: Any) -> Any:
    """A document of an older form with the fields of this one; its version stays, as it chooses the merging rule."""
    if not isinstance(document, dict):
        return document
    if document["version"] > FIRST_COME:
        merge = document.get("merge")
        return {**document, "merge": {**_NO_SMALL_FACES, **merge}} if isinstance(merge, dict) else document
    added: dict[str, int] = {"margin": 0} if document["version"] == FIRST_COME else {"windows": 1, "margin": 0}
    upgraded = dict(document)
    if type(upgraded.get("merge")) is int:
        upgraded["merge"] = {
            "same": 1000,
            "cover": upgraded["merge"],
            "score": 0,
            "size": 1,
            "alone": 1000,
            **_NO_SMALL_FACES,
        }
    if isinstance(upgraded.get("detectors"), list | tuple):
        upgraded["detectors"] = [
            {**one, **added} if isinstance(one, dict) and not added.keys() & one.keys() else one
            for one in upgraded["detectors"]
        ]
    return upgraded
