"""Files that appear whole or not at all: written elsewhere, flushed to disk, then renamed."""

from __future__ import annotations

import contextlib
import errno
import glob
import hashlib
import lzma
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import OutputError
from ..harmless import json_text


def write_whole(path: Path, content: bytes) -> Path:
    """Write `content` to `path` atomically and return `path`; folders are made as needed.

    What a killed writer left aside is removed by the next write of the same file.
    Raises OutputError when the place cannot be written or the disk is full; an existing file is then untouched.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        make_folder(path.parent)
        _remove_left_behind(path)
        try:
            with open(aside, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(aside, path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                aside.unlink()
    except OSError as error:
        raise OutputError(_cannot_write(path, error)) from error
    return path


def write_json(path: Path, document: Any) -> Path:
    """Write a document as indented JSON, atomically. Same errors as write_whole."""
    return write_whole(path, (json_text(document) + "\n").encode())


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz file. Raises OSError if it cannot be read, ValueError if its bytes are damaged."""
    try:
        # np.load does not close a damaged file that it opened itself.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (TypeError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError) as error:
        raise ValueError(str(error)) from error


def make_folder(folder: Path) -> Path:
    """Make a folder with its parents, or raise OutputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(_cannot_write(folder, error)) from error
    return folder


def check_writable(folder: Path) -> Path:
    """Raise OutputError now, before long work, if files cannot be written into `folder`."""
    trial = make_folder(folder) / f".fer-export.{os.getpid()}.partial"
    try:
        with open(trial, "wb") as file:
            file.write(b"\0")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise OutputError(_cannot_write(folder, error)) from error
    finally:
        with contextlib.suppress(OSError):
            trial.unlink()
    return folder


def sha256(content: bytes) -> str:
    """Hex SHA-256."""
    return hashlib.sha256(content).hexdigest()


def _remove_left_behind(path: Path) -> None:
    for aside in path.parent.glob(f".{glob.escape(path.name)}.*.partial"):
        writer = aside.name.split(".")[-2]
        if writer.isdigit() and not is_running(int(writer)):
            with contextlib.suppress(OSError):
                aside.unlink()


def is_running(process: int) -> bool:
    """Whether a process of this number exists."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _cannot_write(path: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"cannot write {path}: the disk is full; free some space or choose another `output`"
    if isinstance(error, NotADirectoryError | FileExistsError):
        return f"cannot write {path}: a file is in the way of a folder; choose another `output`"
    return f"cannot write {path}: {error.strerror or error}; choose another `output`"
