"""An exported file of any format: which one it is, what it holds, what it says of itself."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ExportFileError
from ..system import files
from . import onnx, tflite, tflite_metadata
from .summary import GraphSummary, ModelInfo

_IR_VERSION_FIELD = b"\x08"
"""First byte of every ONNX file: protobuf's tag of ModelProto.ir_version."""


def format_of(content: bytes) -> str:
    """`tflite` or `onnx`; raises ExportFileError when the first bytes are neither's."""
    if content[4:8] == tflite.IDENTIFIER:
        return "tflite"
    if content[:1] == _IR_VERSION_FIELD:
        return "onnx"
    if not content:
        raise ExportFileError("the file is empty; export it again")
    raise ExportFileError("the file is neither a TFLite model (bytes 4-7 are not TFL3) nor an ONNX one; give one")


def inspect(content: bytes) -> GraphSummary:
    """What the file consists of; raises ExportFileError when it is cut off, damaged or no model."""
    return onnx.inspect(content) if format_of(content) == "onnx" else tflite.inspect(content)


def read(content: bytes) -> ModelInfo:
    """Labels, contract and calibration record inside the file, ours or anyone's; same errors."""
    return onnx.read(content) if format_of(content) == "onnx" else tflite_metadata.read(content)


@dataclass(frozen=True)
class FileInfo:
    """What an exported file holds: its tensors and ops, and what it says of itself."""

    path: Path
    sha256: str
    graph: GraphSummary
    metadata: ModelInfo

    def to_dict(self) -> dict[str, Any]:
        return {
            "path": str(self.path),
            "sha256": self.sha256,
            "graph": self.graph.to_dict(),
            "metadata": self.metadata.to_dict(),
        }


def read_file(path: Path) -> bytes:
    """The bytes of an exported file; raises ExportFileError when it is not there or cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ExportFileError(
            f"cannot read {path}: {error.strerror or error}; export it with `fer-export tflite`"
        ) from error


def inspect_file(path: Path) -> FileInfo:
    """Read what an exported file holds; raises ExportFileError if it is none."""
    content = read_file(path)
    with named(path):
        return FileInfo(path, files.sha256(content), inspect(content), read(content))


@contextlib.contextmanager
def named(path: Path) -> Iterator[None]:
    """Put the file's name in front of what is wrong with it."""
    try:
        yield
    except ExportFileError as error:
        raise ExportFileError(f"{path}: {error}") from error
