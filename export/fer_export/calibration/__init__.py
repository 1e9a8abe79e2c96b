"""The faces that set int8's ranges: real ones, or probe faces made from the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import on_demand

if TYPE_CHECKING:
    from .calibration_set import CalibrationSet
    from .probe_faces import ProbeFaces

__all__ = [
    "CalibrationSet",
    "ProbeFaces",
]

__getattr__ = on_demand(
    __name__,
    {
        "CalibrationSet": "calibration_set",
        "ProbeFaces": "probe_faces",
    },
)
