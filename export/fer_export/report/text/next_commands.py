"""The flags of a command, to be repeated in the next commands that it prints."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

MODEL = ("model", "weights", "labels", "scaling", "trust")
MAKING = (
    *("split", "seed", "calibration_faces", "input", "io", "mirror", "strict_int8", "all_faces"),
    *("min_agreement", "max_drop", "output", "android", "web"),
)


@dataclass(frozen=True)
class Flags:
    """Flags that the user passed, each after a space."""

    model: str = ""
    """Those that name the network."""

    data: str = ""
    """The data set."""

    making: str = ""
    """How files are made and judged, and where they are written."""


NONE = Flags()


def given(options: argparse.Namespace) -> Flags:
    """The flags of the command line that differ from their defaults (options.default)."""
    return Flags(_words(options, MODEL), _words(options, ("data",)), _words(options, MAKING))


def _words(options: argparse.Namespace, names: Sequence[str]) -> str:
    words = []
    for name in names:
        value = getattr(options, name, None)
        if value is not None and value != options.default(name):
            words.append(f" --{name.replace('_', '-')}" + ("" if value is True else f" {shlex.quote(str(value))}"))
    return "".join(words)
