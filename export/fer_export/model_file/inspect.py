"""An exported file of any format: which one it is, what it contains, its metadata."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..contract import formats
from ..errors import ExportFileError
from ..system import Readable, files, folders
from . import package
from .summary import GraphSummary, ModelInfo


def format_of(content: bytes) -> str:
    """The key of contract.formats whose marker the bytes carry; raises ExportFileError when it is none's."""
    for row in formats.exported():
        if row.is_marked(content):
            return row.name
    if not content:
        raise ExportFileError("the file is empty; export it again")
    raise ExportFileError(f"the file is not a {formats.titles()} model (by its first bytes); pass one")


def inspect(content: bytes) -> GraphSummary:
    """What the file consists of; raises ExportFileError when it is cut off, damaged or not a model."""
    found: GraphSummary = _reader(content).inspect(content)
    return found


def read(content: bytes) -> ModelInfo:
    """Labels, contract and calibration record inside the file, from any exporter; same errors."""
    found: ModelInfo = _reader(content).read(content)
    return found


def _reader(content: bytes) -> Any:
    return formats.loaded(formats.FORMATS[format_of(content)].reader)


@dataclass(frozen=True)
class FileInfo(Readable):
    """What an exported file holds: its tensors, ops and metadata."""

    path: Path
    """Path of the file."""

    sha256: str
    """SHA-256 of the file."""

    graph: GraphSummary
    """Tensors and ops."""

    metadata: ModelInfo
    """Labels, contract and calibration record inside the file."""

    def to_dict(self) -> dict[str, Any]:
        return {
            "path": str(self.path),
            "sha256": self.sha256,
            "graph": self.graph.to_dict(),
            "metadata": self.metadata.to_dict(),
        }


def read_file(model: Path | bytes) -> bytes:
    """The bytes of an exported file; raises ExportFileError when it is not there or cannot be read.

    model: its path, or its bytes, which are given back.
    """
    if isinstance(model, bytes):
        return model
    try:
        return package.read(model) if is_folder(model) and model.is_dir() else model.read_bytes()
    except OSError as error:
        raise ExportFileError(f"cannot read {model}: {error.strerror or error}; export it with `export()`") from error


def write_file(path: Path, content: bytes) -> Path:
    """Write the bytes of an exported file, whole or not at all, and return its path; errors of system.files.

    A package becomes a folder; another package in its place is replaced, anything else is not.
    """
    if is_folder(path):
        return folders.write_whole(path, package.unpacked(content), package.is_package)
    return files.write_whole(path, content)


def is_folder(path: Path) -> bool:
    """Whether a file of that name is a folder."""
    return any(row.folder and path.suffix.lower() in row.suffixes for row in formats.exported())


def inspect_file(path: Path) -> FileInfo:
    """Read what an exported file holds; raises ExportFileError if it is not an exported file."""
    content = read_file(path)
    with named(path):
        return FileInfo(path, files.sha256(content), inspect(content), read(content))


@contextlib.contextmanager
def named(path: Path) -> Iterator[None]:
    """Add the file's name to an error."""
    try:
        yield
    except ExportFileError as error:
        raise ExportFileError(f"{path}: {error}") from error
