"""What is done to a network before it is converted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import on_demand

if TYPE_CHECKING:
    from .batch_norms import StatisticsGap
    from .float_twin import INPUT, Step, Twin
    from .layer_names import Call, LayerNames, paths
    from .layers import is_graph
    from .prior import EQUAL, TRAINED, Prior, choose, expecting, meant_by, with_prior

__all__ = [
    "Call",
    "EQUAL",
    "INPUT",
    "LayerNames",
    "Prior",
    "StatisticsGap",
    "Step",
    "TRAINED",
    "Twin",
    "choose",
    "expecting",
    "is_graph",
    "meant_by",
    "paths",
    "with_prior",
]

__getattr__ = on_demand(
    __name__,
    {
        "Call": "layer_names",
        "EQUAL": "prior",
        "INPUT": "float_twin",
        "LayerNames": "layer_names",
        "Prior": "prior",
        "StatisticsGap": "batch_norms",
        "Step": "float_twin",
        "TRAINED": "prior",
        "Twin": "float_twin",
        "choose": "prior",
        "expecting": "prior",
        "is_graph": "layers",
        "meant_by": "prior",
        "paths": "layer_names",
        "with_prior": "prior",
    },
)
