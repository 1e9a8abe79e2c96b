"""The manifest of a bundle: what is in it, what it was made from and with, and the SHA-256 of every file."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

from ..contract import AGAIN, VARIANTS, converted
from ..errors import BundleError, DifferenceError
from ..harmless import harmless
from . import documents

FORMAT = "fer-export bundle"
VERSION = 1
NAME = "manifest.json"

INPUT_KIND = "gray"
"""The input of every variant of a bundle: the grey face of the contract."""

_NO_DIGEST = "0" * 64
_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class ListedFile:
    """A file of the bundle."""

    sha256: str
    """Hexadecimal."""

    bytes: int
    """Size."""


@dataclass(frozen=True)
class BundledVariant:
    """One exported file."""

    file: str
    """Its place in the bundle."""

    format: str
    """Key of contract.formats."""

    precision: str
    """A word of PRECISION_NAMES."""

    input_kind: str
    """`gray`, `rgb` or `frame`."""

    accuracy: dict[str, Any] | None
    """Share of labelled faces that it names correctly, with what they are and Keras's own; None without labels."""

    agreement: dict[str, Any]
    """Share of faces with the same top-1 as Keras, and what the faces are."""


@dataclass(frozen=True)
class Manifest:
    """The whole document, JSON-safe; no time and no path of the machine that made it."""

    model: str
    """Name of the network."""

    default: str
    """The file that an app should use."""

    variants: tuple[BundledVariant, ...]
    """Every exported file."""

    checkpoint: dict[str, Any]
    """Name, sha256, labels_source and scaling of the network."""

    calibration: dict[str, Any]
    """What set the int8 ranges."""

    versions: dict[str, str]
    """Versions of the packages that made the files."""

    files: Mapping[str, ListedFile]
    """Every file of the bundle except the manifest, by its place."""

    def to_dict(self) -> dict[str, Any]:
        """All fields but the digest."""
        return {"format": FORMAT, "version": VERSION, **asdict(self)}

    def to_bytes(self) -> bytes:
        """The content of manifest.json.

        Its last field, `digest`, is the SHA-256 of the file with 64 zeros in place of the digest, so that a changed
        byte in the manifest is noticed too.
        """
        blank = documents.rendered({**self.to_dict(), "digest": _NO_DIGEST})
        return blank.replace(_NO_DIGEST.encode(), hashlib.sha256(blank).hexdigest().encode())

    @classmethod
    def from_bytes(cls, content: bytes) -> Manifest:
        """Read a manifest.

        Raises BundleError for another document or version, for a missing or unknown field, or names a place outside the
        bundle; DifferenceError for bytes that are not those that were written.
        """
        document = documents.parsed(content, NAME)
        documents.check_version(document, FORMAT, VERSION, NAME)
        _check_digest(content, document.get("digest"))
        known = {name: value for name, value in document.items() if name not in ("format", "version", "digest")}
        found = converted(known, cls, NAME)
        converted(found.checkpoint, _Checkpoint, f"checkpoint of {NAME}")
        for name, entry in found.files.items():
            _check_listed(_place(name), entry)
        for variant in found.variants:
            _check_variant(variant)
        found._check_references()
        return found

    def _check_references(self) -> None:
        names = [variant.file for variant in self.variants]
        if len(set(names)) != len(names) or self.default not in names:
            raise BundleError(f"default of {NAME} is not one of its variants, or a variant is listed twice; {AGAIN}")
        packages = {parent.as_posix() for name in self.files for parent in PurePosixPath(name).parents}
        missing = [name for name in names if name not in self.files and name not in packages]
        if missing:
            raise BundleError(f"{NAME} lists the variant {missing[0]} but no such file; {AGAIN}")


@dataclass(frozen=True)
class _Checkpoint:
    """The fields of a manifest's `checkpoint`."""

    name: str
    """The network's name."""

    sha256: str
    """Of its file, hexadecimal."""

    labels_source: str
    """Where its labels come from."""

    scaling: str
    """How its training scaled pictures."""


def _check_digest(content: bytes, digest: Any) -> None:
    if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
        raise BundleError(f"{NAME} has no digest of itself; {AGAIN}")
    if hashlib.sha256(content.replace(digest.encode(), _NO_DIGEST.encode())).hexdigest() != digest:
        raise DifferenceError(f"{NAME} was changed: its digest is not the one it gives; {AGAIN}")


def _place(name: str) -> str:
    """A path inside the bundle as we write it: plain letters, without leaving the folder, no hidden file."""
    if not _PATH.fullmatch(name) or name == NAME:
        raise BundleError(f"{NAME} names the file {name[:60]!r}, which is not a place inside a bundle; {AGAIN}")
    return name


def _check_listed(name: str, entry: ListedFile) -> None:
    if not _SHA256.fullmatch(entry.sha256) or entry.bytes < 0:
        raise BundleError(f"{name} in {NAME} has no SHA-256 and size; {AGAIN}")


def _check_variant(variant: BundledVariant) -> None:
    made = (variant.format, variant.precision)
    if made not in {(known.format, known.precision) for known in VARIANTS}:
        raise BundleError(f"{NAME} has a variant {harmless(made)[:80]}, which this fer-export does not know; {AGAIN}")
    if variant.input_kind != INPUT_KIND:
        raise BundleError(f"{NAME} has a variant with the input {harmless(variant.input_kind)[:60]}; {AGAIN}")
    _place(variant.file)
