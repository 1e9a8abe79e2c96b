"""Repair of an int8 file that fails its gate: first by whole convolutions, then by layers in float.

Where separable convolutions are among the layers with the largest errors, and the range between their halves causes
these, all of them are computed whole, in int8. Where that is not enough, the layers with the largest errors stay in
float, as few as possible.

Blame ranks the layers, but a softmax or sigmoid at the end comes first where it changes answers. One is kept in float,
then the first four, sixteen, and every file is judged as the failed one was, until one passes; then numbers between, as
long as there is time. Where a layer's output is what int8 cannot hold, the layers that read it stay in float as well:
between a float layer and an int8 one its output would be put on the same coarse grid again.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..calibration import CalibrationSet
from ..checkpoint import Checkpoint
from ..convert import Repairable
from ..errors import ConversionError, ExportFileError, UsageError
from ..model_file import SHAPE_OPS
from ..model_file import inspect as modelfile
from ..network import separable, with_whole
from ..parity import Parity
from ..runtimes.op_by_op import open_activations
from ..system import OnStep, silent
from . import blame
from .blame import Blame
from .layer_errors import LayerError

WORST = 2
"""Layers with the largest errors, of which one must be a separable convolution that a range spoils, for all of these to
be whole: that takes a range away, and no error of weights. Where no layer may stay in float, they are whole anyway."""

FASTER = 4
"""Factor from try to try: in half a minute, a file that passes comes before one with fewer layers in float."""

FREE = 0.005
"""Share of faces whose answer the softmax, or sigmoid, at the end changes by its steps of 1/256, from which it stays in
float first: it has no weights, so that the file is as small as before."""

PATIENCE = 1.5
"""Factor of the seconds as long as no file has passed: a late one that passes is worth more than none."""


@dataclass(frozen=True)
class Limits:
    """How long files are tried."""

    tries: int = 8
    """Largest number of tries."""

    seconds: float = 30.0
    """No try with layers in float begins that would probably end later than so long after the first began, times
    PATIENCE as long as none has passed; one is always made. See `Stopwatch`."""


class Stopwatch:
    """Seconds since it was made, without those in which other programs kept this one from computing.

    What is tried must not hang on what else the machine does. Processes of its own count once they have ended. Where
    this program only waits, at least a third of the time counts.
    """

    def __init__(self) -> None:
        self._began = time.perf_counter(), _computed()

    @property
    def seconds(self) -> float:
        passed, computed = time.perf_counter() - self._began[0], _computed() - self._began[1]
        return min(passed, max(computed, passed / 3))


def _computed() -> float:
    """Processor seconds of this program, and of its processes that have ended."""
    return sum(os.times()[:4])


@dataclass(frozen=True)
class Try:
    """One file that was tried."""

    culprit: str
    """The last of the worst layers that it keeps in float, by their rank."""

    float_layers: tuple[str, ...]
    """All layers that it keeps in float."""

    float_ops: tuple[str, ...]
    """Ops that compute in float and did not in the failed file."""

    whole_layers: tuple[str, ...]
    """Separable convolutions that it computes whole."""

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
            "whole_layers": list(self.whole_layers),
            "bytes": self.bytes,
            "min_runtime_version": self.min_runtime_version,
            "passed": self.passed,
            "parity": self.parity.to_dict() if self.parity else None,
            "refused": self.refused,
        }


@dataclass(frozen=True)
class Repair:
    """Every try in order, and the best file that passed."""

    blame: Blame
    """The ranking that the tries follow."""

    tries: tuple[Try, ...]
    """Every try in order."""

    content: bytes | None
    """The file that passed, with the fewest layers in float; None if none did."""

    bytes: int
    """Size of the file that failed."""

    @property
    def passed(self) -> bool:
        return self.content is not None

    @property
    def kept(self) -> Try | None:
        """The try whose file passed with the fewest layers in float; None if none did."""
        passed = [each for each in self.tries if each.passed]
        return passed[-1] if passed else None

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
    converter: Repairable | None = None,
    limits: Limits = Limits(),
    floats: bool = True,
    on_step: OnStep = silent,
) -> Repair:
    """Compute convolutions of an int8 file whole, or keep its worst layers in float, until it passes.

    content: the file that failed.
    checkpoint: the network that it was made from.
    calibrated: the calibration set that it was converted with.
    judge: the parity of a file; it may raise ExportFileError for a file that the runtime refuses.
    converter: what made the file; None for a new one.
    limits: of tries and seconds, at which it is given up.
    floats: whether layers may stay in float.
    on_step: called with the task, the steps done and the number of steps.

    Over six parameters: a file, what it was made of, and how to go on.

    Raises UsageError for another precision, ConversionError when the network's layers are not visible.
    """
    variant, _ = blame.described(content)
    if variant.precision != "int8":
        raise UsageError(f"only int8 files can be repaired, not {variant.precision}; use `precision='int8'`")
    watch = Stopwatch()
    maker = converter or blame.converter_of(content, checkpoint)
    blamed = blame.measure(content, checkpoint, calibrated, calibrated, on_step, converter=maker)
    tries: list[Try] = []
    passed: bytes | None = None
    if names := _whole(blamed, checkpoint) if floats else separable(checkpoint.network):
        on_step("computing separable convolutions whole", 0, limits.tries)
        try:
            made = blame.converter_of(content, with_whole(checkpoint, names)).convert(variant, calibrated)
        except ConversionError as refusal:
            tries.append(Try(names[-1], (), (), names, 0, None, None, str(refusal)))
        else:
            tries.append(_tried(names[-1], (), content, made, judge, names))
            if tries[-1].passed:
                return Repair(blamed, tuple(tries), made, len(content))
    choices, whole, ranked = (_choices(blamed) if floats else []), len(tries), watch.seconds
    low, high = 0, len(choices)  # so many are known to be too few, and enough
    while (count := _next_count(low, high, enough=passed is not None, of=len(choices))) is not None:
        now = watch.seconds
        made_so_far = len(tries) - whole
        seconds = limits.seconds * (PATIENCE if passed is None else 1.0)
        enough = made_so_far and now - ranked + (now - ranked) / made_so_far > seconds
        if len(tries) == limits.tries or enough:
            break
        culprit, kept = choices[count - 1]
        on_step(f"keeping {', '.join(kept)} in float", len(tries), limits.tries)
        try:
            made = maker.convert(variant, calibrated, kept)
        except ConversionError as refusal:
            # More layers in float may be what it takes.
            tries.append(Try(culprit, kept, (), (), 0, None, None, str(refusal)))
            low = count
            continue
        tries.append(_tried(culprit, kept, content, made, judge))
        if tries[-1].passed:
            passed, high = made, count
        else:
            low = count
    return Repair(blamed, tuple(tries), passed, len(content))


def _whole(blamed: Blame, checkpoint: Checkpoint) -> tuple[str, ...]:
    """The separable convolutions, where one of them errs among the most, by its range; else none."""
    possible = separable(checkpoint.network)
    erring = [error for error in blamed.layers if error.effect > 0][:WORST]
    by_range = {error.layer.rpartition("/")[2] for error in erring if error.by_range}
    return possible if by_range & set(possible) else ()


def _choices(blamed: Blame) -> list[tuple[str, tuple[str, ...]]]:
    """For each number of culprits, from 1 on: the last of them, and all layers that stay in float for them."""
    found: list[tuple[str, tuple[str, ...]]] = []
    kept: tuple[str, ...] = ()
    free = [error for error in blamed.layers if _gives_answers(error) and error.flips >= FREE]
    for error in (*free, *blamed.layers):
        wanted = tuple(dict.fromkeys((*kept, *error.cure)))
        if wanted != kept and error.effect > 0:
            kept = wanted
            found.append((error.layer, kept))
    return found


def _gives_answers(error: LayerError) -> bool:
    """Whether it is the last softmax, or the last sigmoid, which the exporter set apart from its dense layer."""
    return error.ops == ("SOFTMAX",) or (error.added and error.ops == ("LOGISTIC",))


def _next_count(low: int, high: int, *, enough: bool, of: int) -> int | None:
    """How many culprits to try next: 1, 4, 16 until a file passes, then between; None where nothing is left.

    low: so many were too few.
    high: so many were enough, where `enough` says that any was.
    of: the largest number.
    """
    if enough:
        return (low + high) // 2 if high - low > 1 else None
    return min(max(1, FASTER * low), of) if low < of else None


def _tried(
    culprit: str,
    float_layers: tuple[str, ...],
    failed: bytes,
    made: bytes,
    judge: Callable[[bytes], Parity],
    whole_layers: tuple[str, ...] = (),
) -> Try:
    runtime = modelfile.inspect(made).min_runtime_version
    parity, refused = None, ""
    try:
        parity = judge(made)
    except ExportFileError as error:
        refused = str(error)
    return Try(culprit, float_layers, _new_floats(failed, made), whole_layers, len(made), runtime, parity, refused)


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
