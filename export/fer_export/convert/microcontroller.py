"""Networks to C arrays for microcontrollers: the int8 TFLite file without metadata, as C++ source."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..calibration import CalibrationSet
from ..checkpoint import Checkpoint
from ..contract import PRECISION_NAMES, Variant
from ..model_file import microcontroller
from . import tflite


class Converter:
    """C arrays of one network and one kind of input; see convert.protocol.Converter."""

    def __init__(self, checkpoint: Checkpoint, input_kind: str = "gray", io: str | None = None) -> None:
        self._name, self._tflite = checkpoint.name, tflite.Converter(checkpoint, input_kind, io)

    def convert(
        self, variant: Variant, calibration: CalibrationSet | None = None, float_layers: Sequence[str] = ()
    ) -> bytes:
        """The C++ source file at a precision."""
        model, contract = self._tflite.bare(variant, calibration, float_layers)
        record = calibration.record if calibration and variant.integer else None
        return microcontroller.source(model, symbol(self._name, variant), contract, record)


def symbol(model: str, variant: Variant) -> str:
    """`fer_nano_7_int8`: a C name; letters that C does not know become underscores."""
    return "fer_" + re.sub(r"[^A-Za-z0-9]+", "_", f"{model}_{PRECISION_NAMES[variant.precision]}")
