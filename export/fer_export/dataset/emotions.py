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

_ALPHABETICAL = tuple(sorted(FER2013))

LABEL_ORDERS: dict[int, dict[str, tuple[str, ...]]] = {
    6: {
        "the report's order": REPORT_6,
        "alphabetical": tuple(sorted(REPORT_6)),
        "FER2013's order without disgust": tuple(name for name in FER2013 if name != "disgust"),
        "FER2013's order without neutral": tuple(name for name in FER2013 if name != "neutral"),
    },
    7: {
        "FER2013's order": FER2013,
        "alphabetical": _ALPHABETICAL,
        "FER+'s order": tuple(name for name in FER_PLUS if name != "contempt"),
        "RAF-DB's order": ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral"),
        "AffectNet's order": ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry"),
    },
    8: {
        "FER+'s order": FER_PLUS,
        "alphabetical": tuple(sorted((*FER2013, "contempt"))),
        "FER2013's order, then contempt": (*FER2013, "contempt"),
        "AffectNet's order": ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry", "contempt"),
    },
}
"""Orders in which networks of so many outputs are known to be trained: by number of outputs and name."""

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
