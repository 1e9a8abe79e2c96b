"""Replays a bundle: every file, every golden vector, every exported file on every kernel set; what `verify` does.

It stops at the first difference. What cannot be compared (not a bundle, a newer version, a malformed document) is a
BundleError.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract import AGAIN, find
from ..errors import BundleError, DifferenceError
from ..model_file import inspect as modelfile
from ..photo import Box, Detector, Face, crop
from ..photo import read as photo
from ..system import OnStep, Readable, files, silent
from . import manifest
from .folder import GOLDEN_VECTORS, LABELS, Bundle
from .golden import kernel_sets
from .golden.kernel_sets import KernelSet
from .golden.vectors import Golden, GoldenPhoto, GoldenVariant
from .manifest import BundledVariant

BOX_PIXELS = 1
"""Largest difference of a box: the detectors compute in float, and a half is rounded up."""

SCORE = 0.01

EQUAL = 1e-7
"""Equal float32 probabilities, written as decimals and read again."""


@dataclass(frozen=True)
class Replayed:
    """One exported file on one kernel set."""

    file: str
    """Its place in the bundle."""

    kernels: str
    """Name of the kernel set."""

    recorded: str
    """The runtime that gave the expected answers."""

    runtime: str
    """The runtime used here."""

    allowed: float
    """Allowed difference of a probability: `tolerance` for the same package, `elsewhere` for others; 0 for int8 on the
    same processors."""

    largest: float
    """Largest difference found."""


@dataclass(frozen=True)
class Verification(Readable):
    """What was replayed."""

    folder: Path
    """The bundle's folder."""

    difference: str | None = None
    """The first difference in words; None if there is none. The other figures are then 0."""

    model: str = ""
    """Name of the network."""

    files: int = 0
    """Files checked."""

    bytes: int = 0
    """Size of all files."""

    photos: int = 0
    """Photos replayed."""

    faces: int = 0
    """Faces found by the detectors."""

    vectors: int = 0
    """Grey faces, every byte equal."""

    largest_box: int = 0
    """Largest difference of a box's edge, in pixels."""

    replayed: tuple[Replayed, ...] = ()
    """One entry per file and kernel set."""

    @property
    def passed(self) -> bool:
        return self.difference is None

    def to_dict(self) -> dict[str, Any]:
        return {"passed": self.passed, **asdict(self), "folder": str(self.folder)}


def verify(folder: Path, on_step: OnStep = silent) -> Verification:
    """Replay the bundle in `folder`.

    Raises BundleError for what is not a bundle, is of a newer version, or has a document with missing, unknown or
    invalid fields; PhotoError or ExportFileError where a photo or model cannot be read or run here.
    """
    try:
        return _replay(folder, on_step)
    except DifferenceError as difference:
        return Verification(folder, str(difference))


def _replay(folder: Path, on_step: OnStep) -> Verification:
    opened = Bundle.open(folder)
    _check_nothing_else(opened)
    _check_labels(opened)
    for variant in opened.variants:
        _check_model(opened, variant)
    golden = Golden.from_bytes(opened.read(GOLDEN_VECTORS), opened.contract)
    _check_complete(opened, golden)
    largest_box, detector = 0, Detector(opened.contract, opened.detectors)
    for done, recorded in enumerate(golden.photos):
        on_step("replaying photos", done, len(golden.photos))
        largest_box = max(largest_box, _check_photo(opened, recorded, detector))
    replayed = []
    for done, expected in enumerate(golden.variants):
        on_step("replaying files", done, len(golden.variants))
        replayed.append(_check_answers(opened, expected, golden))
    listed = opened.manifest.files.values()
    return Verification(
        folder,
        model=opened.manifest.model,
        files=len(listed) + 1,
        bytes=sum(entry.bytes for entry in listed) + (folder / manifest.NAME).stat().st_size,
        photos=len(golden.photos),
        faces=sum(len(recorded.faces) for recorded in golden.photos),
        vectors=len(golden.gray),
        largest_box=largest_box,
        replayed=tuple(replayed),
    )


def _check_nothing_else(opened: Bundle) -> None:
    """Every file in the folder is listed; there is no link and no other folder."""
    listed = {manifest.NAME, *opened.manifest.files}
    folders = {parent.as_posix() for name in listed for parent in Path(name).parents}
    for place, inner, names in os.walk(opened.folder):
        for name in sorted([*inner, *names]):
            path = Path(place, name)
            inside = path.relative_to(opened.folder).as_posix()
            if path.is_symlink():
                raise BundleError(f"{inside} is a link; {AGAIN}")
            if inside not in (folders if name in inner else listed):
                raise DifferenceError(f"{inside} is not part of the bundle: the manifest does not list it; remove it")


def _check_labels(opened: Bundle) -> None:
    if opened.read(LABELS).decode(errors="replace").splitlines() != list(opened.contract.labels):
        raise DifferenceError(f"{LABELS} does not hold the contract's labels; {AGAIN}")


def _check_model(opened: Bundle, variant: BundledVariant) -> None:
    """The metadata of an exported file agree with manifest and contract."""
    content, listing = opened.read(variant.file), opened.manifest
    held = modelfile.read(content)
    expected = {
        "model": listing.model,
        "precision": variant.precision,
        "input_kind": variant.input_kind,
        "labels": list(opened.contract.labels),
        "checkpoint_sha256": listing.checkpoint["sha256"],
    }
    said = held.contract or {}
    for name, value in expected.items():
        if said.get(name) != value:
            raise DifferenceError(f"{variant.file} is a file of another {name}: {said.get(name)}, not {value}; {AGAIN}")
    if modelfile.format_of(content) != variant.format:
        raise DifferenceError(f"{variant.file} is not a file of the format {variant.format}; {AGAIN}")
    if find(variant.format, variant.precision).integer:
        record = held.calibration or {}
        if any(record.get(name) != value for name, value in listing.calibration.items()):
            raise DifferenceError(f"{variant.file} was not calibrated as {manifest.NAME} says; {AGAIN}")


def _check_complete(opened: Bundle, golden: Golden) -> None:
    """Every variant on every kernel set has its answers, and every photo is listed."""
    wanted = [
        (variant.file, kernels.name) for variant in opened.variants for kernels in kernel_sets.of_format(variant.format)
    ]
    if sorted(wanted) != sorted((variant.file, variant.kernels) for variant in golden.variants):
        raise BundleError(f"{GOLDEN_VECTORS} does not have every variant on every kernel set once; {AGAIN}")
    for recorded in golden.photos:
        if recorded.file not in opened.manifest.files:
            raise BundleError(f"{GOLDEN_VECTORS} names the photo {recorded.file!r}, which is not listed; {AGAIN}")


def _check_photo(opened: Bundle, recorded: GoldenPhoto, detector: Detector) -> int:
    """The photo's bytes, boxes, squares and grey faces; returns the largest difference of a box in pixels."""
    pixels = photo.read(opened.folder / recorded.file)
    height, width = pixels.shape[:2]
    if (width, height) != (recorded.width, recorded.height) or files.sha256(pixels.tobytes()) != recorded.sha256:
        raise DifferenceError(f"{recorded.file} decodes to other pixels than recorded; {AGAIN}")
    largest = _check_faces(recorded, detector.faces(pixels))
    for number, expected in enumerate(recorded.crops, 1):
        place = f"crop {number} of {recorded.file}"
        if number <= len(recorded.faces) and expected.box != recorded.faces[number - 1].box:
            raise DifferenceError(f"{place} is not that of face {number}; {AGAIN}")
        if crop.square(expected.box, width, height, opened.contract.crop) != expected.square:
            raise DifferenceError(f"{place} has another square than recorded; {AGAIN}")
        if not np.array_equal(crop.face(pixels, expected.box, opened.contract), expected.gray):
            raise DifferenceError(f"{place} has other grey bytes than recorded; {AGAIN}")
    return largest


def _check_faces(recorded: GoldenPhoto, found: tuple[Face, ...]) -> int:
    if len(found) != len(recorded.faces):
        raise DifferenceError(
            f"{recorded.file}: the detectors find {len(found)} faces, recorded are {len(recorded.faces)}; {AGAIN}"
        )
    largest = 0
    for number, (face, expected) in enumerate(zip(found, recorded.faces, strict=True), 1):
        pixels = _distance(face.box, expected.box)
        if pixels > BOX_PIXELS or abs(face.score - expected.score) > SCORE or face.detector != expected.detector:
            raise DifferenceError(
                f"{recorded.file}: face {number} is found {pixels} pixels from its recorded box, with a score of "
                f"{face.score:.3f} instead of {expected.score:.3f}; {AGAIN}"
            )
        largest = max(largest, pixels)
    return largest


def _check_answers(opened: Bundle, expected: GoldenVariant, golden: Golden) -> Replayed:
    kernels = kernel_sets.find(expected.kernels)
    if kernels is None:
        raise BundleError(f"the kernel set {expected.kernels!r} is not known here; {AGAIN}")
    given = kernels.run(opened.read(expected.file), golden.gray)
    allowed = _allowed(opened, expected, kernels)
    differences = np.abs(given.astype(np.float64) - expected.probabilities).max(axis=1)
    worst = int(differences.argmax())
    if differences[worst] > allowed:
        raise DifferenceError(
            f"{expected.file} on {expected.kernels}: vector {worst + 1} differs by {differences[worst]:.2g} and "
            f"{allowed:.2g} is allowed; {AGAIN}"
        )
    changed = np.flatnonzero(
        (given.argmax(axis=1) != expected.probabilities.argmax(axis=1)) & (_lead(expected) > allowed)
    )
    if len(changed):
        raise DifferenceError(
            f"{expected.file} on {expected.kernels}: vector {changed[0] + 1} has another emotion; {AGAIN}"
        )
    return Replayed(
        expected.file, expected.kernels, expected.runtime, kernels.runtime, allowed, float(f"{differences[worst]:.3g}")
    )


def _allowed(opened: Bundle, expected: GoldenVariant, kernels: KernelSet) -> float:
    """How far a probability may be from the expected one."""
    variant = next(variant for variant in opened.variants if variant.file == expected.file)
    equal = find(variant.format, variant.precision).integer and kernels.int8_tolerance is not None
    if kernels.runtime == expected.runtime and equal:
        return min(EQUAL, expected.tolerance)
    package, recorded = (runtime.split(", ")[0] for runtime in (kernels.runtime, expected.runtime))
    return expected.tolerance if package == recorded else expected.elsewhere


def _lead(expected: GoldenVariant) -> NDArray[np.float32]:
    """How far each vector's first emotion is ahead of its second."""
    ordered = np.sort(expected.probabilities, axis=1)
    return np.asarray(ordered[:, -1] - ordered[:, -2])


def _distance(box: Box, other: Box) -> int:
    edges = zip(
        (box.left, box.top, box.right, box.bottom), (other.left, other.top, other.right, other.bottom), strict=True
    )
    return max(abs(a - b) for a, b in edges)
