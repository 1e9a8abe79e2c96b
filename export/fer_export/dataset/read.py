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
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from ..errors import DataError
from ..system import Unpacked, UnpackedSizeError
from . import archives, csv_table, picture_folder
from . import cache as datacache
from .dataset import Dataset, Progress
from .problems import folder_error

_XZ = b"\xfd7zXZ\0"
_MOST_XZ_MEMORY = 256 << 20

# What the decompressors raise; zipfile has NotImplementedError and RuntimeError for a method or a password it lacks.
_DAMAGE = (
    EOFError,
    gzip.BadGzipFile,
    lzma.LZMAError,
    zlib.error,
    zipfile.BadZipFile,
    tarfile.TarError,
    NotImplementedError,
    RuntimeError,
)


_TAR_HEADER, _TAR_MAGIC_AT = 512, 257
"""Size of a tar archive's first header, and where its magic word stands."""


def read(path: Path | str, progress: Progress = lambda done, total: None, cache: bool = True) -> Dataset:
    """Read FER2013 from a CSV (plain or packed), a folder with train/ and test/, or the folder of the whole challenge.

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
    place = picture_folder.place(path)
    if place is None:
        packed = archives.in_folder(path)
        if packed is None:
            raise _nothing_in(path)
        with open(packed, "rb") as file:
            return _read_file(file, packed, progress, cache)
    pictures, wrong = picture_folder.find(place)
    if wrong:
        raise folder_error(place, [*wrong, *picture_folder.damaged(place, pictures)])
    total = 2 * sum(picture.size for picture in pictures)
    done = 0

    def count(size: int) -> None:
        nonlocal done
        done += size
        progress(done, total)

    sha256 = picture_folder.digest(place, pictures, count)
    if cache and (kept := datacache.load(sha256, path)):
        progress(total, total)
        return kept
    return _finished(picture_folder.decode(place, pictures, count), path, sha256, cache)


def _nothing_in(folder: Path) -> DataError:
    found = sorted(entry.name for entry in folder.iterdir() if entry.suffix.lower() == ".csv")
    held = f", and of {', '.join(found[:4])} none has the columns emotion, pixels and Usage" if found else ""
    return DataError(
        f"{folder} has no train or test folder of pictures{held}; pass fer2013.csv or the folder that holds train and "
        "test"
    )


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
    if magic.startswith((b"PK\3\4", b"PK\5\6")):
        with zipfile.ZipFile(file) as archive, archives.zip_member(archive, path) as stream:
            yield cast(BinaryIO, Unpacked(stream, stored))
        return
    with contextlib.ExitStack() as stack:
        stream = file
        if magic.startswith(b"\x1f\x8b"):
            stream = cast(BinaryIO, Unpacked(cast(BinaryIO, stack.enter_context(gzip.GzipFile(fileobj=file))), stored))
        elif magic == _XZ:
            stream = cast(BinaryIO, Unpacked(cast(BinaryIO, stack.enter_context(lzma.LZMAFile(file))), stored))
        head = stream.read(_TAR_HEADER)
        stream.seek(0)
        if head[_TAR_MAGIC_AT : _TAR_MAGIC_AT + 5] == b"ustar":
            packed = stack.enter_context(tarfile.open(fileobj=stream, mode="r:"))
            stream = stack.enter_context(archives.tar_member(packed, path))
        yield stream


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
