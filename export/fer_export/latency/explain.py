"""Why a quantised file is slower than the float one, and why figures may mislead: measured facts in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..contract import FORMATS, PRECISION_NAMES, loaded

if TYPE_CHECKING:
    from ..system import Machine
    from .results import Row

SLOWER = 1.1
"""From this ratio of medians a file counts as slower: two runs agree within 10 %."""

UNSTEADY = 1.5
"""Ratio of p95 to p50 from which latencies count as unsteady."""

BUSY = 0.2
"""Share of the cores that other programs may use before the start."""

LOADED = 0.7
"""Load average per core that counts as busy, where the system does not tell how many cores are at work."""

OFF_CPU_PERCENT = 5.0
DIFFERING_PERCENT = 10.0


def float_twin(row: Row, rows: Sequence[Row]) -> Row | None:
    """The row of the same network's exported float32 file in the same runtime, with the same input and threads."""

    def setting(other: Row) -> tuple[object, ...]:
        return other.model, other.mirror, other.input_shape, other.runtime, other.threads

    floats = (other for other in rows if other.precision == "none" and other.format != "keras")
    return next((other for other in floats if setting(other) == setting(row)), None)


def slower(rows: Sequence[Row], machine: Machine) -> tuple[str, ...]:
    """One sentence for every quantised file that is slower than its float twin: how much, and why."""
    found = []
    for row in rows:
        twin = float_twin(row, rows)
        if twin is None or row.precision == "none" or row.p50_ms < SLOWER * twin.p50_ms:
            continue
        found.append(
            f"{PRECISION_NAMES[row.precision]} of {row.model} takes {row.p50_ms / twin.p50_ms:.1f} times as long as "
            f"fp32 in {row.runtime} {row.runtime_version} ({_threads(row.threads)}): {_why(row, twin, machine)}"
        )
    return tuple(found)


def _why(row: Row, twin: Row, machine: Machine) -> str:
    explain = FORMATS[row.format].slower
    reason = loaded(explain)(row, twin, machine) if explain else "its runtime does not tell why"
    if machine.int8_instructions or row.precision == "fp16":
        return reason
    return f"{reason}; and this processor is not known to have an int8 dot-product instruction"


def why_tflite(row: Row, twin: Row, machine: Machine) -> str:
    """Why a TFLite file is slower, by the ops that a delegate took."""
    kernels, floats = row.kernels, twin.kernels
    delegate = floats.delegate or kernels.delegate
    left = sum(kernels.computing.values())
    if left <= sum(floats.computing.values()):
        return "its ops run in the same kernels as the float file's; converting between types costs more than it saves"
    reason = (
        f"{delegate} took {kernels.delegated} of its {kernels.total} ops" if delegate else "no delegate took its ops"
    )
    reason += f" ({floats.delegated} of the float file's {floats.total}); {_listed(kernels.computing)} ran in the "
    if row.precision == "int16x8":
        return f"{reason}runtime's built-in kernels, which are plain loops for int16 activations"
    if row.precision == "dynamic":
        return f"{reason}runtime's built-in kernels, which quantise the activations anew at every run"
    return f"{reason}runtime's built-in kernels" + ("" if machine.arm else ", whose int8 code is tuned for ARM")


def why_onnx(row: Row, twin: Row, machine: Machine) -> str:
    """Why an ONNX file is slower, by the ops that ran."""
    ran, floats = row.kernels.ops, twin.kernels.ops
    added = {name: count - floats.get(name, 0) for name, count in ran.items() if count > floats.get(name, 0)}
    if row.precision == "dynamic":
        cause = "the activations are quantised anew at every run, and integer results are rescaled by ops of their own"
    elif row.precision == "fp16":
        cause = "values are converted to float32 and back where the processor has no float16 kernels"
    else:
        cause = "not every op has an int8 kernel of its own"
    if not added:
        return "it runs the ops of the float file; their kernels for this type are slower here"
    return f"{cause}: {row.kernels.total} ops ran where the float file runs {twin.kernels.total}, {_listed(added)} more"


def cautions(rows: Sequence[Row], machine: Machine) -> tuple[str, ...]:
    """Why the figures may mislead: a busy machine, unsteady latencies, too many threads."""
    found = [_busy(rows, machine) or _unsteady(rows, machine), _differing(rows)]
    most = max(row.threads for row in rows)
    if most > machine.cores:
        found.append(f"{_threads(most)} take turns on {machine.cores} cores; fewer are faster")
    return tuple(caution for caution in found if caution)


def _busy(rows: Sequence[Row], machine: Machine) -> str:
    found, busy, load = [], machine.busy_cores, machine.load_average
    if busy is not None and busy > BUSY * machine.cores:
        found.append(f"{busy:.1f} of {machine.cores} cores were at work before the start")
    elif busy is None and load is not None and load > LOADED * machine.cores:
        found.append(f"load average {load:.1f} on {machine.cores} cores before the start")
    waited = [row.off_cpu_percent or 0.0 for row in rows]
    waiting = [share for share in waited if share > OFF_CPU_PERCENT]
    if waiting:
        found.append(
            f"other programs took the processor from {len(waiting)} of {len(rows)} rows "
            f"for up to {max(waiting):.0f} % of their time"
        )
    evidence = "; ".join(found)
    return f"do not trust these figures, the machine was busy: {evidence}. Stop them and run it again" if found else ""


def _unsteady(rows: Sequence[Row], machine: Machine) -> str:
    unsteady = [row for row in rows if row.p95_ms > UNSTEADY * row.p50_ms]
    if not unsteady:
        return ""
    worst = max(unsteady, key=lambda row: row.p95_ms / row.p50_ms)
    said = (
        f"{len(unsteady)} of {len(rows)} rows are unsteady, p95 up to {worst.p95_ms / worst.p50_ms:.1f} times p50 "
        f"({_named(worst)})"
    )
    if all(1 < row.threads >= machine.cores for row in unsteady):
        return f"{said}: {_threads(worst.threads)} on {machine.cores} cores leave the system none; 1 thread is steadier"
    return f"{said}: do not trust these figures before a run on a quiet machine repeats them"


def _differing(rows: Sequence[Row]) -> str:
    worst = max(rows, key=lambda row: row.halves_differ_percent)
    if worst.halves_differ_percent <= DIFFERING_PERCENT:
        return ""
    return (
        f"the medians of even and odd rounds differ by up to {worst.halves_differ_percent:.0f} % ({_named(worst)}): "
        "another run may differ as much"
    )


def _named(row: Row) -> str:
    return f"{row.model} {PRECISION_NAMES.get(row.precision, row.precision)} in {row.runtime}, {_threads(row.threads)}"


def _threads(count: int) -> str:
    return f"{count} thread{'s' if count > 1 else ''}"


def _listed(counts: dict[str, int], most: int = 4) -> str:
    """6 CONV_2D, 4 DEPTHWISE_CONV_2D and 3 others"""
    common = Counter(counts).most_common()
    shown = ", ".join(f"{count} {name}" for name, count in common[:most])
    rest = sum(count for _, count in common[most:])
    return f"{shown} and {rest} other{'s' if rest > 1 else ''}" if rest else shown
