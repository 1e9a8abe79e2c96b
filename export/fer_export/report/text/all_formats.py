"""Every variant in one table, and which to ship: the printout of `fer-export all`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...contract import FORMATS
from ...harmless import harmless
from .export import early_lines, summary_lines
from .network import worth_lines
from .next_commands import NONE, Flags
from .parity import verdict
from .table import table, with_interval

if TYPE_CHECKING:
    from ...exporting import Choice, Comparison, ExportedFile
    from ...latency import Row

LEGEND = """\
drop, p: accuracy lost against Keras, and the exact McNemar p of such a difference by chance; agree: same first
emotion as Keras; flips: faces that went right>wrong / wrong>right / wrong>wrong; diff: mean over faces of the
largest probability difference; p50, p95: one face on this machine, {rounds} rounds, p50 to within {within} %;
load: until ready; memory: peak of a fresh process"""


def comparison_text(result: Comparison, card: Path | None = None, flags: Flags = NONE) -> str:
    """The printout of `fer-export all`.

    card: where the HTML page lies.
    flags: those of the command itself.
    """
    exported = result.export
    labelled = exported.files[0].parity.file_accuracy is not None
    header = ["file", "MB"]
    header += ["accuracy %", "drop pt", "p"] if labelled else []
    header += ["agree %", "flips", "diff", "p50 ms", "p95 ms", "load ms", "memory MB", "gate"]
    rows = [_row(file, result.latency(file), labelled) for file in exported.files]
    worth = worth_lines(exported.judge.usefulness)
    failed = [verdict(file.path.name, file.parity) for file in exported.files if not file.passed]
    refused = [f"NOT MADE  {refused.variant.label}: {harmless(refused.reason)}" for refused in exported.refused]
    method = result.bench.method
    legend = LEGEND.format(rounds=method["rounds"], within=method["median_within_percent"])
    blocks = [summary_lines(exported, flags), f"{table(header, rows)}\n{legend}"]
    blocks += _other_runtimes(result)
    if result.keras:
        blocks.append(f"Keras accuracy on the same faces: {with_interval(result.keras.accuracy)}")
    said = [
        *([worth] if worth else []),
        *failed,
        *refused,
        *(f"{file.path.name}: {harmless(file.said_of_floats)}" for file in exported.files if file.float_ops),
        *early_lines(exported),
        *(f"slower: {harmless(sentence)}" for sentence in result.bench.slower),
    ]
    said += [
        f"caution: {harmless(sentence)}" for sentence in (*_parity_cautions(exported.files), *result.bench.cautions)
    ]
    blocks += ["\n".join(said)] if said else []
    page = f"report: {harmless(card)} (and the same as .json)\n" if card else ""
    blocks.append("\n".join(_choice(choice) for choice in result.choices))
    blocks.append(f"took {result.seconds:.0f} s\n{page}next:\n{_next(result, flags)}")
    return "\n\n".join(blocks)


def _parity_cautions(files: Sequence[ExportedFile]) -> list[str]:
    """What parity cannot confirm in files that passed; a sentence that several share appears once."""
    names: dict[str, list[str]] = {}
    for file in files:
        for caution in file.parity.cautions if file.passed else ():
            names.setdefault(caution, []).append(file.path.name)
    return [f"{', '.join(named)}: {caution}" for caution, named in names.items()]


def _row(file: ExportedFile, speed: Row, labelled: bool) -> list[str]:
    judged = file.parity
    row = [file.path.name, f"{file.bytes / 1e6:.2f}"]
    if labelled and judged.file_accuracy and judged.drop is not None and judged.mcnemar_p is not None:
        low, high = judged.file_accuracy.interval
        row.append(f"{100 * judged.file_accuracy.value:.1f} ({100 * low:.1f}-{100 * high:.1f})")
        row += [f"{judged.drop:+.2f}", f"{judged.mcnemar_p:.2g}"]
    flips = judged.flips
    row += [
        f"{100 * judged.agreement.value:.2f}",
        f"{flips.right_to_wrong}/{flips.wrong_to_right}/{flips.wrong_to_wrong}" if flips else str(len(judged.flipped)),
        f"{judged.mean_difference:.2g}",
        f"{speed.p50_ms:.3g}",
        f"{speed.p95_ms:.3g}",
        f"{speed.load_ms:.1f}",
        f"{speed.peak_rss_mb:.0f}",
        "passed" if judged.passed else "FAILED",
    ]
    return row


def _other_runtimes(result: Comparison) -> list[str]:
    """A line for each optional runtime that is installed: what its files take, at the fewest threads."""
    own = {result.latency(file).runtime for file in result.export.files}
    fewest = min(row.threads for row in result.bench.rows)
    found: dict[str, list[str]] = {}
    for row in result.bench.rows:
        if row.runtime not in own and row.threads == fewest:
            said = found.setdefault(f"{row.runtime} {row.runtime_version}", [])
            said.append(f"{Path(row.path).name} {row.p50_ms:.3g}")
    return ["\n".join(f"p50 ms in {name}: {', '.join(said)}" for name, said in found.items())] if found else []


def _choice(choice: Choice) -> str:
    name = choice.file.name if choice.file else "nothing"
    return f"ship for {FORMATS[choice.format].title}: {name}\n  {choice.reason}"


def _next(result: Comparison, flags: Flags) -> str:
    files = " ".join(shlex.quote(str(choice.file)) for choice in result.choices if choice.file)
    lines = [f"  fer-export bench {files} --threads 1,2   their latency alone"] if files else []
    if result.export.judge.faces.targets is None:
        lines.append(f"  fer-export all{flags.model}{flags.making} --data fer2013.csv   the same on real faces")
    failed = [file for file in result.export.files if not file.passed and len(file.graph.inputs) == 1]
    lines += [
        f"  fer-export blame {shlex.quote(str(file.path))}{flags.model}{flags.data}   layers with the largest error"
        for file in failed
        if file.variant.integer
    ]
    return "\n".join(lines)
