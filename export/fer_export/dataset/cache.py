"""Read data sets kept in the user's cache folder, so that the second read of a 270 MB CSV is instant.

An entry is keyed by the SHA-256 of the source's content and carries a format version and a checksum of its own: an
entry that is truncated, foreign or of another version counts as absent and is written again. The folder is
`$FER_EXPORT_CACHE`, or the platform's cache folder for fer-export. It may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path

import numpy as np

from ..errors import OutputError
from ..system import files, folder
from .dataset import SIDE, Dataset

VERSION = 1
"""Raised when the layout of an entry or the meaning of the readers' results changes."""

_FACE_BYTES = SIDE * SIDE + 1 + 1 + 8
_LONGEST_HEADER = 1000


def entry(sha256: str) -> Path:
    """The file of one data set."""
    return folder() / f"{sha256}.faces"


def load(sha256: str, source: Path) -> Dataset | None:
    """The data set with this content, or None if the cache has no valid entry for it."""
    try:
        with open(entry(sha256), "rb") as file:
            line = file.readline(_LONGEST_HEADER)
            header = json.loads(line)
            count = header["faces"]
            if header != _header(sha256, count, header["checksum"]):
                return None
            if os.fstat(file.fileno()).st_size != len(line) + count * _FACE_BYTES:
                return None
            content = np.fromfile(file, np.uint8)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if len(content) != count * _FACE_BYTES or _checksum(content.data) != header["checksum"]:
        return None
    pixels, emotions, usage, rows = np.split(content, np.cumsum([SIDE * SIDE, 1, 1]) * count)
    faces = pixels.reshape(count, SIDE, SIDE, 1)
    return Dataset(faces, emotions, usage, np.frombuffer(rows, "<i8").astype(np.int64), source, sha256)


def save(dataset: Dataset) -> None:
    """Keep a data set. A cache folder that cannot be written is not an error: the next read is as slow as the first."""
    arrays = dataset.pixels, dataset.emotions, dataset.usage, dataset.rows.astype("<i8")
    content = b"".join(array.tobytes() for array in arrays)
    header = json.dumps(_header(dataset.sha256, len(dataset), _checksum(content)))
    with contextlib.suppress(OutputError):
        files.write_whole(entry(dataset.sha256), header.encode() + b"\n" + content)


def _header(sha256: str, count: int, checksum: str) -> dict[str, str | int]:
    return {
        "format": "fer-export faces",
        "version": VERSION,
        "source_sha256": sha256,
        "faces": count,
        "checksum": checksum,
    }


def _checksum(content: bytes | memoryview) -> str:
    return hashlib.sha256(content).hexdigest()
