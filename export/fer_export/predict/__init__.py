"""A photo to faces to emotions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import on_demand

if TYPE_CHECKING:
    from .many import PhotoJob, photo_paths, predict_many
    from .pipeline import Pipeline
    from .results import PhotoResult, PhotoResults, Prediction
    from .source import PipelineSource

__all__ = [
    "PhotoJob",
    "PhotoResult",
    "PhotoResults",
    "Pipeline",
    "PipelineSource",
    "Prediction",
    "photo_paths",
    "predict_many",
]

__getattr__ = on_demand(
    __name__,
    {
        "PhotoJob": "many",
        "PhotoResult": "results",
        "PhotoResults": "results",
        "Pipeline": "pipeline",
        "PipelineSource": "source",
        "Prediction": "results",
        "photo_paths": "many",
        "predict_many": "many",
    },
)
