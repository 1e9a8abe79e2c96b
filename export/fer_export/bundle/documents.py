"""JSON documents of a bundle, read strictly: known format and version, exactly the known fields, each of its type."""

from __future__ import annotations

import json
import math
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import BundleError

AGAIN = "make the bundle again with `fer-export bundle`"
"""How to fix any damaged bundle."""

LARGEST = 1 << 26
"""Largest size of a document; ours have less than a hundredth of it."""

Kind = type | tuple[type, ...]


def read(path: Path, largest: int = LARGEST) -> bytes:
    """The bytes of a file of a bundle; raises BundleError when it is missing, not a plain file, or too large."""
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            raise BundleError(f"{path} is not a plain file (it is a link or a folder); {AGAIN}")
        if found.st_size > largest:
            raise BundleError(f"{path} has {found.st_size:,} bytes, which no bundle's has; {AGAIN}")
        return path.read_bytes()
    except OSError as error:
        raise BundleError(f"cannot read {path}: {os.strerror(error.errno or 0)}; {AGAIN}") from error


def parsed(content: bytes, place: str) -> Any:
    """A JSON document; raises BundleError for anything else, and for a field that appears twice."""
    try:
        return json.loads(content.decode(), object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{place} is no JSON document ({error}); {AGAIN}") from error


def checked(document: Any, fields: Mapping[str, Kind], place: str) -> dict[str, Any]:
    """The document if it has exactly these fields with values of these types; raises BundleError otherwise.

    An integer is accepted for a float; true and false are not numbers.
    """
    if not isinstance(document, dict):
        raise BundleError(f"{place} is not a JSON object; {AGAIN}")
    missing, foreign = sorted(fields.keys() - document.keys()), sorted(document.keys() - fields.keys())
    if missing:
        raise BundleError(f"{place} lacks {', '.join(missing)}; {AGAIN}")
    if foreign:
        raise BundleError(f"{place} has the unknown field {', '.join(foreign)}; {AGAIN}")
    for name, kind in fields.items():
        if not _is(document[name], kind):
            raise BundleError(f"{name} of {place} is {_short(document[name])}; {AGAIN}")
    return document


def check_version(document: Any, wanted: str, version: int, place: str) -> None:
    """Raise BundleError unless the document is of this format and version."""
    if not isinstance(document, dict) or document.get("format") != wanted:
        raise BundleError(f"{place} is not a {wanted}; pass a folder made by `fer-export bundle`")
    found = document.get("version")
    if found != version or isinstance(found, bool):
        raise BundleError(
            f"{place} is of version {_short(found)} and this fer-export reads {version}; update fer-export, or {AGAIN}"
        )


def whole_numbers(values: Any, count: int, place: str) -> tuple[int, ...]:
    """A list of `count` integers within 32 bits; raises BundleError for anything else."""
    if not isinstance(values, list) or len(values) != count or not all(_is(value, int) for value in values):
        raise BundleError(f"{place} is {_short(values)} and not {count} whole numbers; {AGAIN}")
    if any(abs(value) >= 1 << 31 for value in values):
        raise BundleError(f"{place} is {_short(values)}, beyond 32 bits; {AGAIN}")
    return tuple(values)


def rendered(document: Any) -> bytes:
    """The bytes of a document: two blanks of indentation, the fields in their order, the same for the same document."""
    return (json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _is(value: Any, kind: Kind) -> bool:
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if isinstance(value, bool):
        return bool in kinds
    if float in kinds and isinstance(value, int | float):
        return math.isfinite(value)
    return isinstance(value, kinds)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a field appears twice")
    return document


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is not a number")
