"""The flags of a command, to be repeated in the commands that it says come next."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Flags:
    """Flags as they were given, each after a space, none that was left away.

    model: those that name the network; data: the data set; making: how files are made, judged and where they go.
    """

    model: str = ""
    data: str = ""
    making: str = ""


NONE = Flags()
