"""The rows of fer2013.csv: emotion, 2304 pixels as decimal text, Usage. Fast for valid rows, exact for invalid ones.

Messages count rows from 1 after the header, with the line of the file beside it: "row 17 (line 18)". The three columns
    may be in any order and case, with spaces and quotes around them (icml_face_data.csv), and behind the numbers of the
    rows that pandas writes. Blank lines at the very end are ignored; anywhere else they are errors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .dataset import SIDE, SPLITS
from .emotions import FER2013

_COLUMNS = ("emotion", "pixels", "usage")
_ROW_NUMBERS = ("", "unnamed: 0")
"""What pandas calls its column of row numbers."""
_PIXELS = SIDE * SIDE
CHUNK = 1 << 20
_LONGEST_LINE = 1 << 16
_MOST_BLANK = 1 << 20
"""Bytes of blank lines that may follow the last row."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_EMOTIONS = {str(number).encode(): number for number in range(len(FER2013))}
_USAGES = {name.encode(): index for index, name in enumerate(SPLITS[:3])}

_SPACE, _NEWLINE, _ZERO, _NINE = b" \n09"


class Table(NamedTuple):
    """The faces of a data set, before they are divided."""

    pixels: NDArray[np.uint8]
    """Faces uint8 [N, 48, 48, 1]."""

    emotions: NDArray[np.uint8]
    """Positions in FER2013's emotions, uint8 [N]."""

    usage: NDArray[np.uint8]
    """Positions in dataset.SPLITS, uint8 [N]."""


class _Order(NamedTuple):
    """Positions of the columns."""

    emotion: int
    """The emotion's."""

    pixels: int
    """The pixels'."""

    usage: int
    """The split's."""

    columns: int
    """How many there are."""


class _WrongFieldError(Exception):
    """What is wrong with a row."""


def parse(stream: BinaryIO, name: str) -> Table:
    """Read a whole CSV in pieces of 1 MiB. Raises DataError for a wrong header and for the first wrong row."""
    order = _column_order(stream.readline(_LONGEST_LINE), name)
    pixels: list[NDArray[np.uint8]] = []
    emotions: list[int] = []
    usage: list[int] = []
    for lines in _line_batches(stream, name):
        texts: list[bytes] = []
        row = len(emotions)
        try:
            for line in lines:
                row += 1
                emotion, text, split = _fields(line, order)
                emotions.append(emotion)
                texts.append(text)
                usage.append(split)
        except _WrongFieldError as wrong:
            _pixels(texts, row - len(texts), name)  # a wrong row before this one is named instead
            raise DataError(_wrong_row(name, row, wrong)) from None
        pixels.append(_pixels(texts, row - len(texts) + 1, name))
    if not emotions:
        raise DataError(f"{name} has a header and no rows; download fer2013.csv again")
    faces = np.concatenate(pixels).reshape(-1, SIDE, SIDE, 1)
    return Table(faces, np.array(emotions, np.uint8), np.array(usage, np.uint8))


def is_header(line: bytes) -> bool:
    """Whether a CSV's first line names the three columns of FER2013."""
    return _is_complete(_column_names(line))


def _is_complete(columns: list[str]) -> bool:
    return sorted(columns[columns[0] in _ROW_NUMBERS :]) == sorted(_COLUMNS)


def _column_names(header: bytes) -> list[str]:
    fields = header.removeprefix(_BYTE_ORDER_MARK).split(b",")
    return [_unquoted(field).decode("ascii", "replace").lower() for field in fields]


def _column_order(header: bytes, name: str) -> _Order:
    if not header:
        raise DataError(f"{name} is empty; download fer2013.csv again")
    columns = _column_names(header)
    if _is_complete(columns):
        emotion, pixels, usage = (columns.index(column) for column in _COLUMNS)
        return _Order(emotion, pixels, usage, len(columns))
    missing = [column for column in ("emotion", "pixels", "Usage") if column.lower() not in columns]
    if len(missing) == len(_COLUMNS):
        raise DataError(
            f"{name} is not a FER2013 CSV: its first line is {_shown(header)}, not emotion,pixels,Usage; "
            "pass fer2013.csv"
        )
    what = f"lacks the column {' and '.join(missing)}" if missing else "has more than the three columns"
    raise DataError(
        f"{name}: the header {_shown(header)} {what}; pass a file with emotion, pixels and Usage, such as fer2013.csv"
    )


def _line_batches(stream: BinaryIO, name: str) -> Iterator[list[bytes]]:
    """The lines up to the last that is not blank, some hundred at a time."""
    rest, blank_bytes = b"", 0
    while chunk := stream.read(CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            lines.append(rest)  # refused for its length later
        end = len(lines)
        while end and not lines[end - 1].strip():
            end -= 1
        if end and blank_bytes:
            yield [b""]  # a blank line that is not at the end is wrong, and the first of them says so
        if end:
            yield lines[:end]
            blank_bytes = 0
        blank_bytes += sum(map(len, lines[end:])) + len(lines) - end
        if blank_bytes > _MOST_BLANK:
            raise DataError(f"{name} goes on with more than {_MOST_BLANK >> 20} MiB of blank lines; download it again")
    if rest.strip():
        yield [b"", rest] if blank_bytes else [rest]


def _fields(line: bytes, order: _Order) -> tuple[int, bytes, int]:
    """Emotion, text of the pixels and split of one line."""
    if len(line) > _LONGEST_LINE:
        raise _WrongFieldError(f"the line is longer than {_LONGEST_LINE} bytes")
    fields = line.split(b",")
    if len(fields) != order.columns:
        counted = f"has {len(fields)} columns instead of {order.columns}"
        raise _WrongFieldError(counted if line.strip() else "the line is blank")
    emotion, usage = _unquoted(fields[order.emotion]), _unquoted(fields[order.usage])
    if emotion not in _EMOTIONS:
        raise _WrongFieldError(f"the emotion is {_shown(emotion)}, not a number from 0 (angry) to 6 (neutral)")
    if usage not in _USAGES:
        raise _WrongFieldError(f"the Usage is {_shown(usage)}, not Training, PublicTest or PrivateTest")
    return _EMOTIONS[emotion], _unquoted(fields[order.pixels]), _USAGES[usage]


def _pixels(texts: Sequence[bytes], first_row: int, name: str) -> NDArray[np.uint8]:
    """Pixels of some rows, uint8 [n, 2304]. Raises DataError for the first row that does not hold 2304 of them."""
    pixels = _regular_pixels(texts)
    if pixels is not None:
        return pixels
    rows = []
    for row, text in enumerate(texts, first_row):
        try:
            rows.append(_irregular_pixels(text))
        except _WrongFieldError as wrong:
            raise DataError(_wrong_row(name, row, wrong)) from None
    return np.array(rows, np.uint8)


def _regular_pixels(texts: Sequence[bytes]) -> NDArray[np.uint8] | None:
    """All rows at once by digit arithmetic, or None unless each is 2304 numbers of 1-3 digits, one space between."""
    text = np.frombuffer(b"\n" + b"\n".join(texts) + b"\n", np.uint8)
    separators = np.flatnonzero(text < _ZERO).astype(np.int32)
    if len(separators) != len(texts) * _PIXELS + 1 or text.max() > _NINE:
        return None
    widths, ends = np.diff(separators), separators[1:]
    separator = text[ends].reshape(-1, _PIXELS)
    if (
        not len(texts)
        or widths.min() < 2
        or widths.max() > 4
        or (separator[:, :-1] != _SPACE).any()
        or (separator[:, -1] != _NEWLINE).any()
    ):
        return None
    digits = text - np.uint8(_ZERO)
    # Before the end of a shorter number there are its separator and another number.
    values = digits[ends - 1].astype(np.uint16)
    values += digits[ends - 2] * (widths > 2) * np.uint16(10)
    values += digits[ends - 3] * (widths > 3) * np.uint16(100)
    return values.astype(np.uint8).reshape(-1, _PIXELS) if values.max() <= 255 else None


def _irregular_pixels(text: bytes) -> list[int]:
    """One row with any white space between the numbers; says what is wrong."""
    numbers = text.split()
    if len(numbers) != _PIXELS:
        raise _WrongFieldError(f"has {len(numbers)} pixels instead of {_PIXELS} ({SIDE}x{SIDE})")
    for place, number in enumerate(numbers, 1):
        if not number.isdigit() or len(number) > 3 or int(number) > 255:
            raise _WrongFieldError(f"pixel {place} is {_shown(number)}, not a whole number from 0 to 255")
    return [int(number) for number in numbers]


def _unquoted(field: bytes) -> bytes:
    field = field.strip()
    return field[1:-1].strip() if len(field) > 1 and field[:1] == field[-1:] == b'"' else field


def _shown(field: bytes) -> str:
    """At most 30 characters of a field, safe to print on one line."""
    text = ascii(field.strip().decode("latin-1"))
    return text if len(text) <= 32 else f"{text[:29]}...'"


def _wrong_row(name: str, row: int, wrong: _WrongFieldError) -> str:
    return f"{name}, row {row} (line {row + 1}): {wrong}; nothing was read: fix that row or download the file again"
