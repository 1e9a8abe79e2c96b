"""What a file of weights declares, read before any of it is: sizes, and links that lead out of the file."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

from ...errors import CheckpointError
from ...system import unpacking

MOST_PARTS = 200_000
"""Groups and arrays that a file of weights may hold."""

_UNITS = frozenset({"units", "filters", "output_dim", "input_dim", "num_heads", "key_dim", "value_dim"})
_MOST_NUMBER = 1 << 24
"""Largest whole number in a network's config: a size, a count or an axis."""


def check_archive(archive: zipfile.ZipFile, stored: int, path: Path) -> None:
    """Raise CheckpointError for a .keras archive that unpacks to more than its size allows or holds a file twice.

    stored: bytes of the archive.
    path: for messages.
    """
    try:
        unpacking.check_zip(archive, stored)
    except unpacking.UnpackedSizeError as error:
        raise CheckpointError(f"{path} is not read: {error}; copy or save the network again") from error


def check_content(content: bytes, config: Any, path: Path) -> None:
    """The same as `check_hdf5`, for the bytes of an HDF5 file."""
    import h5py

    with h5py.File(io.BytesIO(content), "r") as file:
        check_hdf5(file, len(content), config, path)


def check_hdf5(file: Any, stored: int, config: Any, path: Path) -> None:
    """Raise CheckpointError for an HDF5 file (h5py.File) that leads to other files or declares more than it can hold,
    or for a network's config (parsed JSON) with layers larger than all the weights.

    stored: bytes of the file.
    """
    import h5py

    waiting, seen, total, elements = [file], set[int](), 0, 0
    while waiting:
        group = waiting.pop()
        for name in group:
            if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
                raise _refusal(path, f"its part {name[:80]!r} is in another file")
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                continue
            part = group[name]
            address = h5py.h5o.get_info(part.id).addr
            if address in seen:
                continue
            seen.add(address)
            if len(seen) > MOST_PARTS:
                raise _refusal(path, f"it holds more than {MOST_PARTS:,} parts")
            if isinstance(part, h5py.Group):
                waiting.append(part)
            elif isinstance(part, h5py.Dataset):
                if part.external or part.is_virtual:
                    raise _refusal(path, f"its part {name[:80]!r} is in another file")
                total, elements = total + part.nbytes, elements + part.size
    if total > unpacking.allowed(stored):
        raise _refusal(path, f"{stored:,} bytes declare weights of {total >> 20:,} MiB")
    _check_layers(config, elements, path)


def _check_layers(config: Any, elements: int, path: Path) -> None:
    waiting = [config]
    while waiting:
        part = waiting.pop()
        items = part.items() if isinstance(part, dict) else (("", each) for each in part)
        for key, value in items:
            if isinstance(value, dict | list):
                waiting.append(value)
            elif isinstance(value, int) and not key.endswith(("seed", "_id")):
                # Each unit has a weight of its own at least.
                most = elements if key in _UNITS else _MOST_NUMBER
                if value > most:
                    raise _refusal(
                        path, f"its network has {key or 'a size'} {value:,}, and its weights {elements:,} numbers"
                    )


def _refusal(path: Path, why: str) -> CheckpointError:
    return CheckpointError(f"{path} is not read: {why}; copy or save the network again")
