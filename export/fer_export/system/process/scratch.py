"""One temporary folder for all that a command and its workers put aside; what killed commands left is removed."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from ...errors import OutputError

PREFIX = "fer-export."
YOUNG = 60.0
"""Seconds in which a folder may not have been locked by its maker yet."""

_own: list[Path] = []


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """Temporary files of this process and of those that it starts lie in a folder of their own, removed at the end.

    Raises OutputError where no temporary folder can be written.
    """
    before, variable = tempfile.tempdir, os.environ.get("TMPDIR")
    try:
        place = Path(tempfile.mkdtemp(prefix=PREFIX))
    except OSError as error:
        raise OutputError(
            f"no temporary folder can be written ({error.strerror or error}); free some space, or set TMPDIR"
        ) from error
    lock = _locked(place)
    _own.append(place)
    _remove_abandoned(place.parent)
    tempfile.tempdir = os.environ["TMPDIR"] = str(place)
    try:
        yield place
    finally:
        tempfile.tempdir = before
        if variable is None:
            os.environ.pop("TMPDIR", None)
        else:
            os.environ["TMPDIR"] = variable
        shutil.rmtree(place, ignore_errors=True)
        if place in _own:
            _own.remove(place)
        if lock is not None:
            os.close(lock)


def remove_own() -> None:
    """Remove this process's folder now; for a process that ends without unwinding."""
    while _own:
        shutil.rmtree(_own[-1], ignore_errors=True)
        _own.pop()


def _locked(place: Path) -> int | None:
    """A descriptor that holds the folder's lock as long as the process lives; None where the system has no such."""
    try:
        import fcntl

        descriptor = os.open(place, os.O_RDONLY)
    except (ImportError, OSError):
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _remove_abandoned(beside: Path) -> None:
    """Remove the folders of processes that are gone: nobody holds their lock."""
    with contextlib.suppress(OSError):
        for entry in os.scandir(beside):
            if entry.name.startswith(PREFIX):
                with contextlib.suppress(OSError):
                    _remove_if_abandoned(entry)


def _remove_if_abandoned(entry: os.DirEntry[str]) -> None:
    found = entry.stat(follow_symlinks=False)
    foreign = hasattr(os, "getuid") and found.st_uid != os.getuid()
    if foreign or not entry.is_dir(follow_symlinks=False) or time.time() - found.st_mtime < YOUNG:
        return
    lock = _locked(Path(entry.path))
    if lock is not None:
        shutil.rmtree(entry.path, ignore_errors=True)
        os.close(lock)
