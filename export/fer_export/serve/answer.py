"""What the service says of a photo."""

from __future__ import annotations

from typing import Any

from ..predict import Pipeline

REPORT_NAMES = {
    "angry": "Angry",
    "disgust": "Disgust",
    "fear": "Fear",
    "happy": "Joy",
    "sad": "Sadness",
    "surprise": "Surprise",
    "neutral": "Neutral",
}
"""The report's names of the emotions; others keep their own."""


def answer(pipeline: Pipeline, content: bytes, most_pixels: int) -> dict[str, Any]:
    """The faces in a photo's bytes, and the report's name of the largest one's emotion; None without a face.

    Raises PhotoError for what is not a photo, PhotoSizeError for one of more pixels.
    """
    from ..photo import read

    picture = read.decode(content, most_pixels)
    predictions = pipeline.predict(picture)
    largest = max(predictions, key=lambda each: each.face.box.area, default=None)
    return {
        "prediction": REPORT_NAMES.get(largest.emotion, largest.emotion) if largest else None,
        "faces": [each.to_dict() for each in predictions],
        "width": picture.shape[1],
        "height": picture.shape[0],
        "model": pipeline.model,
    }
