"""What an export is asked for, and what it gives: files with everything that was measured of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..calibration import CalibrationSet, calibration_set
from ..checkpoint import Checkpoint
from ..contract import Gate, Variant
from ..convert import Companions
from ..model_file import GraphSummary
from ..parity import Judge, KernelParity, Parity
from ..parity import judge as judging
from ..system import Readable
from . import float_ops
from .repair import Repair


@dataclass(frozen=True)
class Options:
    """How to export."""

    input_kind: str = "gray"
    """One of INPUT_KINDS."""

    io: str | None = None
    """One type for input and output; None for uint8 in and float32 out."""

    split: str = "PublicTest"
    """The split whose faces judge."""

    calibration_count: int = calibration_set.COUNT
    """How many Training faces calibrate."""

    seed: int = calibration_set.SEED
    """Seed of the choice of calibration faces."""

    min_agreement: float | None = None
    """Least agreement, 0..1; None for the precision's own limit."""

    max_drop: float | None = None
    """Largest drop of accuracy in points; None for the precision's own limit."""

    repair: bool = True
    """Whether an int8 file that fails is exported again with separable convolutions whole, else with its worst layers
    in float, where its layers are visible. Files that crop whole pictures are never repaired."""

    all_faces: bool = False
    """Whether every face judges a slow file (int16x8), too; else as many do as decide about its gate."""

    strict_int8: bool = False
    """Whether an int8 file with a layer in float is refused, as processors without floats need it."""

    def gate(self, variant: Variant, *, probed: bool) -> Gate:
        """The variant's gate with the limits asked for; probed: as for `Variant.gate_for`."""
        return judging.adjusted(variant.gate_for(probed=probed), self.min_agreement, self.max_drop)


@dataclass(frozen=True)
class ExportedFile:
    """One written file with what was measured of it."""

    path: Path
    """Where it was written."""

    variant: Variant
    """Format and precision."""

    bytes: int
    """File size."""

    sha256: str
    """SHA-256 of the file."""

    graph: GraphSummary
    """Its tensors and ops."""

    parity: Parity
    """Its figures against Keras."""

    probabilities: NDArray[np.float32]
    """Float32 [N, K] on the faces that judged it, in the network's label order (not part of to_dict)."""

    repair: Repair | None
    """What was tried where the plain file failed and could be repaired; else None."""

    float_ops: Mapping[str, int]
    """Layers that have no int8 kernel, with the number of their ops in float; empty for other precisions."""

    seconds: float
    """Wall time."""

    kernels: KernelParity | None = None
    """Its answers on other kernels; None for a format that is not compared so."""

    companions: Companions | None = None
    """What was written beside it; None where nothing was."""

    runtime: str = ""
    """The runtime that judged it, such as `litert 2.3.0`."""

    positions: NDArray[np.int64] | None = None
    """Positions [N] of the faces that judged it, ascending; None where all of them did (not part of to_dict)."""

    @property
    def said_of_floats(self) -> str:
        """`int8 but for layer_normalization (3 ops)`; empty where nothing is in float."""
        return float_ops.in_words(self.float_ops, self.variant.precision) if self.float_ops else ""

    @property
    def passed(self) -> bool:
        """Whether it is within its gates."""
        return self.parity.passed and (self.kernels is None or self.kernels.passed)

    def to_dict(self) -> dict[str, Any]:
        optional = {
            "kernels": self.kernels.to_dict() if self.kernels else None,
            "companions": {"files": sorted(self.companions.files), **self.companions.facts}
            if self.companions
            else None,
        }
        return {
            "path": str(self.path),
            "format": self.variant.format,
            "precision": self.variant.precision,
            "bytes": self.bytes,
            "sha256": self.sha256,
            "seconds": self.seconds,
            "graph": self.graph.to_dict(),
            "runtime": self.runtime,
            "parity": self.parity.to_dict(),
            "repair": self.repair.to_dict() if self.repair else None,
            "float_ops": dict(self.float_ops),
            **{name: value for name, value in optional.items() if value},
        }


@dataclass(frozen=True)
class Refused:
    """A variant that the network does not allow, and why."""

    variant: Variant
    """Format and precision."""

    reason: str
    """Why, in words."""


@dataclass(frozen=True)
class Export(Readable):
    """The result of one command: every file, and the faces that calibrated and judged them."""

    checkpoint: Checkpoint
    """The network."""

    options: Options
    """How it was exported."""

    calibration: CalibrationSet | None
    """The calibration set; None where no file needs one."""

    judge: Judge
    """The judging faces and Keras's answers."""

    files: tuple[ExportedFile, ...]
    """Every file that was written."""

    refused: tuple[Refused, ...]
    """Variants that could not be made."""

    seconds: float
    """Wall time."""

    @property
    def passed(self) -> bool:
        """Whether every file was made and is within its gate, and the network worth exporting."""
        return not self.refused and self.network_passed and all(file.passed for file in self.files)

    @property
    def network_passed(self) -> bool:
        """Whether the network itself is worth exporting, as far as the judging faces tell."""
        return self.judge.usefulness is None or self.judge.usefulness.passed

    @property
    def path(self) -> Path:
        """Where the first file lies."""
        return self.files[0].path

    def to_dict(self) -> dict[str, Any]:
        return {
            "checkpoint": self.checkpoint.to_dict(),
            "network": self.judge.usefulness.to_dict() if self.judge.usefulness else None,
            "input": self.options.input_kind,
            "calibration": self.calibration.record if self.calibration else None,
            "files": [file.to_dict() for file in self.files],
            "refused": [{"variant": refused.variant.label, "reason": refused.reason} for refused in self.refused],
            "passed": self.passed,
            "seconds": self.seconds,
        }
