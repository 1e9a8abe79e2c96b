"""Latency of exported files that can be trusted: all in one interleaved run, each in a process of its own.

Every file in every runtime is loaded by a fresh process that does nothing else, one after the other, which gives load
time, first inference and peak memory. Then all are warmed up, and in every round each of them runs one block of
inferences, in a newly shuffled order: whatever the machine does meanwhile, it does to all. Only one process works at a
time. A large matrix product in the same runtime takes part like a file: what the machine can reach. One inference is
what an app does: set the input, run, read the output.
"""

from __future__ import annotations

import contextlib
import math
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ..contract import formats
from ..errors import UsageError
from ..system import OnStep, machine, silent
from . import explain, matmul
from . import plan as bench_plan
from .plan import ARITHMETIC, Entrant, File
from .process import Process
from .results import Bench, Peak, Row

ROUNDS = 20
BLOCK_SECONDS = 0.03
WARM_UP_SECONDS = 0.2

FEWEST_ROUNDS = 6
"""Fewest rounds from which the interval of a median can be told: the smallest and the largest of six hold it with a
chance of 97 %."""


@dataclass(frozen=True)
class Timing:
    """How files are timed."""

    rounds: int = ROUNDS
    """How often every file gets its turn."""

    warm_up_seconds: float = WARM_UP_SECONDS
    """How long every file runs before it is timed."""

    seed: int = 1
    """Seed of the order in which the blocks run."""

    within: float | None = None
    """Share of a median, such as .02: once the 95 % interval of every file's median lies within it on both sides, no
    further round follows. None for all rounds."""


@dataclass
class Record:
    """Latencies of an entrant, one block per round."""

    process: Process
    """The process that runs it."""

    block: int = 1
    """Inferences per block."""

    blocks: list[Sequence[int]] = field(default_factory=list)
    """Nanoseconds, block by block."""

    off_cpu_ns: float = 0.0
    """Nanoseconds in which the process did not compute."""

    def warm_up(self, seconds: float) -> None:
        """Run for at least that long, and choose blocks of about BLOCK_SECONDS."""
        latencies = [*self.process.time(1).ns]
        while (left := 1e9 * seconds - sum(latencies)) > 0:
            # Twice as many as before, but no more than are missing.
            latencies.extend(self.process.time(min(len(latencies), 1 + int(left / latencies[-1]))).ns)
        self.block = max(1, round(1e9 * BLOCK_SECONDS / float(np.median(latencies))))

    def run_block(self) -> None:
        timed = self.process.time(self.block)
        self.blocks.append(timed.ns)
        self.off_cpu_ns += timed.off_cpu * sum(timed.ns)

    @property
    def ns(self) -> list[int]:
        return [latency for block in self.blocks for latency in block]

    @property
    def median_within(self) -> float:
        """How far the 95 % interval of the median over the rounds goes to either side, as a share of the median."""
        medians = np.sort([float(np.median(block)) for block in self.blocks])
        count = len(medians)
        beyond = max(0, int(count / 2 - 0.98 * math.sqrt(count)))
        low, high = medians[beyond], medians[count - 1 - beyond]
        middle = float(np.median(medians))
        return float(max(high - middle, middle - low) / middle)

    @property
    def off_cpu_percent(self) -> float:
        return round(100 * self.off_cpu_ns / sum(self.ns), 1)

    @property
    def halves_differ_percent(self) -> float:
        even, odd = (float(np.median(np.concatenate(self.blocks[start::2]))) for start in (0, 1))
        return round(100 * abs(even - odd) / min(even, odd), 1)


def bench(
    paths: Sequence[Path],
    *,
    runtimes: Sequence[str] | None = None,
    threads: Sequence[int] = (1,),
    timing: Timing = Timing(),
    on_step: OnStep = silent,
) -> Bench:
    """Time .tflite, .onnx and .keras files side by side; about 0.8 s per file and number of threads, plus start-up.

    paths: the files.
    runtimes: words of contract.formats, such as `litert`; a format that none of them runs uses its default.
    threads: numbers of threads; each is a row of its own.
    timing: how often, how long and in which order they run.
    on_step: called with the task, the steps done and the number of steps.

    Raises UsageError for a runtime that is unknown, not installed or runs none of the files, for threads below 1 and
    fewer than 2 rounds; ExportFileError for a file that cannot be read or run.
    """
    started = time.perf_counter()
    _check(paths, threads, timing.rounds)
    entrants = bench_plan.entrants(paths, runtimes, threads)
    pythons = {entrant.runtime: _python(entrant.runtime) for entrant in entrants}
    found = machine.describe()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        entrants += bench_plan.matrix_products(entrants, folder)
        records = []
        for i, entrant in enumerate(entrants):
            on_step("loading", i, len(entrants))
            process = Process(entrant.runtime, entrant.path, entrant.threads, python=pythons[entrant.runtime])
            records.append(Record(stack.enter_context(process)))
        rounds = measure(records, timing, on_step)
        within = max(record.median_within for record in records)
        rows = [_row(e, e.file, record) for e, record in zip(entrants, records, strict=True) if e.file]
        peaks = tuple(_peak(e, record) for e, record in zip(entrants, records, strict=True) if not e.file)
    rows = [_compared(row, rows, peaks) for row in rows]
    return Bench(
        rows=tuple(rows),
        peaks=peaks,
        machine=found,
        slower=explain.slower(rows, found),
        cautions=explain.cautions(rows, found),
        method={
            "rounds": rounds,
            "median_within_percent": round(float(100 * within), 1),
            "block_s": BLOCK_SECONDS,
            "warm_up_s": timing.warm_up_seconds,
            "seed": timing.seed,
        },
        seconds=round(time.perf_counter() - started, 1),
    )


def _check(paths: Sequence[Path], threads: Sequence[int], rounds: int) -> None:
    if not paths:
        raise UsageError("no file to time; name .tflite or .onnx files")
    if not threads or min(threads) < 1:
        raise UsageError(f"`threads={','.join(map(str, threads))}`: use numbers of 1 and more, as in `threads=1,2`")
    if rounds < 2:
        raise UsageError(f"{rounds} round is not enough; use 2 or more")


def _python(runtime: str) -> Path:
    row = formats.runtimes()[runtime]
    return Path(formats.loaded(row.interpreter)()) if row.interpreter else Path(sys.executable)


def measure(records: Sequence[Record], timing: Timing, on_step: OnStep) -> int:
    """Warm up and time all; how many rounds were needed."""
    for i, record in enumerate(records):
        on_step("warming up", i, len(records))
        record.warm_up(timing.warm_up_seconds)
    order, within = np.random.default_rng(timing.seed), timing.within
    for i in range(timing.rounds):
        on_step("timing", i, timing.rounds)
        for position in order.permutation(len(records)):
            records[position].run_block()
        if i + 1 >= FEWEST_ROUNDS and within and max(record.median_within for record in records) <= within:
            break
    on_step("timing", timing.rounds, timing.rounds)
    return i + 1


def _row(entrant: Entrant, file: File, record: Record) -> Row:
    process, graph = record.process, file.graph
    p5, p50, p95 = (round(float(value) / 1e6, 5) for value in np.percentile(record.ns, (5, 50, 95)))
    macs = graph.macs if graph else None
    peak_mb = process.peak_mb()
    return Row(
        path=str(file.path),
        model=file.model,
        precision=file.precision,
        format=file.format,
        input_shape=graph.inputs[0].shape if graph and graph.inputs else (),
        runtime=entrant.runtime,
        runtime_version=process.version,
        python=process.python,
        kernels=process.kernels(),
        threads=entrant.threads,
        file_bytes=graph.file_bytes if graph else file.path.stat().st_size,
        macs=macs,
        parameters=graph.parameters if graph else process.parameters,
        import_s=round(process.import_s, 3),
        load_ms=round(process.load_ms, 3),
        first_ms=round(process.first_ms, 4),
        p5_ms=p5,
        p50_ms=p50,
        p95_ms=p95,
        inferences=len(record.ns),
        imported_rss_mb=round(process.imported_mb, 1),
        peak_rss_mb=round(peak_mb, 1),
        gmac_per_s=round(macs / p50 / 1e6, 2) if macs else None,
        off_cpu_percent=record.off_cpu_percent if entrant.threads == 1 and entrant.runtime != "keras" else None,
        halves_differ_percent=record.halves_differ_percent,
        mirror=file.mirror,
    )


def _peak(entrant: Entrant, record: Record) -> Peak:
    p50 = round(float(np.median(record.ns)) / 1e6, 5)
    return Peak(
        runtime=entrant.runtime,
        runtime_version=record.process.version,
        threads=entrant.threads,
        arithmetic=entrant.arithmetic,
        shape=(matmul.ROWS, matmul.DEPTH, matmul.COLUMNS),
        macs=matmul.MACS,
        p50_ms=p50,
        gmac_per_s=round(matmul.MACS / p50 / 1e6, 1),
        kernels=record.process.kernels(),
    )


def _compared(row: Row, rows: Sequence[Row], peaks: Sequence[Peak]) -> Row:
    """The row beside its float twin and the matrix product."""
    twin = explain.float_twin(row, rows)
    wanted = (row.runtime, row.threads, ARITHMETIC[row.precision])
    peak = next((peak for peak in peaks if (peak.runtime, peak.threads, peak.arithmetic) == wanted), None)
    row = replace(row, float_ratio=round(row.p50_ms / twin.p50_ms, 3) if twin else None)
    if peak is None or row.gmac_per_s is None:
        return row
    share = round(100 * row.gmac_per_s / peak.gmac_per_s, 1)
    return replace(row, peak_arithmetic=peak.arithmetic, share_of_peak_percent=share)
