"""Networks to files: one module per format, each with a Converter of the same signature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..calibration import CalibrationSet
from ..checkpoint import Checkpoint
from ..contract import Variant, formats
from .protocol import Companions, Converter, Repairable

__all__ = ["Companions", "Converter", "Repairable", "convert", "converter"]


def converter(file_format: str, checkpoint: Checkpoint, input_kind: str = "gray", io: str | None = None) -> Any:
    """The converter of a format, by its name in contract.formats; arguments and errors are those of Converter.

    A Repairable one where the format's files can be looked into op by op.
    """
    return formats.loaded(formats.FORMATS[file_format].converter)(checkpoint, input_kind, io)


def convert(
    checkpoint: Checkpoint,
    variant: Variant,
    *,
    input_kind: str = "gray",
    io: str | None = None,
    calibration: CalibrationSet | None = None,
    float_layers: Sequence[str] = (),
) -> bytes:
    """One file of a network; arguments and errors are those of Converter."""
    made: Converter = converter(variant.format, checkpoint, input_kind, io)
    return made.convert(variant, calibration, float_layers)
