"""A photo to a face: reading, detecting, cropping."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import on_demand

if TYPE_CHECKING:
    from .crop import REACH, Box, Square, area, face, square
    from .detector import Detector, detector_file
    from .frame import Frame, Staged
    from .merging import Face

__all__ = [
    "Box",
    "Detector",
    "Face",
    "Frame",
    "REACH",
    "Square",
    "Staged",
    "area",
    "detector_file",
    "face",
    "square",
]

__getattr__ = on_demand(
    __name__,
    {
        "Box": "crop",
        "Detector": "detector",
        "Face": "merging",
        "Frame": "frame",
        "REACH": "crop",
        "Square": "crop",
        "Staged": "frame",
        "area": "crop",
        "detector_file": "detector",
        "face": "crop",
        "square": "crop",
    },
)
