"""The labels of a network: given by flag or file, by its card, or the known order for its number of outputs.

The source is always printed; an assumption is called one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..dataset import DEFAULT_LABELS, DEFAULT_LABELS_SOURCE, canonical
from ..errors import CheckpointError
from .evidence import Origin

FLAG_SOURCE = "--labels"
CARD_SOURCE = "card.json"


def choose(
    labels: str | Sequence[str] | Path | None, card: dict[str, Any], outputs: int, path: Path
) -> tuple[tuple[str, ...], str]:
    """Return (canonical labels, where they come from) for a network of `outputs` outputs.

    labels: names, comma-separated or a list, or a text file (one per line) or JSON file (a list, or an object with
        positions); they win over the card's "labels", which win over the default for 6, 7 or 8 outputs.

    Raises CheckpointError if there are none, or their number, spelling or uniqueness is wrong.
    """
    said = _said(labels, card)
    if said is not None:
        names, source = said
    elif outputs in DEFAULT_LABELS:
        names = list(DEFAULT_LABELS[outputs])
        source = f"{DEFAULT_LABELS_SOURCE[outputs]} (assumed for {outputs} outputs; `labels` overrides it)"
    else:
        raise CheckpointError(
            f"{path} has {outputs} outputs, for which no labels are known; add `labels` with {outputs} names"
        )
    if len(names) != outputs:
        raise CheckpointError(
            f"{len(names)} labels ({source}) for the {outputs} outputs of {path}; pass {outputs} with `labels`"
        )
    plain = tuple(canonical(name) for name in names)
    twice = sorted({name for name in plain if plain.count(name) > 1})
    if twice or "" in plain:
        what = f"hold {twice[0]!r} twice" if twice and twice[0] else "hold an empty name"
        raise CheckpointError(f"the labels ({source}) {what}; pass {outputs} different names with `labels`")
    return plain, source


def known(labels: str | Sequence[str] | Path | None, card: dict[str, Any]) -> tuple[str, ...] | None:
    """The canonical labels where they are given or on the card; None where only the number of outputs tells."""
    said = _said(labels, card)
    return None if said is None else tuple(canonical(name) for name in said[0])


def origin(labels: object, card: dict[str, Any]) -> Origin:
    """Where `choose` takes the labels from."""
    if labels is not None:
        return "given"
    return "card" if "labels" in card else "assumed"


def _said(labels: str | Sequence[str] | Path | None, card: dict[str, Any]) -> tuple[list[str], str] | None:
    """(names, where they come from) where they are given or on the card."""
    if labels is not None:
        return _given_labels(labels)
    return (_label_list(card["labels"], CARD_SOURCE), CARD_SOURCE) if "labels" in card else None


def _given_labels(labels: str | Sequence[str] | Path) -> tuple[list[str], str]:
    if not isinstance(labels, str | Path):
        return _label_list(list(labels), FLAG_SOURCE), FLAG_SOURCE
    path = Path(labels)
    if isinstance(labels, str) and "," in labels and not path.is_file():
        return [name.strip() for name in labels.split(",")], FLAG_SOURCE
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise CheckpointError(
            f"the labels {str(labels)!r} are not a readable file; pass names with commas between them, or a text file"
        ) from error
    if text.lstrip().startswith(("[", "{")):
        return _label_list(parsed_json(text, path), path.name), path.name
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (lines[0].split(",") if len(lines) == 1 else lines), path.name


def _label_list(document: Any, source: str) -> list[str]:
    """Names from a JSON list, or from an object: position -> name, or name -> position."""
    if isinstance(document, dict):
        if document and all(isinstance(value, int) for value in document.values()):
            document = {position: name for name, position in document.items()}
        order = {str(position): name for position, name in document.items()}
        document = [order.get(str(i)) for i in range(len(order))]
    if not isinstance(document, list) or not all(isinstance(name, str) for name in document):
        raise CheckpointError(f'the labels in {source} are not a list of names; write ["angry", "disgust", ...]')
    return document


def parsed_json(text: str, path: Path) -> Any:
    """JSON of a file that people write by hand; CheckpointError with the file's name if it is invalid."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise CheckpointError(f"{path} is not valid JSON ({error}); fix or remove it") from error
