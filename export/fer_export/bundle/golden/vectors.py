"""Golden vectors: photos, and their expected results at every step of the pipeline.

For each photo the boxes that the detectors find; for those and for boxes made by hand the square and the grey bytes;
for each exported file and kernel set its probabilities of all grey faces, with the difference that is allowed. An app
that replays them knows that it computes what Python computed.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...contract.photo import PhotoContract
from ...contract.variants import Variant
from ...errors import BundleError
from ...photo.crop import Box, Square, face, square
from ...photo.detector import Detector
from ...photo.merging import Face
from ...system import files
from .. import documents
from ..documents import AGAIN
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
        kinds: dict[str, documents.Kind] = {"format": str, "version": int, "vectors": int}
        known = documents.checked(document, {**kinds, "photos": list, "variants": list}, PLACE)
        photos = tuple(_photo(entry, contract.size) for entry in known["photos"])
        count = sum(len(photo.crops) for photo in photos)
        if known["vectors"] != count or not count:
            raise BundleError(f"{PLACE} has {count} crops and says {known['vectors']}; {AGAIN}")
        shape = (count, len(contract.labels))
        return cls(photos, tuple(_variant(entry, shape) for entry in known["variants"]))


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
    """What an exported file answers to the vectors on every kernel set of its format.

    gray: the vectors, uint8 [N, S, S, 1].
    others: further faces over which the kernel sets are compared as well.
    """
    faces = np.concatenate([gray, others])
    answers = {kernels: kernels.run(content, faces) for kernels in kernel_sets.of_format(variant.format)}
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


def _photo(entry: Any, size: int) -> GoldenPhoto:
    kinds: dict[str, documents.Kind] = {"file": str, "width": int, "height": int, "sha256": str}
    known = documents.checked(entry, {**kinds, "faces": list, "crops": list}, f"photos of {PLACE}")
    faces = tuple(_face(found) for found in known["faces"])
    return GoldenPhoto(
        **{**known, "faces": faces, "crops": tuple(_crop(found, size, known["file"]) for found in known["crops"])}
    )


def _face(entry: Any) -> Face:
    known = documents.checked(entry, {"box": list, "score": float, "detector": str}, f"faces of {PLACE}")
    return Face(Box(*documents.whole_numbers(known["box"], 4, f"a box of {PLACE}")), known["score"], known["detector"])


def _crop(entry: Any, size: int, file: str) -> GoldenCrop:
    known = documents.checked(entry, {"box": list, "square": list, "gray": str, "sha256": str}, f"crops of {PLACE}")
    try:
        content = base64.b64decode(known["gray"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise BundleError(f"a grey face of {file} in {PLACE} is not valid base64; {AGAIN}") from error
    if len(content) != size * size or files.sha256(content) != known["sha256"]:
        raise BundleError(f"a grey face of {file} in {PLACE} is not {size}x{size} or not its SHA-256; {AGAIN}")
    return GoldenCrop(
        Box(*documents.whole_numbers(known["box"], 4, f"a box of {PLACE}")),
        Square(*documents.whole_numbers(known["square"], 3, f"a square of {PLACE}")),
        np.frombuffer(content, np.uint8).reshape(size, size, 1),
    )


def _variant(entry: Any, shape: tuple[int, int]) -> GoldenVariant:
    kinds: dict[str, documents.Kind] = {"file": str, "kernels": str, "runtime": str}
    kinds.update({"tolerance": float, "elsewhere": float, "probabilities": list})
    known = documents.checked(entry, kinds, f"variants of {PLACE}")
    if kernel_sets.find(known["kernels"]) is None:
        raise BundleError(f"{PLACE} has the kernel set {known['kernels']!r}, which is not known here; {AGAIN}")
    if not 0 < known["tolerance"] <= known["elsewhere"] < 1:
        raise BundleError(f"tolerance and elsewhere of {known['file']} in {PLACE} are not valid limits; {AGAIN}")
    try:
        probabilities = np.array(known["probabilities"], np.float32)
    except (ValueError, TypeError, OverflowError) as error:
        raise BundleError(f"probabilities of {known['file']} in {PLACE} are not a table of numbers; {AGAIN}") from error
    if probabilities.shape != shape or not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise BundleError(
            f"probabilities of {known['file']} in {PLACE} are not {shape[0]} rows of {shape[1]} from 0 to 1; {AGAIN}"
        )
    return GoldenVariant(**{**known, "probabilities": probabilities})
