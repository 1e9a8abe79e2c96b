"""How fast files run, measured side by side in processes of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import on_demand

if TYPE_CHECKING:
    from .results import Bench, Peak, Row
    from .worker import BOX, FRAME

__all__ = [
    "BOX",
    "Bench",
    "FRAME",
    "Peak",
    "Row",
]

__getattr__ = on_demand(
    __name__,
    {
        "BOX": "worker",
        "Bench": "results",
        "FRAME": "worker",
        "Peak": "results",
        "Row": "results",
    },
)
