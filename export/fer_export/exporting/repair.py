"""Repair of an int8 file that fails its gate: the layers with the largest errors stay in float, as few as possible.

Blame ranks the layers; the first is kept in float, then the first two, and so on, and every file is judged as the
failed one was, until one passes. Where a layer's output is what int8 cannot hold, the layers that read it stay in
float as well: between a float layer and an int8 one its output would be put on the same coarse grid again.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..calibration import CalibrationSet
from ..checkpoint import Checkpoint
from ..errors import ConversionError, ExportFileError, UsageError
from ..model_file import SHAPE_OPS
from ..model_file import inspect as modelfile
from ..parity import Parity
from ..runtimes.op_by_op import open_activations
from ..system import OnStep, silent
from . import blame
from .blame import Blame


@dataclass(frozen=True)
class Limits:
    """How long files are tried."""

    tries: int = 8
    """Largest number of tries."""

    seconds: float = 30.0
    """No try begins that would probably end later; one is always made. See `Stopwatch`."""


class Stopwatch:
    """Seconds since it was made, without those in which other programs kept this one from computing.

    What is tried must not hang on what else the machine does. Where this program itself waits, as for a process of its
    own, at least a third of the time counts.
    """

    def __init__(self) -> None:
        self._began = time.perf_counter(), time.process_time()

    @property
    def seconds(self) -> float:
        passed, computed = time.perf_counter() - self._began[0], time.process_time() - self._began[1]
        return min(passed, max(computed, passed / 3))


@dataclass(frozen=True)
class Try:
    """One file that was tried."""

    culprit: str
    """The layer that it keeps in float beyond the try before."""

    float_layers: tuple[str, ...]
    """All layers that it keeps in float."""

    float_ops: tuple[str, ...]
    """Ops that compute in float and did not in the failed file."""

    bytes: int
    """The file's size; 0 where the converter refused to keep these layers in float."""

    min_runtime_version: str | None
    """The oldest TFLite that runs it."""

    parity: Parity | None
    """None where the runtime or the converter refused the file."""

    refused: str = ""
    """Why it was refused; empty where it was not."""

    @property
    def passed(self) -> bool:
        return self.parity is not None and self.parity.passed

    def to_dict(self) -> dict[str, Any]:
        return {
            "culprit": self.culprit,
            "float_layers": list(self.float_layers),
            "float_ops": list(self.float_ops),
            "bytes": self.bytes,
            "min_runtime_version": self.min_runtime_version,
            "passed": self.passed,
            "parity": self.parity.to_dict() if self.parity else None,
            "refused": self.refused,
        }


@dataclass(frozen=True)
class Repair:
    """Every try in order, the last the one that passed if any did."""

    blame: Blame
    """The ranking that the tries follow."""

    tries: tuple[Try, ...]
    """Every try in order."""

    content: bytes | None
    """The file that passed; None if none did."""

    bytes: int
    """Size of the file that failed."""

    @property
    def passed(self) -> bool:
        return self.content is not None

    def to_dict(self) -> dict[str, Any]:
        return {
            "passed": self.passed,
            "bytes": self.bytes,
            "blame": self.blame.to_dict(),
            "tries": [each.to_dict() for each in self.tries],
        }


def repair(
    content: bytes,
    checkpoint: Checkpoint,
    calibrated: CalibrationSet,
    judge: Callable[[bytes], Parity],
    *,
    limits: Limits = Limits(),
    on_step: OnStep = silent,
) -> Repair:
    """Keep the worst layers of an int8 file in float until it passes, or the limits are reached.

    content: the file that failed.
    checkpoint: the network that it was made from.
    calibrated: the calibration set that it was converted with.
    judge: the parity of a file; it may raise ExportFileError for a file that the runtime refuses.
    limits: of tries and seconds.
    on_step: called with the task, the steps done and the number of steps.

    Raises UsageError for another precision, ConversionError when the network's layers are not visible.
    """
    precision = (modelfile.read(content).contract or {}).get("precision")
    if precision != "int8":
        raise UsageError(f"only int8 files can be repaired, not {precision}; use `precision='int8'`")
    watch = Stopwatch()
    blamed = blame.measure(content, checkpoint, calibrated, calibrated, on_step)
    tries: list[Try] = []
    ranked = watch.seconds
    kept: tuple[str, ...] = ()
    for error in blamed.layers:
        wanted = tuple(dict.fromkeys((*kept, *error.cure)))
        if wanted == kept or error.effect == 0:
            continue
        now = watch.seconds
        if len(tries) == limits.tries or (tries and now + (now - ranked) / len(tries) > limits.seconds):
            break
        kept = wanted
        on_step(f"keeping {', '.join(kept)} in float", len(tries), limits.tries)
        try:
            made = blame.convert_as(content, checkpoint, calibrated, kept)
        except ConversionError as refusal:
            # More layers in float may be what it takes.
            tries.append(Try(error.layer, kept, (), 0, None, None, str(refusal)))
            continue
        tries.append(_tried(error.layer, kept, content, made, judge))
        if tries[-1].passed:
            return Repair(blamed, tuple(tries), made, len(content))
    return Repair(blamed, tuple(tries), None, len(content))


def _tried(
    culprit: str, float_layers: tuple[str, ...], failed: bytes, made: bytes, judge: Callable[[bytes], Parity]
) -> Try:
    runtime = modelfile.inspect(made).min_runtime_version
    parity, refused = None, ""
    try:
        parity = judge(made)
    except ExportFileError as error:
        refused = str(error)
    return Try(culprit, float_layers, _new_floats(failed, made), len(made), runtime, parity, refused)


def _new_floats(before: bytes, after: bytes) -> tuple[str, ...]:
    """The ops that compute in float in a file and did not in another, in order of execution."""
    known = Counter(_float_ops(before))
    found = []
    for name in _float_ops(after):
        if known[name]:
            known[name] -= 1
        else:
            found.append(name)
    return tuple(found)


def _float_ops(content: bytes) -> list[str]:
    ops = open_activations(content).ops
    return [op.name for op in ops if op.dtype == "float32" and op.name.upper() not in SHAPE_OPS]
