"""The interface of every converter, and what it may write beside a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..calibration import CalibrationSet
from ..checkpoint import Checkpoint
from ..contract import Variant
from ..network import Twin


class Converter(Protocol):
    """Makes the files of one network and one kind of input; what the precisions have in common is computed once."""

    def __init__(self, checkpoint: Checkpoint, input_kind: str = "gray", io: str | None = None) -> None:
        """Prepare to convert.

        checkpoint: the network.
        input_kind: `gray` [1, S, S, 1], `rgb` [1, S, S, 3] or `frame` [1, H, W, 3] and a box, whose crop is in the
            file.
        io: one type for input and output instead of uint8 in and float32 out; bytes as float32 are 0..255, as int8
            value - 128.

        Raises UsageError for a type that does not go with the format or the input.
        """

    def convert(
        self, variant: Variant, calibration: CalibrationSet | None = None, float_layers: Sequence[str] = ()
    ) -> bytes:
        """The file at a precision, with labels, contract and calibration record in it.

        calibration: the faces that set the ranges, needed by the integer precisions.
        float_layers: layers of an int8 file that stay float, by their Keras names.

        Raises ConversionError when the format or the precision has no such op, UsageError when the calibration set or
        the float layers do not go with the precision or the network.
        """
        ...


class Repairable(Converter, Protocol):
    """The converter of a format whose files `blame` looks into and `--repair` makes again."""

    def twin(self, variant: Variant, calibration: CalibrationSet | None = None) -> Twin:
        """The float network behind a file, layer by layer; use it before the next file is converted.

        Raises ConversionError for a network whose layers are not visible.
        """
        ...


@dataclass(frozen=True)
class Companions:
    """Files that are written beside an exported file, and what was measured for them."""

    files: Mapping[str, bytes]
    """By name."""

    facts: Mapping[str, Any]
    """JSON-safe."""

    lines: tuple[str, ...]
    """The same in words, for the printout."""
