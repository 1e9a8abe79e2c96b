"""The documents that a file carries about itself, checked before anything relies on them."""

from __future__ import annotations

import json
from typing import Any

from ..contract import Contract
from ..errors import BundleError, ExportFileError

AGAIN = "export it again"


def parsed(text: str | bytes, name: str) -> dict[str, Any]:
    """A JSON object.

    name: what the file calls it.

    Raises ExportFileError for anything else, NaN included.
    """
    try:
        document = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ExportFileError(f"{name} inside the file is not valid JSON; {AGAIN}") from error
    if not isinstance(document, dict):
        raise ExportFileError(f"{name} inside the file is not a JSON object; {AGAIN}")
    return document


def contract(text: str | bytes, name: str) -> dict[str, Any]:
    """The contract of a file, complete; raises ExportFileError where a field is missing, foreign or misshapen."""
    document = parsed(text, name)
    try:
        Contract.from_dict(document)
    except BundleError as error:
        raise ExportFileError(f"inside the file: {error}") from error
    return document


def calibration(text: str | bytes, name: str) -> dict[str, Any]:
    """The record of what calibrated a file; raises ExportFileError where it does not say what and how many."""
    document = parsed(text, name)
    count = document.get("count")
    if not isinstance(count, int) or isinstance(count, bool) or not isinstance(document.get("source"), str):
        raise ExportFileError(f"{name} inside the file lacks `count` or `source`; {AGAIN}")
    return document


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is not a number")
