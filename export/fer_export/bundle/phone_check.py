"""The self-check that a phone shares: its document and what must hold in it.

The app replays a bundle's golden vectors on the phone and shares what it found as JSON: pixels, crops, faces, the
largest difference of a probability, latency. Its own verdict, by the tolerances of the bundle, is kept.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from typing import Any

from ..contract import AGAIN, VARIANTS, converted
from ..errors import BundleError, DeviceError, one_line
from . import documents
from .verify import BOX_PIXELS

FORMAT = "fer-export device check"
VERSION = 1

SHARE = "share the self-check from the app again"


@dataclass(frozen=True)
class Phone:
    """A phone, as its self-check describes it."""

    model: str
    """Maker's name of the phone."""

    cpu: str
    """Processor."""

    abi: str
    """Binary interface, such as arm64-v8a."""

    os: str
    """Operating system with its version."""


@dataclass(frozen=True)
class PhotoCheck:
    """How many of the golden photos, crops and faces were the same on the phone."""

    photos: int
    """Photos checked."""

    equal_photos: int
    """Photos decoded to the same pixels."""

    crops: int
    """Crops checked."""

    equal_crops: int
    """Crops with the same bytes."""

    faces: int
    """Faces recorded."""

    missing_faces: int
    """Recorded faces that were not found."""

    foreign_faces: int
    """Faces found that are not recorded."""

    box_distance: int
    """Largest distance of a box's edge, in pixels."""

    @property
    def passed(self) -> bool:
        alike = (self.equal_photos, self.equal_crops) == (self.photos, self.crops)
        return alike and not self.missing_faces + self.foreign_faces and self.box_distance <= BOX_PIXELS


@dataclass(frozen=True)
class VariantCheck:
    """One file's answers and latency on the phone."""

    file: str
    """Its place in the bundle."""

    format: str
    """Key of contract.formats."""

    precision: str
    """A word of PRECISION_NAMES."""

    vectors: int
    """Golden vectors answered."""

    largest_difference: float
    """Largest difference of any probability."""

    agreement: float
    """Share of the vectors with the same top-1."""

    p50_ms: float
    """Median latency, milliseconds."""

    p95_ms: float
    """95th percentile of the latency, milliseconds."""

    within_tolerance: bool
    """Whether every difference is within the bundle's tolerance."""


@dataclass(frozen=True)
class DeviceCheck:
    """One self-check."""

    bundle: str
    """Digest of the bundle's manifest."""

    runtime: str
    """Runtime with its version."""

    kernels: str
    """The kernel set that answered."""

    threads: int
    """Threads of one inference."""

    device: Phone
    """The phone."""

    photos: PhotoCheck
    """Photos, crops and faces."""

    variants: tuple[VariantCheck, ...]
    """One entry per file."""

    @property
    def passed(self) -> bool:
        """Every variant within its tolerance, at least one; pixels, crops and faces as in Python."""
        return self.photos.passed and bool(self.variants) and all(each.within_tolerance for each in self.variants)

    def to_dict(self) -> dict[str, Any]:
        """The fields as the app writes them, and the verdict."""
        return {**asdict(self), "passed": self.passed}

    @classmethod
    def from_bytes(cls, content: bytes, place: str) -> DeviceCheck:
        """Read a shared self-check.

        place: what it is called in an error.

        Raises DeviceError for another document or version, or has a missing, unknown or invalid field.
        """
        try:
            return cls._read(documents.parsed(content, place), place)
        except BundleError as error:
            raise advised(error, SHARE) from error

    @classmethod
    def _read(cls, document: Any, place: str) -> DeviceCheck:
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise DeviceError(f"{place} is not a {FORMAT}; pass the file that the app's self-check shares")
        if document.get("version") != VERSION or isinstance(document["version"], bool):
            other = one_line(repr(document.get("version")))[:60]
            raise DeviceError(
                f"{place} is of version {other} and this fer-export reads {VERSION}; update the older one"
            )
        known = converted({name: document[name] for name in document if name not in ("format", "version")}, cls, place)
        found = replace(
            known,
            runtime=one_line(known.runtime),
            kernels=one_line(known.kernels),
            device=Phone(**{name: one_line(value) for name, value in asdict(known.device).items()}),
            variants=tuple(_variant(entry, place) for entry in known.variants),
        )
        _must(re.fullmatch("[0-9a-f]{64}", found.bundle), f"{place} names no bundle")
        _must(found.threads > 0, f"{place} has {found.threads} threads")
        _must(_possible(found.photos), f"photos of {place} are not valid counts")
        return found


def _variant(entry: VariantCheck, place: str) -> VariantCheck:
    made = (entry.format, entry.precision)
    _must(made in {(each.format, each.precision) for each in VARIANTS}, f"{place} has an unknown variant {made}")
    found = replace(entry, file=one_line(entry.file))
    _must(
        found.vectors > 0
        and found.largest_difference >= 0
        and 0 <= found.agreement <= 1
        and 0 < found.p50_ms <= found.p95_ms,
        f"{place} has figures of {found.file} that cannot be",
    )
    return found


def _possible(counts: PhotoCheck) -> bool:
    parts = (counts.equal_photos, counts.equal_crops, counts.missing_faces, 0, 0)
    wholes = (counts.photos, counts.crops, counts.faces, counts.foreign_faces, counts.box_distance)
    return all(0 <= part <= whole for part, whole in zip(parts, wholes, strict=True))


def _must(fine: object, words: str) -> None:
    if not fine:
        raise DeviceError(f"{words}; {SHARE}")


def advised(error: BundleError, fix: str) -> DeviceError:
    """The same words with the advice for these documents."""
    return DeviceError(one_line(str(error).replace(AGAIN, fix)))
