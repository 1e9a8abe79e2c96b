"""FER2013 in memory: reading, splits, copies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import on_demand

if TYPE_CHECKING:
    from .dataset import Dataset, Faces, report_split
    from .duplicates import Summary
    from .emotions import DEFAULT_LABELS, DEFAULT_LABELS_SOURCE, FER2013, FER_PLUS, LABEL_ORDERS, canonical
    from .pixels import as_input, batch_of, fit
    from .vote_rules import distribution
    from .votes import VoteSummary, with_votes

__all__ = [
    "DEFAULT_LABELS",
    "DEFAULT_LABELS_SOURCE",
    "Dataset",
    "FER2013",
    "FER_PLUS",
    "Faces",
    "LABEL_ORDERS",
    "Summary",
    "VoteSummary",
    "as_input",
    "batch_of",
    "canonical",
    "distribution",
    "fit",
    "report_split",
    "with_votes",
]

__getattr__ = on_demand(
    __name__,
    {
        "DEFAULT_LABELS": "emotions",
        "DEFAULT_LABELS_SOURCE": "emotions",
        "Dataset": "dataset",
        "FER2013": "emotions",
        "FER_PLUS": "emotions",
        "Faces": "dataset",
        "LABEL_ORDERS": "emotions",
        "Summary": "duplicates",
        "VoteSummary": "votes",
        "as_input": "pixels",
        "batch_of": "pixels",
        "canonical": "emotions",
        "distribution": "vote_rules",
        "fit": "pixels",
        "report_split": "dataset",
        "with_votes": "votes",
    },
)
