"""Files that are folders, such as .mlpackage, as the bytes of one: a zip without compression, always the same bytes.

Everything above takes an exported file as bytes. A folder is packed when it is read and unpacked when it is written.
What others packed is not trusted: the number of files, their size and their names are limited, and links refused.
"""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

from ..errors import ExportFileError

FIRST = "Manifest.json"
"""The file that stands first, by which the bytes are told."""

MOST_ENTRIES = 64
MOST_BYTES = 1 << 31

_NAME = re.compile(r"[A-Za-z0-9_.-][A-Za-z0-9_. -]*(/[A-Za-z0-9_.-][A-Za-z0-9_. -]*)*")
_DAMAGED = "the package is cut off or was changed; export it again"


def packed(contents: Mapping[str, bytes]) -> bytes:
    """The bytes of a folder.

    contents: by path inside the folder, with `/`; one is Manifest.json.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(contents, key=lambda name: (name != FIRST, name)):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # Unix, also where it is packed on Windows
            archive.writestr(entry, contents[name])
    return buffer.getvalue()


def unpacked(content: bytes) -> dict[str, bytes]:
    """The files of a packed folder by path inside it; raises ExportFileError for bytes that are not such."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            names = {entry.filename for entry in entries}
            plain = all(e.compress_type == zipfile.ZIP_STORED and e.compress_size == e.file_size for e in entries)
            fits = len(entries) <= MOST_ENTRIES and sum(entry.file_size for entry in entries) <= len(content)
            if not plain or not fits or len(names) < len(entries) or not all(map(_is_inside, names)):
                raise ExportFileError(_DAMAGED)
            return {entry.filename: archive.read(entry) for entry in entries}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError) as error:
        raise ExportFileError(_DAMAGED) from error


def read(folder: Path) -> bytes:
    """A folder, packed. Raises ExportFileError for one with links, too many files or none that is its manifest."""
    contents: dict[str, bytes] = {}
    entries = size = 0
    for place, inner, names in os.walk(folder, onerror=_refuse):
        for name in (*inner, *names):
            path, entries = Path(place, name), entries + 1
            if path.is_symlink() or not (path.is_dir() or path.is_file()):
                raise ExportFileError(f"{path} is a link or a device, which no package needs; export it again")
            if entries > MOST_ENTRIES:
                raise ExportFileError(f"{folder} holds more than {MOST_ENTRIES} files; pass an .mlpackage")
        for name in names:
            path = Path(place, name)
            size += path.stat().st_size
            if size > MOST_BYTES:
                raise ExportFileError(f"{folder} holds more than {MOST_BYTES >> 30} GB; pass a smaller network")
            inside = path.relative_to(folder).as_posix()
            if _is_inside(inside):  # others are notes of a file manager
                contents[inside] = path.read_bytes()
    if FIRST not in contents:
        raise ExportFileError(f"{folder} has no {FIRST}, as an .mlpackage has; export it again")
    return packed(contents)


def is_package(folder: Path) -> bool:
    """Whether a folder is a package, which another may replace."""
    return (folder / FIRST).is_file()


def _is_inside(name: str) -> bool:
    return bool(_NAME.fullmatch(name)) and not {".", ".."} & set(name.split("/"))


def _refuse(error: OSError) -> None:
    raise error
