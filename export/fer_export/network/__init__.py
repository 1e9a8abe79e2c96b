"""What is done to a network before it is converted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import on_demand

if TYPE_CHECKING:
    from .activations import bounded_activations
    from .batch_norms import StatisticsGap
    from .float_twin import Twin
    from .layer_names import Call, LayerNames, paths
    from .layers import channel_norms, has_depthwise, is_channel_norm, is_graph, leaves, unrolled
    from .prepared import Prepared
    from .prior import EQUAL, TRAINED, Prior, choose, expecting, meant_by, with_prior
    from .ranges import best_range
    from .steps import INPUT, Step
    from .whole import separable, with_whole

__all__ = [
    "Call",
    "EQUAL",
    "INPUT",
    "LayerNames",
    "Prepared",
    "Prior",
    "StatisticsGap",
    "Step",
    "TRAINED",
    "Twin",
    "best_range",
    "bounded_activations",
    "channel_norms",
    "choose",
    "has_depthwise",
    "expecting",
    "is_channel_norm",
    "is_graph",
    "leaves",
    "meant_by",
    "paths",
    "separable",
    "unrolled",
    "with_prior",
    "with_whole",
]

__getattr__ = on_demand(
    __name__,
    {
        "Call": "layer_names",
        "EQUAL": "prior",
        "INPUT": "steps",
        "LayerNames": "layer_names",
        "Prepared": "prepared",
        "Prior": "prior",
        "StatisticsGap": "batch_norms",
        "Step": "steps",
        "TRAINED": "prior",
        "Twin": "float_twin",
        "best_range": "ranges",
        "bounded_activations": "activations",
        "channel_norms": "layers",
        "choose": "prior",
        "separable": "whole",
        "with_whole": "whole",
        "has_depthwise": "layers",
        "expecting": "prior",
        "is_channel_norm": "layers",
        "is_graph": "layers",
        "leaves": "layers",
        "meant_by": "prior",
        "paths": "layer_names",
        "unrolled": "layers",
        "with_prior": "prior",
    },
)
