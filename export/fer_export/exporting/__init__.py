"""A network to verified files: export, comparison of all formats, blame, repair."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import on_demand

if TYPE_CHECKING:
    from .blame import Blame
    from .compare_formats import Choice, Comparison
    from .exported import Export, ExportedFile, Options
    from .layer_errors import LayerError
    from .repair import Repair, Try

__all__ = [
    "Blame",
    "Choice",
    "Comparison",
    "Export",
    "ExportedFile",
    "LayerError",
    "Options",
    "Repair",
    "Try",
]

__getattr__ = on_demand(
    __name__,
    {
        "Blame": "blame",
        "Choice": "compare_formats",
        "Comparison": "compare_formats",
        "Export": "exported",
        "ExportedFile": "exported",
        "LayerError": "layer_errors",
        "Options": "exported",
        "Repair": "repair",
        "Try": "repair",
    },
)
