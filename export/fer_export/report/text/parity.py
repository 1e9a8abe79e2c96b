"""Parity as text: what a file keeps of its network, emotion by emotion, and the gate's verdict."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

from ...contract import formats
from ...harmless import harmless
from .network import known_lines, worth_lines
from .next_commands import NONE, Flags
from .table import percent, table

if TYPE_CHECKING:
    from ...parity import ClassRecall, Judgement, KernelParity, Parity, Proportion

DIFFERENCES = ("mean diff", "largest diff", "KL")

AGREEMENT_LEGEND = "agreement: faces with the same answer as Keras; in brackets: 95 % intervals"
CHANGES_LEGEND = (
    "drop: accuracy lost; p: exact McNemar test, how often chance alone gives so large a drop or gain\n"
    "lost/won/other: answers that changed from right to wrong, from wrong to right, from one wrong to another"
)
PROBABILITIES_LEGEND = (
    "diff: a face's largest probability difference, its mean and largest over the faces; "
    "KL: divergence of the file\nfrom Keras in nats, mean over the faces"
)
CALIBRATION_LEGEND = "ECE: expected calibration error, mean gap of confidence and accuracy"


def verdict(name: str, judged: Parity) -> str:
    """PASSED or FAILED with the gate's limits, and below it what the figures cannot confirm."""
    gate = judged.gate
    limits = f"agreement >= {percent(gate.min_agreement)}"
    limits += f", drop <= {gate.max_drop:g} points" if judged.drop is not None else ""
    limits += f", mean diff <= {gate.max_mean_difference:g}"
    limits += f", recall drop <= {gate.max_recall_drop:g} points" if judged.recalls else ""
    said = (
        f"PASSED  {harmless(name)}  (gate: {limits})"
        if judged.passed
        else f"FAILED  {harmless(name)}: {harmless('; '.join(judged.failures))}"
    )
    return "\n".join([said, *(f"        caution: {harmless(caution)}" for caution in judged.cautions)])


def kernels_verdict(name: str, kernels: KernelParity | None) -> str:
    """PASSED or FAILED of the same file on other kernels, after a line break; empty without any."""
    if kernels is None:
        return ""
    found = (
        f"same emotion on {percent(kernels.agreement.value, 2)} of {kernels.agreement.count:,} faces, "
        f"at most {kernels.largest_difference:.2g} apart"
    )
    limits = f"agreement >= {percent(kernels.gate.min_agreement)}, largest diff <= {kernels.gate.max_difference:g}"
    word = "PASSED" if kernels.passed else "FAILED"
    return f"\n{word}  {harmless(name)} on the kernels of {harmless(kernels.runtime)}: {found}  (gate: {limits})"


def caveats(named: Iterable[str]) -> list[str]:
    """What answers of runtimes, such as `litert 2.3.0`, do not prove, each once; empty for most."""
    known = formats.runtimes()
    rows = [known.get(name.partition(" ")[0]) for name in named]
    return list(dict.fromkeys(f"note: {row.caveat}" for row in rows if row and row.caveat))


def parity_text(result: Judgement, flags: Flags = NONE) -> str:
    """The printout of `fer-export parity`: files of one network on the same faces."""
    judged = result.files
    first = judged[0][1].parity
    named = list(zip(_short_names([name for name, _ in judged]), (each.parity for _, each in judged), strict=True))
    runtimes = ", ".join(dict.fromkeys(each.runtime for _, each in judged))
    blocks = [known_lines(result.checkpoint, flags)] if result.checkpoint else []
    blocks += [f"parity on {first.faces:,} faces: {harmless(first.source)}; run in {runtimes}"]
    if first.keras_accuracy is None:
        header = ["file", "agreement, %", "answers changed", *DIFFERENCES]
        rows = [[name, _share(each.agreement, 2), str(len(each.flipped)), *_differences(each)] for name, each in named]
        blocks += [table(header, rows), f"{AGREEMENT_LEGEND}\n{PROBABILITIES_LEGEND}"]
    else:
        blocks += [_answers(named), f"{AGREEMENT_LEGEND}\n{CHANGES_LEGEND}"]
        blocks += [_probabilities(named), f"{PROBABILITIES_LEGEND}; {CALIBRATION_LEGEND}"]
        blocks += [f"recall in {harmless(name)}\n{recall_table(each)}" for name, each in named if each.flipped]
    blocks.append("\n".join(verdict(name, each.parity) + kernels_verdict(name, each.kernels) for name, each in judged))
    blocks += caveats(each.runtime for _, each in judged)
    worth = worth_lines(judged[0][1].network)
    blocks += [worth] if worth else []
    return "\n\n".join(blocks)


def recall_table(parity: Parity) -> str:
    """Recall of each emotion, Keras and file, with intervals; empty without true labels."""
    if parity.recalls is None:
        return ""
    header = ["emotion", "faces", "Keras, %", "file, %", "drop, points", "p"]
    return table(header, [_recall_row(recall) for recall in parity.recalls])


def _recall_row(recall: ClassRecall) -> list[str]:
    drop = _drop(recall.drop, recall.drop_interval, 1)
    p = f"{recall.mcnemar_p:.2g}" if recall.faces else "-"
    return [recall.label, f"{recall.faces:,}", _share(recall.keras), _share(recall.file), drop, p]


def _answers(named: Sequence[tuple[str, Parity]]) -> str:
    header = ["answers", "agreement, %", "accuracy, %", "drop, points", "p", "lost/won/other"]
    rows = [["Keras", "", _share(named[0][1].keras_accuracy), "", "", ""]]
    for name, result in named:
        drop = _drop(result.drop, result.drop_interval, 2)
        p = "-" if result.mcnemar_p is None else f"{result.mcnemar_p:.2g}"
        flips = result.flips
        kinds = f"{flips.right_to_wrong}/{flips.wrong_to_right}/{flips.wrong_to_wrong}" if flips else "-"
        rows.append([name, _share(result.agreement, 2), _share(result.file_accuracy), drop, p, kinds])
    return table(header, rows)


def _probabilities(named: Sequence[tuple[str, Parity]]) -> str:
    rows = [["Keras", "", "", "", _percent(named[0][1].keras_calibration_error)]]
    rows += [[name, *_differences(result), _percent(result.file_calibration_error)] for name, result in named]
    return table(["probabilities", *DIFFERENCES, "ECE, %"], rows)


def _differences(judged: Parity) -> list[str]:
    figures = (judged.mean_difference, judged.largest_difference, judged.kl_divergence)
    return [f"{figure:.2g}" for figure in figures]


def _short_names(names: Sequence[str]) -> list[str]:
    """File names without folders, where they stay apart."""
    short = [PurePath(name).name for name in names]
    return short if len(set(short)) == len(names) else list(names)


def _share(proportion: Proportion | None, digits: int = 1) -> str:
    """98.50 (98.04-98.85), in percent"""
    if proportion is None or not proportion.count:
        return "-"
    low, high = proportion.interval
    return f"{100 * proportion.value:.{digits}f} ({100 * low:.{digits}f}-{100 * high:.{digits}f})"


def _drop(drop: float | None, interval: tuple[float, float] | None, digits: int) -> str:
    """+0.20 (-0.05 to +0.45), in points"""
    if drop is None or interval is None or math.isnan(drop):
        return "-"
    low, high = interval
    return f"{drop:+.{digits}f} ({low:+.{digits}f} to {high:+.{digits}f})"


def _percent(share: float | None) -> str:
    return "-" if share is None or math.isnan(share) else f"{100 * share:.1f}"
