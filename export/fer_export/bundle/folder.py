"""A bundle: all an app needs in one folder, and the check that nothing in it was changed.

manifest.json, contract.json, labels.txt, README.md, models/, detectors/ with their licence, and golden/: photos and
their expected results. `make` makes it, `verify` replays it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ..contract import AGAIN, PhotoContract
from ..errors import BundleError, DifferenceError
from ..model_file import package
from . import documents, manifest
from .manifest import BundledVariant, Manifest

CONTRACT = "contract.json"
LABELS = "labels.txt"
README = "README.md"
MODELS = "models"
DETECTORS = "detectors"
GOLDEN = "golden"
GOLDEN_VECTORS = f"{GOLDEN}/golden.json"


@dataclass(frozen=True)
class Bundle:
    """A bundle with every listed file present and unchanged."""

    folder: Path
    """The bundle's folder."""

    contract: PhotoContract
    """What an app does with a photo."""

    manifest: Manifest
    """The list of files, and where they come from."""

    @property
    def default(self) -> Path:
        """The exported file that an app should use."""
        return self.folder / self.manifest.default

    @property
    def variants(self) -> tuple[BundledVariant, ...]:
        return self.manifest.variants

    @property
    def detectors(self) -> Path:
        """The folder with the detectors' files."""
        return self.folder / DETECTORS

    def read(self, file: str) -> bytes:
        """A listed file's bytes, of a package packed; raises DifferenceError when they are not the manifest's."""
        inside = [name for name in self.manifest.files if name.startswith(f"{file}/")]
        if inside:
            return package.packed(
                {name.removeprefix(f"{file}/"): _content(self.folder, self.manifest, name) for name in inside}
            )
        return _content(self.folder, self.manifest, file)

    @classmethod
    def open(cls, folder: Path) -> Bundle:
        """Read a bundle and check the size and SHA-256 of every file that its manifest lists.

        Raises BundleError for a folder that is not a bundle or has a newer version, DifferenceError for a file that is
        missing or not the manifest's.
        """
        if not folder.is_dir():
            raise BundleError(f"{folder} is not a folder; pass one made by `make_bundle()`")
        if not (folder / manifest.NAME).exists():
            raise BundleError(f"{folder} is not a bundle: it has no {manifest.NAME}; pass one made by `make_bundle()`")
        listing = Manifest.from_bytes(documents.read(folder / manifest.NAME))
        for name in listing.files:
            _content(folder, listing, name)
        contract = PhotoContract.from_dict(documents.parsed(_content(folder, listing, CONTRACT), CONTRACT))
        _check_detectors(listing, contract)
        return cls(folder, contract, listing)


def is_bundle(folder: Path) -> bool:
    """Whether a folder holds the manifest of a bundle, of any version and in any state."""
    try:
        document = documents.parsed(documents.read(folder / manifest.NAME), manifest.NAME)
    except BundleError:
        return False
    return isinstance(document, dict) and document.get("format") == manifest.FORMAT


def _content(folder: Path, listing: Manifest, name: str) -> bytes:
    if name not in listing.files:
        raise BundleError(f"{manifest.NAME} lists no {name}; {AGAIN}")
    expected, path = listing.files[name], folder / name
    if any(parent.is_symlink() for parent in path.parents if folder in parent.parents):
        raise BundleError(f"{path} lies behind a link; {AGAIN}")
    if not path.is_symlink() and not path.exists():
        raise DifferenceError(f"{name} is missing from {folder}; {AGAIN}")
    size = path.lstat().st_size
    if not path.is_symlink() and size != expected.bytes:
        raise DifferenceError(f"{name} has {size:,} bytes and the manifest says {expected.bytes:,}; {AGAIN}")
    content = documents.read(path, largest=expected.bytes)
    found = hashlib.sha256(content).hexdigest()
    if found != expected.sha256:
        raise DifferenceError(
            f"{name} is not the manifest's file: its SHA-256 is {found[:16]}... and not {expected.sha256[:16]}...; "
            f"{AGAIN}"
        )
    return content


def _check_detectors(listing: Manifest, contract: PhotoContract) -> None:
    for rule in contract.detectors:
        entry = listing.files.get(f"{DETECTORS}/{rule.file}")
        if entry is None or entry.sha256 != rule.sha256:
            raise BundleError(f"{DETECTORS}/{rule.file} is not the detector that {CONTRACT} names; {AGAIN}")
