"""Reads FER2013 from what people have: fer2013.csv, plain or compressed, or Kaggle's folders of pictures.

The content decides what a file is, not its name. The first read of the CSV takes seconds; the result is kept in the
cache (datacache), keyed by content, and the next read takes the time to hash the file.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import lzma
import os
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from ..errors import DataError
from ..system.unpacking import Unpacked, UnpackedSizeError
from . import cache as datacache
from . import csv_table, picture_folder
from .dataset import Dataset, Progress

_XZ = b"\xfd7zXZ\0"
_MOST_XZ_MEMORY = 256 << 20

# What the decompressors raise; zipfile has NotImplementedError and RuntimeError for a method or a password it lacks.
_DAMAGE = (
    EOFError,
    gzip.BadGzipFile,
    lzma.LZMAError,
    zlib.error,
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
)


def read(path: Path | str, progress: Progress = lambda done, total: None, cache: bool = True) -> Dataset:
    """Read FER2013 from a CSV (plain, gzip, xz or a zip with one CSV) or from a folder with train/ and test/.

    `progress` gets bytes of work: of the stored file while a CSV is parsed; of all pictures twice for a folder, once to
    hash and once to decode them. With `cache`, a data set of the same content is taken from the cache folder, or put
    there. Raises DataError, which names the row or picture that is wrong.
    """
    path = Path(path)
    try:
        if path.is_dir():
            return _read_folder(path, progress, cache)
        with open(path, "rb") as file:
            return _read_file(file, path, progress, cache)
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist; pass fer2013.csv or a folder with train and test") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}; check the file and its permissions") from error


def _read_file(file: BinaryIO, path: Path, progress: Progress, cache: bool) -> Dataset:
    before = os.fstat(file.fileno())
    sha256 = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    if cache and (kept := datacache.load(sha256, path)):
        return kept
    try:
        with _decompressed(file, path) as stream:
            table = csv_table.parse(cast(BinaryIO, _Counted(stream, file, before.st_size, progress)), str(path))
    except UnpackedSizeError as error:
        raise DataError(f"{path} is not read: {error}") from error
    except _DAMAGE as error:
        raise DataError(f"{path} is damaged or cut short ({error}); download it again") from error
    after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise DataError(f"{path} changed while it was read; wait until it is complete and read it again")
    return _finished(table, path, sha256, cache)


def _read_folder(path: Path, progress: Progress, cache: bool) -> Dataset:
    pictures = picture_folder.find(path)
    total = 2 * sum(picture.size for picture in pictures)
    done = 0

    def count(size: int) -> None:
        nonlocal done
        done += size
        progress(done, total)

    sha256 = picture_folder.digest(path, pictures, count)
    if cache and (kept := datacache.load(sha256, path)):
        progress(total, total)
        return kept
    return _finished(picture_folder.decode(path, pictures, count), path, sha256, cache)


def _finished(table: csv_table.Table, path: Path, sha256: str, cache: bool) -> Dataset:
    rows = np.arange(len(table.emotions), dtype=np.int64)
    dataset = Dataset(table.pixels, table.emotions, table.usage, rows, path, sha256)
    if cache:
        datacache.save(dataset)
    return dataset


@contextlib.contextmanager
def _decompressed(file: BinaryIO, path: Path) -> Iterator[BinaryIO]:
    file.seek(0)
    magic = file.read(6)
    stored = os.fstat(file.fileno()).st_size
    if magic == _XZ:
        file.seek(0)
        # LZMAFile has no limit: a small file may ask for gigabytes of dictionary.
        lzma.LZMADecompressor(memlimit=_MOST_XZ_MEMORY).decompress(file.read(1 << 16), max_length=1)
    file.seek(0)
    if magic.startswith(b"\x1f\x8b"):
        with gzip.GzipFile(fileobj=file) as stream:
            yield cast(BinaryIO, Unpacked(cast(BinaryIO, stream), stored))
    elif magic == _XZ:
        with lzma.LZMAFile(file) as stream:
            yield cast(BinaryIO, Unpacked(cast(BinaryIO, stream), stored))
    elif magic.startswith((b"PK\3\4", b"PK\5\6")):
        with zipfile.ZipFile(file) as archive, archive.open(_only_csv(archive, path)) as stream:
            yield cast(BinaryIO, Unpacked(cast(BinaryIO, stream), stored))
    else:
        yield file


def _only_csv(archive: zipfile.ZipFile, path: Path) -> str:
    found = [name for name in archive.namelist() if name.lower().endswith(".csv") and not name.startswith("__MACOSX/")]
    if len(found) != 1:
        what = f"{len(found)} CSV files ({', '.join(found[:5])}), not one" if found else "no CSV file"
        raise DataError(f"{path} holds {what}; unpack it and pass the CSV or the folder")
    return found[0]


class _Counted:
    """The decompressed stream, which reports after each read how far the stored file has been read."""

    def __init__(self, stream: BinaryIO, stored: BinaryIO, total: int, progress: Progress) -> None:
        self.stream, self.stored, self.total, self.progress = stream, stored, total, progress

    def readline(self, limit: int) -> bytes:
        return self.stream.readline(limit)

    def read(self, size: int) -> bytes:
        chunk = self.stream.read(size)
        self.progress(min(self.stored.tell(), self.total) if chunk else self.total, self.total)
        return chunk
