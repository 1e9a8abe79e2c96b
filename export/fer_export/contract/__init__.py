"""What other rooms are read from: formats, variants, the tensors of a file, what an app does to a photo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import on_demand

if TYPE_CHECKING:
    from .documents import AGAIN, Range, converted
    from .formats import FORMATS, Format, RuntimeRow, exported, loaded
    from .photo import FIRST_COME, CropRule, DetectorRule, GreyRule, MergeRule, PhotoContract, contract_for
    from .tensors import Contract, FrameRule, describe
    from .variants import PRECISION_NAMES, VARIANTS, Gate, KernelGate, Variant, find, nearest

__all__ = [
    "AGAIN",
    "Contract",
    "CropRule",
    "DetectorRule",
    "FIRST_COME",
    "FORMATS",
    "Format",
    "FrameRule",
    "Gate",
    "GreyRule",
    "KernelGate",
    "MergeRule",
    "PRECISION_NAMES",
    "PhotoContract",
    "Range",
    "RuntimeRow",
    "VARIANTS",
    "Variant",
    "contract_for",
    "converted",
    "describe",
    "exported",
    "find",
    "loaded",
    "nearest",
]

__getattr__ = on_demand(
    __name__,
    {
        "AGAIN": "documents",
        "Contract": "tensors",
        "CropRule": "photo",
        "DetectorRule": "photo",
        "FIRST_COME": "photo",
        "FORMATS": "formats",
        "Format": "formats",
        "FrameRule": "tensors",
        "Gate": "variants",
        "GreyRule": "photo",
        "KernelGate": "variants",
        "MergeRule": "photo",
        "PRECISION_NAMES": "variants",
        "PhotoContract": "photo",
        "Range": "documents",
        "RuntimeRow": "formats",
        "VARIANTS": "variants",
        "Variant": "variants",
        "contract_for": "photo",
        "converted": "documents",
        "describe": "tensors",
        "exported": "formats",
        "find": "variants",
        "loaded": "formats",
        "nearest": "variants",
    },
)
