"""Latency as text: one table, how it was measured, and how to read it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...contract import FORMATS
from ...harmless import harmless
from ...latency import BOX, FRAME
from .table import megabytes, table

if TYPE_CHECKING:
    from ...latency import Bench, Peak, Row
    from ...system import Machine

LEGEND = (
    "p5, p50, p95: percentiles of one inference (set the input, run, read the output); first: the first, apart",
    "of fp32: p50 over that of the network's fp32 file in the same runtime and threads",
    "of peak: GMAC/s (thousand millions of MACs a second) against the matrix product's in the same run: float32 for "
    "fp32 and fp16, int8 for the others, as there is none of int16; a runtime's convolutions may exceed it",
    "memory: peak resident memory of a fresh process; ops: how many run, in a .tflite file how many of them delegated",
)

FRAMES = (
    f"files that take whole pictures were given one of {FRAME[2]}x{FRAME[1]} pixels with a face of {BOX[2] - BOX[0]}: "
    "the crop is part of their time"
)


def bench_text(result: Bench) -> str:
    """The printout of `fer-export bench`."""
    rows = result.rows
    files = len({row.path for row in rows})
    legend = [line for line in LEGEND if result.peaks or not line.startswith("of peak")]
    legend += [FRAMES] if any(-1 in row.input_shape[1:3] for row in rows) else []
    blocks = (
        f"{files} {'files' if files > 1 else 'file'}, every row a process of its own, one at a time; "
        f"{result.method['rounds']} rounds in shuffled order, warm-up apart; took {result.seconds:.0f} s",
        "\n".join([_machine_line(result.machine), *_runtime_lines(result), *_model_lines(rows)]),
        _rows_table(rows, bool(result.peaks)),
        "\n".join(legend),
        "\n".join(f"slower: {harmless(sentence)}" for sentence in result.slower),
        "\n".join(f"caution: {harmless(caution)}" for caution in result.cautions),
    )
    return "\n\n".join(block for block in blocks if block)


def _rows_table(rows: Sequence[Row], peaks: bool) -> str:
    """A column with the same value in every row is omitted: the lines above the table state it."""
    several_runtimes = len({row.runtime for row in rows}) > 1
    several_threads = len({row.threads for row in rows}) > 1
    header = ["file"]
    header += ["runtime"] if several_runtimes else []
    header += ["threads"] if several_threads else []
    header += ["size", "load ms", "first ms", "p5 ms", "p50 ms", "p95 ms", "of fp32"]
    header += ["GMAC/s", "of peak"] if peaks else []
    header += ["memory MB", "ops"]
    names = _names(rows)
    cells = []
    for row in rows:
        line = [names[row.path]]
        line += [row.runtime] if several_runtimes else []
        line += [str(row.threads)] if several_threads else []
        line.append(megabytes(row.file_bytes))
        line += [_digits(value) for value in (row.load_ms, row.first_ms, row.p5_ms, row.p50_ms, row.p95_ms)]
        line.append("-" if row.float_ratio is None else f"{row.float_ratio:.2f} x")
        line += [_digits(row.gmac_per_s), _share(row.share_of_peak_percent)] if peaks else []
        cells.append([*line, f"{row.peak_rss_mb:.0f}", _ops(row)])
    return table(header, cells)


def _names(rows: Sequence[Row]) -> dict[str, str]:
    """Path -> file name, or the path itself where two files share a name."""
    paths = dict.fromkeys(row.path for row in rows)
    names = [Path(path).name for path in paths]
    return {path: Path(path).name if names.count(Path(path).name) == 1 else path for path in paths}


def _machine_line(machine: Machine) -> str:
    instructions = ", ".join(machine.int8_instructions) or "no int8 dot product known"
    load = [] if machine.load_average is None else [f"load average {machine.load_average:.1f}"]
    load += [] if machine.busy_cores is None else [f"{machine.busy_cores:.1f} cores at work before the start"]
    return "; ".join([f"{machine.cpu}, {machine.cores} cores, {instructions}; {machine.system}", *load])


def _runtime_lines(result: Bench) -> list[str]:
    lines = []
    for runtime in dict.fromkeys(row.runtime for row in result.rows):
        rows = [row for row in result.rows if row.runtime == runtime]
        kernels = dict.fromkeys(f"{row.kernels.delegate} delegate" for row in rows if row.kernels.delegate)
        kernels |= dict.fromkeys(row.kernels.library for row in rows)
        imported = min(rows, key=lambda row: row.import_s)
        lines.append(
            f"{runtime} {imported.runtime_version}: {', '.join(kernels)}; Python {imported.python}; "
            f"imported in {imported.import_s:.2f} s, {imported.imported_rss_mb:.0f} MB"
        )
        peaks = [peak for peak in result.peaks if peak.runtime == runtime]
        lines += [_peaks_line([p for p in peaks if p.threads == count]) for count in sorted({p.threads for p in peaks})]
    return lines


def _peaks_line(peaks: Sequence[Peak]) -> str:
    """The matrix products of one runtime with one number of threads."""
    first = peaks[0]
    rows, depth, columns = first.shape
    figures = ", ".join(
        f"{_digits(peak.gmac_per_s)} GMAC/s in {peak.arithmetic}" for peak in sorted(peaks, key=lambda p: p.arithmetic)
    )
    threads = f"{first.threads} thread{'s' if first.threads > 1 else ''}"
    return f"  matrix product [{rows}, {depth}] x [{depth}, {columns}], {threads}: {figures}"


def _model_lines(rows: Sequence[Row]) -> list[str]:
    """MACs and parameters once per network, where its files differ by less than is shown."""
    lines = []
    for model in dict.fromkeys(row.model for row in rows):
        known = [row for row in rows if row.model == model and row.parameters]
        # Keras counts no MACs, and batch norms that the exported files have folded.
        known = [row for row in known if row.macs] or known
        figures = [
            f"{' or '.join(sorted({f'{value / 1e6:.3g}' for value in values}))} million {unit}"
            for unit, values in (
                ("MACs", {row.macs for row in known if row.macs}),
                ("parameters", {row.parameters for row in known if row.parameters}),
            )
            if values
        ]
        lines += [f"{harmless(model)}: {', '.join(figures)}"] if figures else []
    return lines


def _ops(row: Row) -> str:
    if not FORMATS[row.format].counts_delegated:
        return str(row.kernels.total or "-")
    return f"{row.kernels.delegated} of {row.kernels.total}"


def _digits(value: float | None) -> str:
    """Three significant digits without an exponent; a dash for nothing."""
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}" if value >= 1 else f"{value:.3f}"


def _share(percent: float | None) -> str:
    return "-" if percent is None else f"{percent:.2g} %" if percent < 1 else f"{percent:.0f} %"
