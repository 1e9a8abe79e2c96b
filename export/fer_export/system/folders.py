"""Folders that appear whole or not at all: made elsewhere, then renamed into place."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from ..errors import OutputError
from . import files

Ours = Callable[[Path], bool]
"""Whether an existing folder is one that may be replaced."""


def check_free(folder: Path, ours: Ours) -> None:
    """Raise OutputError now, before long work, if `folder` cannot be written or holds something that is not ours."""
    files.check_writable(folder.absolute().parent)
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise OutputError(f"cannot write {folder}: a file or link is in the way of a folder; choose another --output")
    if folder.is_dir() and any(folder.iterdir()) and not ours(folder):
        raise OutputError(f"{folder} holds other files and is not replaced; choose another --output")


@contextlib.contextmanager
def workshop(folder: Path) -> Iterator[Path]:
    """An empty folder beside `folder`, for files that will be moved there; removed at the end."""
    beside, name = folder.absolute().parent, folder.absolute().name
    try:
        made = tempfile.TemporaryDirectory(prefix=f".{name}.", suffix=".partial", dir=beside)
    except OSError as error:
        raise _cannot_write(folder, error) from error
    with made as place:
        yield Path(place)


def write_whole(folder: Path, contents: Mapping[str, bytes], ours: Ours) -> Path:
    """Write files (path inside the folder -> bytes) as a folder and return it; a folder of ours there is replaced.

    Raises OutputError when the place cannot be written or holds something else; what was there is then untouched.
    """
    check_free(folder, ours)
    with workshop(folder) as aside:
        for name, content in contents.items():
            files.write_whole(aside / "new" / name, content)
        try:
            if folder.exists():
                folder.rename(aside / "old")
            try:
                os.rename(aside / "new", folder)
            except OSError:
                if (aside / "old").exists():
                    (aside / "old").rename(folder)
                raise
        except OSError as error:
            raise _cannot_write(folder, error) from error
    return folder


def _cannot_write(folder: Path, error: OSError) -> OutputError:
    return OutputError(f"cannot write {folder}: {error.strerror or error}; choose another --output")
