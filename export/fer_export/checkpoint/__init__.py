"""Trained Keras networks that people have, with their labels and scaling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import on_demand

if TYPE_CHECKING:
    from .checkpoint import DEFAULT_MODEL, Checkpoint, labels_of, load
    from .copying import copied, copy_weights
    from .evidence import Candidate, Evidence, Finding, Origin
    from .scaling import SCALINGS, TOLD_APART_BY_GREY
    from .shipped import shipped_folder, shipped_shares

__all__ = [
    "Candidate",
    "Checkpoint",
    "DEFAULT_MODEL",
    "Evidence",
    "Finding",
    "Origin",
    "SCALINGS",
    "TOLD_APART_BY_GREY",
    "copied",
    "copy_weights",
    "labels_of",
    "load",
    "shipped_folder",
    "shipped_shares",
]

__getattr__ = on_demand(
    __name__,
    {
        "Candidate": "evidence",
        "Checkpoint": "checkpoint",
        "DEFAULT_MODEL": "checkpoint",
        "Evidence": "evidence",
        "Finding": "evidence",
        "Origin": "evidence",
        "SCALINGS": "scaling",
        "TOLD_APART_BY_GREY": "scaling",
        "copied": "copying",
        "copy_weights": "copying",
        "labels_of": "checkpoint",
        "load": "checkpoint",
        "shipped_folder": "shipped",
        "shipped_shares": "shipped",
    },
)
