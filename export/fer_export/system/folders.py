"""Folders that appear whole or not at all: made elsewhere, then renamed into place."""

from __future__ import annotations

import contextlib
import ctypes
import glob
import os
import shutil
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
        raise OutputError(f"cannot write {folder}: a file or link is in the way of a folder; choose another `output`")
    if folder.is_dir() and any(folder.iterdir()) and not ours(folder):
        raise OutputError(f"{folder} holds other files and is not replaced; choose another `output`")


@contextlib.contextmanager
def workshop(folder: Path) -> Iterator[Path]:
    """An empty folder beside `folder`, for files that will be moved there; removed at the end.

    What a killed process left of the same folder is removed first, or put back where it was the only one.
    """
    beside, name = folder.absolute().parent, folder.absolute().name
    try:
        _clear_left_behind(beside, name)
        made = tempfile.TemporaryDirectory(prefix=f".{name}.{os.getpid()}.", suffix=".partial", dir=beside)
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
            _put_in_place(aside / "new", folder, aside / "old")
        except OSError as error:
            raise _cannot_write(folder, error) from error
    return folder


def _put_in_place(new: Path, folder: Path, old: Path) -> None:
    """The new folder takes the place of the other one, at every moment one of them is there where the system can."""
    if not folder.exists():
        os.rename(new, folder)
    elif not _exchanged(new, folder):
        folder.rename(old)
        try:
            os.rename(new, folder)
        except OSError:
            old.rename(folder)
            raise


def _exchanged(one: Path, other: Path) -> bool:
    """Whether the system could swap two folders in one step (Linux)."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError, TypeError):
        return False
    at_here, exchange = -100, 2
    return int(rename(at_here, os.fsencode(one), at_here, os.fsencode(other), exchange)) == 0


def _clear_left_behind(beside: Path, name: str) -> None:
    for left in beside.glob(f".{glob.escape(name)}.*.partial"):
        writer = left.name.removeprefix(f".{name}.").split(".")[0]
        if writer.isdigit() and left.is_dir() and not files.is_running(int(writer)):
            if (left / "old").is_dir() and not (beside / name).exists():
                (left / "old").rename(beside / name)
            shutil.rmtree(left, ignore_errors=True)


def _cannot_write(folder: Path, error: OSError) -> OutputError:
    return OutputError(f"cannot write {folder}: {error.strerror or error}; choose another `output`")
