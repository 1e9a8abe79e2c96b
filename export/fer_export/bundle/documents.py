"""JSON documents of a bundle: their bytes, format and version. `contract.documents` checks their fields."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

from ..contract import AGAIN
from ..errors import BundleError
from ..harmless import harmless, json_text

LARGEST = 1 << 26
"""Largest size of a document; ours have less than a hundredth of it."""


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


def check_version(document: Any, wanted: str, version: int, place: str) -> None:
    """Raise BundleError unless the document is of this format and version."""
    if not isinstance(document, dict) or document.get("format") != wanted:
        raise BundleError(f"{place} is not a {wanted}; pass a folder made by `make_bundle()`")
    found = document.get("version")
    if found != version or isinstance(found, bool):
        raise BundleError(
            f"{place} is of version {_short(found)} and this fer-export reads {version}; update fer-export, or {AGAIN}"
        )


def rendered(document: Any) -> bytes:
    """The bytes of a document: two blanks of indentation, the fields in their order, the same for the same document."""
    return (json_text(document) + "\n").encode()


def _short(value: Any) -> str:
    text = harmless(repr(value))
    return text if len(text) <= 60 else text[:57] + "..."


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a field appears twice")
    return document


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is not a number")
