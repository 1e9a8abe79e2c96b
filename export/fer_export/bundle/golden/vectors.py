"""Golden vectors: photos, and their expected results at every step of the pipeline.

For each photo the boxes that the detectors find; for those and for boxes made by hand the square and the grey bytes;
for each exported file and kernel set its probabilities of all grey faces, with the difference that is allowed. An app
that replays them knows that it computes what Python computed.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from ...contract import AGAIN, PhotoContract, Range, Variant, converted
from ...errors import BundleError
from ...harmless import harmless
from ...photo import Box, Detector, Face, Square, face, square
from ...system import files
from .. import documents
from . import kernel_sets
from .photos import Picture

FORMAT = "fer-export golden vectors"
VERSION = 1
PLACE = "golden.json"

FLOAT_TOLERANCE = 1e-5
"""Largest difference of a float file's probability on the same kernel set; int8 has the kernel set's own."""

LEAST_ELSEWHERE = {True: 4 / 256, False: 1e-4}
"""Least tolerance on other kernel sets: four steps of an int8 probability; float sums in another order."""

MARGIN = 2
"""Other runtimes may differ by this many times the difference between the kernel sets here. Measured: tflite-runtime
2.14 differs from LiteRT's XNNPACK by up to 1.2 times as much as LiteRT's builtin kernels do."""


@dataclass(frozen=True)
class GoldenCrop:
    """A box, its square, and the grey face uint8 [S, S, 1]."""

    box: Box
    """Face box in pixels."""

    square: Square
    """The square that is cut out."""

    gray: NDArray[np.uint8]
    """The face, uint8 [S, S, 1]."""

    def to_dict(self) -> dict[str, Any]:
        content = self.gray.tobytes()
        return {
            "box": _edges(self.box),
            "square": [self.square.left, self.square.top, self.square.side],
            "gray": base64.b64encode(content).decode(),
            "sha256": files.sha256(content),
        }


@dataclass(frozen=True)
class GoldenPhoto:
    """A photo with the faces found in it and its crops."""

    file: str
    """Its place in the bundle."""

    width: int
    """Pixels."""

    height: int
    """Pixels."""

    sha256: str
    """SHA-256 of its RGB bytes, row by row."""

    faces: tuple[Face, ...]
    """What the detectors find."""

    crops: tuple[GoldenCrop, ...]
    """Crops of the faces found, then of the boxes made by hand."""

    def to_dict(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "width": self.width,
            "height": self.height,
            "sha256": self.sha256,
            "faces": [found.to_dict() for found in self.faces],
            "crops": [crop.to_dict() for crop in self.crops],
        }


@dataclass(frozen=True)
class GoldenVariant:
    """What an exported file answers to all vectors on one kernel set."""

    file: str
    """Its place in the bundle."""

    kernels: str
    """Name of the kernel set."""

    runtime: str
    """Package and version that gave the answers."""

    tolerance: float
    """Largest difference of any probability allowed on the same kernel set."""

    elsewhere: float
    """The same on other kernel sets, where top-1 must be equal if it leads by more."""

    probabilities: NDArray[np.float32]
    """Float32 [N, K]."""

    def to_dict(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "kernels": self.kernels,
            "runtime": self.runtime,
            "tolerance": self.tolerance,
            "elsewhere": self.elsewhere,
            # The shortest decimals that give the same float32 back.
            "probabilities": [[float(str(value)) for value in row] for row in self.probabilities],
        }


@dataclass(frozen=True)
class Golden:
    """All photos and all variants; the vectors are the crops in the order of the photos."""

    photos: tuple[GoldenPhoto, ...]
    """Every photo with its crops."""

    variants: tuple[GoldenVariant, ...]
    """The answers of every file on every kernel set."""

    @property
    def gray(self) -> NDArray[np.uint8]:
        """Every vector's grey face, uint8 [N, S, S, 1]."""
        return np.stack([crop.gray for photo in self.photos for crop in photo.crops])

    def to_dict(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "version": VERSION,
            "photos": [photo.to_dict() for photo in self.photos],
            "vectors": sum(len(photo.crops) for photo in self.photos),
            "variants": [variant.to_dict() for variant in self.variants],
        }

    @classmethod
    def from_bytes(cls, content: bytes, contract: PhotoContract) -> Golden:
        """Read a golden.json; raises BundleError for another version, a missing, unknown or invalid field."""
        document = documents.parsed(content, PLACE)
        documents.check_version(document, FORMAT, VERSION, PLACE)
        known = converted(document, _Document, PLACE)
        photos = tuple(_photo(entry, contract.size) for entry in known.photos)
        count = sum(len(photo.crops) for photo in photos)
        if known.vectors != count or not count:
            raise BundleError(f"{PLACE} has {count} crops and says {known.vectors}; {AGAIN}")
        shape = (count, len(contract.labels))
        return cls(photos, tuple(_variant(entry, shape) for entry in known.variants))


_Edge = Annotated[int, Range(1 - (1 << 31), (1 << 31) - 1)]
_Share = Annotated[float, Range(0, 1)]


@dataclass(frozen=True)
class _FaceEntry:
    """A face that the detectors find, as the document has it."""

    box: tuple[_Edge, _Edge, _Edge, _Edge]
    """Left, top, right and bottom in pixels."""

    score: float
    """Score of the detector, 0..1."""

    detector: str
    """Name of the detector that found it."""


@dataclass(frozen=True)
class _CropEntry:
    """A vector, as the document has it."""

    box: tuple[_Edge, _Edge, _Edge, _Edge]
    """Left, top, right and bottom in pixels."""

    square: tuple[_Edge, _Edge, _Edge]
    """Left, top and side in pixels."""

    gray: str
    """Grey bytes of the face, base64."""

    sha256: str
    """Of the grey bytes, hexadecimal."""


@dataclass(frozen=True)
class _PhotoEntry:
    """A photo, as the document has it."""

    file: str
    """Its place in the bundle."""

    width: _Edge
    """Pixels."""

    height: _Edge
    """Pixels."""

    sha256: str
    """Of its RGB bytes, row by row, hexadecimal."""

    faces: tuple[_FaceEntry, ...]
    """What the detectors find."""

    crops: tuple[_CropEntry, ...]
    """Crops of the faces found, then of the boxes made by hand."""


@dataclass(frozen=True)
class _VariantEntry:
    """A file's answers, as the document has them."""

    file: str
    """Its place in the bundle."""

    kernels: str
    """Name of the kernel set."""

    runtime: str
    """Package and version that gave the answers."""

    tolerance: float
    """Largest difference of any probability on the same kernel set."""

    elsewhere: float
    """The same on other kernel sets."""

    probabilities: tuple[tuple[_Share, ...], ...]
    """One row for each vector, in label order."""


@dataclass(frozen=True)
class _Document:
    """The whole of golden.json."""

    format: str
    """What kind of document it is."""

    version: int
    """Version of its form."""

    photos: tuple[_PhotoEntry, ...]
    """Every photo with its crops."""

    vectors: int
    """How many crops all photos have."""

    variants: tuple[_VariantEntry, ...]
    """The answers of every file on every kernel set."""


def observe(picture: Picture, file: str, contract: PhotoContract, detector: Detector) -> GoldenPhoto:
    """Run the detectors and the crop rule over one picture."""
    height, width = picture.pixels.shape[:2]
    faces = detector.faces(picture.pixels)
    crops = tuple(
        GoldenCrop(box, square(box, width, height, contract.crop), face(picture.pixels, box, contract))
        for box in (*(found.box for found in faces), *picture.boxes)
    )
    return GoldenPhoto(file, width, height, files.sha256(picture.pixels.tobytes()), faces, crops)


def answer(
    file: str, content: bytes, variant: Variant, gray: NDArray[np.uint8], others: NDArray[np.uint8]
) -> list[GoldenVariant]:
    """What an exported file answers to the vectors on every kernel set of its format; empty where it has none.

    gray: the vectors, uint8 [N, S, S, 1].
    others: further faces over which the kernel sets are compared as well.
    """
    faces = np.concatenate([gray, others])
    answers = {kernels: kernels.run(content, faces) for kernels in kernel_sets.of_format(variant.format)}
    if not answers:
        return []
    varied = [kernels.variation(content, faces) for kernels in answers if kernels.variation]
    compared = [*answers.values(), *varied]
    largest = max(float(np.abs(other - compared[0]).max()) for other in compared[1:])
    elsewhere = float(f"{max(MARGIN * largest, LEAST_ELSEWHERE[variant.integer]):.6g}")
    found = []
    for kernels, given in answers.items():
        # int8 kernels that round differently on another processor count as another kernel set there.
        tolerance = (kernels.int8_tolerance or elsewhere) if variant.integer else FLOAT_TOLERANCE
        found.append(GoldenVariant(file, kernels.name, kernels.runtime, tolerance, elsewhere, given[: len(gray)]))
    return found


def _edges(box: Box) -> list[int]:
    return [box.left, box.top, box.right, box.bottom]


def _photo(entry: _PhotoEntry, size: int) -> GoldenPhoto:
    faces = tuple(Face(Box(*found.box), found.score, found.detector) for found in entry.faces)
    crops = tuple(_crop(found, size, entry.file) for found in entry.crops)
    return GoldenPhoto(entry.file, entry.width, entry.height, entry.sha256, faces, crops)


def _crop(entry: _CropEntry, size: int, file: str) -> GoldenCrop:
    named = harmless(file)[:60]
    try:
        content = base64.b64decode(entry.gray, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BundleError(f"a grey face of {named} in {PLACE} is not valid base64; {AGAIN}") from error
    if len(content) != size * size or files.sha256(content) != entry.sha256:
        raise BundleError(f"a grey face of {named} in {PLACE} is not {size}x{size} or not its SHA-256; {AGAIN}")
    gray = np.frombuffer(content, np.uint8).reshape(size, size, 1)
    return GoldenCrop(Box(*entry.box), Square(*entry.square), gray)


def _variant(entry: _VariantEntry, shape: tuple[int, int]) -> GoldenVariant:
    named = harmless(entry.file)[:60]
    if kernel_sets.find(entry.kernels) is None:
        raise BundleError(
            f"{PLACE} has the kernel set {harmless(entry.kernels)[:60]}, which is not known here; {AGAIN}"
        )
    if not 0 < entry.tolerance <= entry.elsewhere < 1:
        raise BundleError(f"tolerance and elsewhere of {named} in {PLACE} are not valid limits; {AGAIN}")
    if len(entry.probabilities) != shape[0] or any(len(row) != shape[1] for row in entry.probabilities):
        raise BundleError(f"probabilities of {named} in {PLACE} are not {shape[0]} rows of {shape[1]}; {AGAIN}")
    probabilities = np.array(entry.probabilities, np.float32).reshape(shape)
    return GoldenVariant(entry.file, entry.kernels, entry.runtime, entry.tolerance, entry.elsewhere, probabilities)
