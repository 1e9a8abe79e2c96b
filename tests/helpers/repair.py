"""A network with its int8 file and the judge of its files, to repair."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import keras

from fer_export.calibration import calibration_set
from fer_export.calibration.calibration_set import CalibrationSet
from fer_export.contract import variants
from fer_export.contract.variants import Gate
from fer_export.convert import convert
from fer_export.parity.figures import ParityFaces
from fer_export.parity.judge import Judge

from .networks import checkpoint_of, grey

INT8 = variants.find("tflite", "int8")
NEVER, ALWAYS = Gate(1.1, 0.0, 0.0), Gate(0.0, 100.0, 2.0)


def case(network: keras.Model, folder: Path) -> SimpleNamespace:
    """A network with its int8 file and the judge of its files; calibrating and judging faces are different."""
    checkpoint, images = checkpoint_of(network, folder), grey(96)
    calibrated = CalibrationSet(
        images[:32], {"source": "made faces", "count": 32, "faces": calibration_set.face_hashes(images[:32])}
    )
    jury = Judge.of(checkpoint, ParityFaces(images[32:], None, "made faces", ()))
    return SimpleNamespace(
        checkpoint=checkpoint,
        calibrated=calibrated,
        content=convert(checkpoint, INT8, calibration=calibrated),
        judge=lambda content, gate=INT8.gate: jury.judge(content, gate).parity,
        images=images[32:],
    )
