"""A photo or a video to faces to emotions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import on_demand

if TYPE_CHECKING:
    from .many import PhotoJob, is_video, photo_paths, predict_many
    from .pipeline import Pipeline
    from .results import PhotoResult, PhotoResults, Prediction
    from .source import PipelineSource
    from .video import VideoJob, VideoResult, predict_video

__all__ = [
    "PhotoJob",
    "PhotoResult",
    "PhotoResults",
    "Pipeline",
    "PipelineSource",
    "Prediction",
    "VideoJob",
    "VideoResult",
    "is_video",
    "photo_paths",
    "predict_many",
    "predict_video",
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
        "VideoJob": "video",
        "VideoResult": "video",
        "is_video": "many",
        "photo_paths": "many",
        "predict_many": "many",
        "predict_video": "video",
    },
)
