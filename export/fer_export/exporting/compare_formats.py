"""Every variant of a network in one run: files, parity, latency, and which to ship. What `fer-export all` does."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..checkpoint import Checkpoint
from ..contract import PRECISION_NAMES, formats, variants
from ..dataset import Dataset
from ..errors import ConversionError
from ..latency import Bench, Row
from ..latency import run as benchmark
from ..parity import SIGNIFICANT, Evaluation, evaluation
from ..system import OnStep, Readable, keras_backend, silent
from . import export as exporting
from .exported import Export, ExportedFile, Options

SAME_SIZE = 1.1
"""File sizes within this ratio count as equal."""

SAME_SPEED = 1.25
"""Latencies within this ratio count as equal: a phone's order may differ from this machine's by more."""


LATENCY_WITHIN = 0.03
"""Share of a median latency to which it is told; a round more follows until it is, up to bench's usual number."""


@dataclass(frozen=True)
class Choice:
    """The file to ship in one format, and why."""

    format: str
    """Key of contract.formats."""

    file: Path | None
    """None where no file passed its gate."""

    reason: str
    """Why, in words."""

    def to_dict(self) -> dict[str, Any]:
        return {"format": self.format, "file": str(self.file) if self.file else None, "reason": self.reason}


@dataclass(frozen=True)
class Comparison(Readable):
    """Every variant of a network, compared."""

    export: Export
    """Every file with its parity."""

    bench: Bench
    """Their latency."""

    keras: Evaluation | None
    """The network itself on the judging faces; None without true labels."""

    choices: tuple[Choice, ...]
    """One per format."""

    seconds: float
    """Wall time."""

    @property
    def passed(self) -> bool:
        return self.export.passed

    def latency(self, file: ExportedFile) -> Row:
        """The latency row of a file in its format's own runtime, at the fewest threads."""
        return next(row for row in own_rows(self.bench) if row.path == str(file.path))

    def to_dict(self) -> dict[str, Any]:
        return {
            **self.export.to_dict(),
            "bench": self.bench.to_dict(),
            "keras": self.keras.to_dict() if self.keras else None,
            "choices": [choice.to_dict() for choice in self.choices],
            "environment": keras_backend.environment(),
            "seconds": self.seconds,
        }


def compare(
    checkpoint: Checkpoint,
    output: Path,
    *,
    data: Dataset | None = None,
    options: Options | None = None,
    threads: Sequence[int] = (1,),
    on_step: OnStep = silent,
) -> Comparison:
    """Export every variant into `output`, judge each against Keras, time all in one run, and choose.

    checkpoint: the network.
    output: the folder to write into.
    data: as for exporting.export.
    options: as for exporting.export.
    threads: numbers of threads to time with.
    on_step: called with the task, the steps done and the number of steps.

    A variant that the network does not allow is named in export.refused. Raises what exporting.export and latency.bench
    raise.
    """
    started = time.perf_counter()
    exported = exporting.export_variants(
        checkpoint, variants.compared(), output, data=data, options=options, on_step=on_step
    )
    if not exported.files:
        raise ConversionError("; ".join(f"{refused.variant.label}: {refused.reason}" for refused in exported.refused))
    bench = benchmark.bench(
        [file.path for file in exported.files],
        runtimes=_runtimes(exported),
        threads=threads,
        timing=benchmark.Timing(within=LATENCY_WITHIN),
        on_step=on_step,
    )
    faces = exported.judge.faces
    keras = None
    if faces.targets is not None and data is not None:
        keras = evaluation.figures(
            exported.judge.reference,
            faces.targets,
            checkpoint.labels,
            model=checkpoint.name,
            data=data.source.name,
            split=exported.options.split,
        )
    choices = tuple(choose(row.name, exported, bench) for row in formats.compared())
    return Comparison(exported, bench, keras, choices, round(time.perf_counter() - started, 1))


def _runtimes(exported: Export) -> tuple[str, ...]:
    """The own runtime of each format that was written, and the optional ones that are installed."""
    found = dict[str, None]()
    for row in (formats.FORMATS[name] for name in {file.variant.format: None for file in exported.files}):
        found[row.runtimes[0].name] = None
        for runtime in row.runtimes[1:]:
            if runtime.name not in found and runtime.installed and formats.loaded(runtime.installed)():
                found[runtime.name] = None
    return tuple(found)


def own_rows(bench: Bench) -> list[Row]:
    """The rows without those of optional runtimes."""
    return [row for row in bench.rows if not formats.runtimes()[row.runtime].installed]


def choose(file_format: str, exported: Export, bench: Bench) -> Choice:
    """The fastest of the files that passed; among equally fast files the smallest, then the one closest to Keras."""
    if not exported.network_passed:
        return Choice(file_format, None, "the network itself is not worth shipping")
    files = [file for file in exported.files if file.variant.format == file_format]
    passed = [file for file in files if file.passed]
    if not passed:
        title = formats.FORMATS[file_format].title
        return Choice(file_format, None, f"no {title} file passed its gate")
    p50 = {row.path: row.p50_ms for row in reversed(own_rows(bench))}
    quickest = min(p50[str(file.path)] for file in passed)
    fast = [file for file in passed if p50[str(file.path)] <= SAME_SPEED * quickest]
    smallest = min(file.bytes for file in fast)
    small = [file for file in fast if file.bytes <= SAME_SIZE * smallest]
    best = max(small, key=lambda file: (file.parity.agreement.value, -file.bytes))
    return Choice(file_format, best.path, _reason(best, files, fast, p50))


def _reason(
    best: ExportedFile, files: Sequence[ExportedFile], fast: Sequence[ExportedFile], p50: dict[str, float]
) -> str:
    judged = best.parity
    said = [f"answers as Keras on {judged.agreement.value:.2%} of {judged.faces:,} faces"]
    if judged.drop is not None and judged.mcnemar_p is not None:
        chance = "no more than chance gives" if judged.mcnemar_p >= SIGNIFICANT else "more than chance gives"
        said.append(f"accuracy {-judged.drop:+.2f} points ({chance}, p = {judged.mcnemar_p:.2g})")
    float_file = next((file for file in files if file.variant.precision == "none"), None)
    if float_file is not None and float_file is not best:
        speed = _speed(p50[str(float_file.path)] / p50[str(best.path)])
        said.append(f"{float_file.bytes / best.bytes:.1f} times smaller and {speed} the fp32 file")
    others = [PRECISION_NAMES[file.variant.precision] for file in fast if file is not best]
    if others:
        said.append(f"{' and '.join(others)} would be about as fast, but larger or further from Keras")
    return "; ".join(said)


def _speed(ratio: float) -> str:
    """Words in front of "the fp32 file"; ratio: its p50 over the chosen file's."""
    if f"{ratio:.1f}" == "1.0":
        return "about as fast here as"
    return f"{ratio:.1f} times as fast here as" if ratio > 1 else f"{1 / ratio:.1f} times slower here than"
