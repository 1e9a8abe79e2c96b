"""Bounds on what compressed files unpack to, so that a small file cannot fill the memory or run for hours."""

from __future__ import annotations

import zipfile
from typing import BinaryIO

MOST_RATIO = 100
"""How many times its size a file may unpack to; pictures and weights come to 2 to 20."""

ALWAYS = 64 << 20
"""Bytes that any file may unpack to, whatever its size."""

MOST = 4 << 30
"""Bytes that no file may unpack to more than."""

MOST_ENTRIES = 200_000
"""Files that an archive may hold."""

_PIECE = 1 << 20


class UnpackedSizeError(ValueError):
    """An archive that unpacks to more than its size allows, or whose entries contradict one another."""


def allowed(stored: int, most: int = MOST) -> int:
    """How many bytes a file of `stored` bytes may unpack to."""
    return min(most, max(ALWAYS, MOST_RATIO * stored))


class Unpacked:
    """A decompressed stream that ends with UnpackedSizeError once it is too long.

    stream: the decompressor; stored: bytes of the compressed file.
    """

    def __init__(self, stream: BinaryIO, stored: int, most: int = MOST) -> None:
        self._stream, self._stored, self._left = stream, stored, allowed(stored, most)

    def read(self, size: int) -> bytes:
        """The next bytes, at most `size`."""
        return self._counted(self._stream.read(size))

    def readline(self, limit: int) -> bytes:
        """The next line, at most `limit` bytes of it."""
        return self._counted(self._stream.readline(limit))

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to an offset from the start; what is skipped is decompressed too, and counts."""
        self._count(max(0, offset - self._stream.tell()))
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """The offset in the decompressed stream."""
        return self._stream.tell()

    def _counted(self, piece: bytes) -> bytes:
        self._count(len(piece))
        return piece

    def _count(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise UnpackedSizeError(
                f"{self._stored:,} bytes unpack to more than {allowed(self._stored) >> 20:,} MiB; "
                "unpack it yourself if it is meant to be so large"
            )


def check_zip(archive: zipfile.ZipFile, stored: int, most: int = MOST) -> None:
    """Raise UnpackedSizeError for a zip that declares more than its size allows, or names a file twice.

    stored: bytes of the file that holds it. Two entries of one name, and entries that share bytes, are read otherwise
    by other programs.
    """
    entries = archive.infolist()
    if len(entries) > MOST_ENTRIES:
        raise UnpackedSizeError(f"it holds {len(entries):,} files, more than {MOST_ENTRIES:,}")
    names = {entry.filename for entry in entries}
    if len(names) < len(entries):
        seen = set[str]()
        twice = next(e.filename for e in entries if e.filename in seen or seen.add(e.filename))  # type: ignore[func-returns-value]
        raise UnpackedSizeError(f"it holds {twice[:80]!r} twice")
    if sum(entry.compress_size for entry in entries) > stored:
        raise UnpackedSizeError("its files overlap")
    total = sum(entry.file_size for entry in entries)
    if total > allowed(stored, most):
        raise UnpackedSizeError(f"{stored:,} bytes unpack to {total >> 20:,} MiB, more than any such file needs")


def read_entry(archive: zipfile.ZipFile, name: str) -> bytes:
    """The bytes of one file of a zip that `check_zip` has passed; raises UnpackedSizeError where it holds more than it
    declares, and what zipfile raises for a damaged one."""
    pieces, left = list[bytes](), archive.getinfo(name).file_size
    with archive.open(name) as file:
        while piece := file.read(_PIECE):
            left -= len(piece)
            if left < 0:
                raise UnpackedSizeError(f"{name[:80]!r} is larger than it declares")
            pieces.append(piece)
    return b"".join(pieces)
