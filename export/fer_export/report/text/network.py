"""A network as text: labels and scaling with what speaks for them, and whether it is worth exporting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...checkpoint import SCALINGS
from ...harmless import harmless
from .next_commands import NONE, Flags

if TYPE_CHECKING:
    from ...checkpoint import Checkpoint
    from ...parity import Usefulness


def known_lines(checkpoint: Checkpoint, flags: Flags = NONE) -> str:
    """Labels and scaling, a line each, with where they come from; then what is left open.

    flags: those of the command itself, for the command that checks an assumption.
    """
    lines = [
        f"labels       {harmless(', '.join(checkpoint.labels))}  [{harmless(checkpoint.labels_source)}]",
        f"scaling      {checkpoint.scaling}: {SCALINGS[checkpoint.scaling].formula}  "
        f"[{harmless(checkpoint.scaling_source)}]",
    ]
    cautions = checkpoint.evidence.cautions if checkpoint.evidence else ()
    lines += [f"caution      {harmless(caution)}" for caution in cautions]
    if checkpoint.assumed and checkpoint.evidence is None:
        lines.append(
            f"assumed      {checkpoint.assumed}; check with: fer-export evaluate{flags.model} --data fer2013.csv"
        )
    return "\n".join(lines)


def worth_lines(usefulness: Usefulness | None) -> str:
    """FAILED where the network is not worth exporting, its cautions; empty where there is nothing to say."""
    if usefulness is None:
        return ""
    said = [f"FAILED  network: {harmless(failure)}" for failure in usefulness.failures]
    return "\n".join([*said, *(f"caution: {harmless(caution)}" for caution in usefulness.cautions)])
