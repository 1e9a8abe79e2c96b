"""Text from strangers, made harmless: labels, names, paths, contract texts, messages of libraries.

A terminal obeys control characters, a reader is deceived by marks that turn the direction of writing, and an encoder
fails on half a character. Each is shown as its escape, so that nothing is hidden.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from typing import Any

LONGEST_NAME = 100
"""Bytes of a file name without its suffixes; file systems take 255."""

_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{i}" for port in ("com", "lpt") for i in range(1, 10))}
"""Names that Windows keeps for devices."""


def harmless(text: object, keep: str = "") -> str:
    """The text with an escape, such as \\x1b or \\u202e, for every character that is not printable.

    keep: characters that stay as they are, such as the line breaks of a printout.
    """
    plain = str(text)
    if plain.isprintable():
        return plain
    return "".join(letter if letter.isprintable() or letter in keep else _escape(letter) for letter in plain)


def file_name(text: object) -> str:
    """The text as a part of a file name on any system: letters, digits and . _ + - of any language, at most 100 bytes.

    Never empty, never hidden, never a flag, never a device of Windows.
    """
    kept = "".join(letter if _belongs(letter) else "_" for letter in unicodedata.normalize("NFC", str(text)))
    kept = re.sub(r"^[.-]+|[.]+$", "_", kept)
    short = kept.encode()[:LONGEST_NAME].decode(errors="ignore") or "_"
    return f"_{short}" if short.split(".")[0].lower() in _RESERVED else short


def json_text(document: Any, *, ascii_only: bool = False) -> str:
    """The document as indented JSON: readable letters, everything that is not printable as its escape.

    ascii_only: for a stream that may not be able to encode other letters.

    NaN and infinite numbers, which JSON does not have, become null.
    """
    try:
        text = json.dumps(document, indent=2, ensure_ascii=ascii_only, allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(document), indent=2, ensure_ascii=ascii_only, allow_nan=False)
    if text.isascii() and "\x7f" not in text:
        return text
    # json.dumps has escaped what lies below U+0020; the line breaks left are its own.
    return "".join(letter if letter.isprintable() or letter == "\n" else _utf16(letter) for letter in text)


def _finite(document: Any) -> Any:
    if isinstance(document, dict):
        return {name: _finite(value) for name, value in document.items()}
    if isinstance(document, list | tuple):
        return [_finite(value) for value in document]
    return None if isinstance(document, float) and not math.isfinite(document) else document


def _escape(letter: str) -> str:
    code = ord(letter)
    if letter in _NAMED:
        return _NAMED[letter]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _utf16(letter: str) -> str:
    units = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def _belongs(letter: str) -> bool:
    return letter in "._+-" or letter.isalnum() or unicodedata.category(letter) in ("Mn", "Mc")
