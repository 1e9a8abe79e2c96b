"""The CSV of FER2013 inside what Kaggle ships: a zip, a tar.gz, or the folder of the whole challenge.

The challenge holds several CSV files (train.csv, test.csv, example_submission.csv); the one with the columns emotion,
pixels and Usage is taken, by its header, not by its name.
"""

from __future__ import annotations

import contextlib
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from ..errors import DataError
from .csv_table import is_header
from .litter import is_litter

PACKED = (".csv", ".csv.gz", ".csv.xz", ".zip", ".tar.gz", ".tgz", ".tar.xz", ".tar")
"""Endings of files that may hold the CSV."""

_LONGEST_HEADER = 1 << 16
_PREFERRED = ("fer2013.csv", "icml_face_data.csv")


@contextlib.contextmanager
def zip_member(archive: zipfile.ZipFile, path: Path) -> Iterator[BinaryIO]:
    """The CSV in a zip, opened. Raises DataError where there is none, or where several could be it."""
    names = [name for name in archive.namelist() if _is_csv(name)]

    def head(name: str) -> bytes:
        with archive.open(name) as stream:
            return stream.readline(_LONGEST_HEADER)

    with archive.open(_chosen(names, {name: head(name) for name in names} if len(names) > 1 else {}, path)) as stream:
        yield cast(BinaryIO, stream)


@contextlib.contextmanager
def tar_member(archive: tarfile.TarFile, path: Path) -> Iterator[BinaryIO]:
    """The CSV in a tar archive, opened. Raises DataError where there is none, or where several could be it."""
    members = {member.name: member for member in archive if member.isfile() and _is_csv(member.name)}

    def opened(name: str) -> BinaryIO:
        stream = archive.extractfile(members[name])
        assert stream is not None
        return cast(BinaryIO, stream)

    heads = {name: opened(name).readline(_LONGEST_HEADER) for name in members} if len(members) > 1 else {}
    with opened(_chosen(list(members), heads, path)) as stream:
        yield stream


def in_folder(folder: Path) -> Path | None:
    """The file in a folder, or in a folder of it, that holds the CSV; None where there is none."""
    found = [path for path in _files(folder) if path.name.lower().endswith(PACKED)]
    plain = [path for path in found if path.suffix.lower() == ".csv"]
    fitting = [path for path in plain if _has_header(path)]
    if fitting:
        return min(fitting, key=lambda path: (_rank(path.name), str(path)))
    packed = sorted(path for path in found if path not in plain and "fer2013" in path.name.lower())
    return packed[0] if packed else None


def _files(folder: Path) -> list[Path]:
    """Files of a folder and of its folders, one deep, without litter."""
    entries = [entry for entry in sorted(folder.iterdir()) if not is_litter(entry.name)]
    files = [entry for entry in entries if entry.is_file()]
    for inner in entries:
        if inner.is_dir():
            files += [entry for entry in sorted(inner.iterdir()) if entry.is_file() and not is_litter(entry.name)]
    return files


def _has_header(path: Path) -> bool:
    with open(path, "rb") as file:
        return is_header(file.readline(_LONGEST_HEADER))


def _is_csv(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return name.lower().endswith(".csv") and not any(is_litter(part) for part in parts)


def _chosen(names: list[str], heads: dict[str, bytes], path: Path) -> str:
    if len(names) == 1:
        return names[0]
    if not names:
        raise DataError(f"{path} holds no CSV file; unpack it and pass the CSV or the folder")
    fitting = [name for name in names if is_header(heads[name])]
    if not fitting:
        listed = ", ".join(names[:5])
        raise DataError(
            f"{path} holds {len(names)} CSV files ({listed}), not one with emotion, pixels and Usage; unpack it and "
            "pass the CSV or the folder"
        )
    return min(fitting, key=lambda name: (_rank(PurePosixPath(name).name), name))


def _rank(name: str) -> int:
    lower = name.lower()
    return _PREFERRED.index(lower) if lower in _PREFERRED else len(_PREFERRED)
