"""Emotion names, their orders and their spellings.

FER2013 numbers its seven emotions 0-6; the report's six drop disgust and replace it by neutral; FER+ has eight in an
order of its own. Networks are compared by name, never by position.
"""

from __future__ import annotations

FER2013 = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
REPORT_6 = ("angry", "neutral", "fear", "happy", "sad", "surprise")
FER_PLUS = ("neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", "contempt")

DEFAULT_LABELS: dict[int, tuple[str, ...]] = {6: REPORT_6, 7: FER2013, 8: FER_PLUS}
"""The labels assumed where a network with 6, 7 or 8 outputs has none; the printout says so."""

DEFAULT_LABELS_SOURCE = {6: "the report's order", 7: "the FER2013 order", 8: "the FER+ order"}

_SPELLINGS = {
    "anger": "angry",
    "disgusted": "disgust",
    "afraid": "fear",
    "fearful": "fear",
    "scared": "fear",
    "happiness": "happy",
    "joy": "happy",
    "sadness": "sad",
    "surprised": "surprise",
}


def canonical(name: str) -> str:
    """Return the FER2013 spelling of an emotion's name ("Joy" -> "happy"); an unknown name is kept, in lower case."""
    plain = name.strip().lower()
    return _SPELLINGS.get(plain, plain)
