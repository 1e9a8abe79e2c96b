"""An export as text: network, calibration, files, verdicts, and the commands that come next."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...calibration.calibration_set import is_probe
from ...contract import FORMATS
from ...harmless import harmless
from .blame import repair_text
from .network import known_lines, worth_lines
from .next_commands import NONE, Flags
from .parity import caveats, kernels_verdict, verdict
from .table import megabytes, percent, table, with_interval

if TYPE_CHECKING:
    from ...exporting import Export, ExportedFile
    from ...parity import Parity

MIRROR = "the mean over the face and its mirror image: about twice the multiply-adds, and the time, of a file without"


def export_text(result: Export, flags: Flags = NONE) -> str:
    """The printout of `fer-export tflite`: network, calibration, files, parity, verdict, next commands.

    flags: those of the command itself.
    """
    blocks = [summary_lines(result, flags), _files_table(result.files, result.checkpoint.bytes)]
    blocks.extend(_ops_text(file) for file in result.files if file.variant.precision == "int8" or file.float_ops)
    blocks.append(
        "\n".join(
            verdict(file.path.name, file.parity) + kernels_verdict(file.path.name, file.kernels)
            for file in result.files
        )
    )
    blocks += ["\n".join(early_lines(result))] if early_lines(result) else []
    blocks.extend("\n".join(map(harmless, file.companions.lines)) for file in result.files if file.companions)
    blocks += caveats(file.runtime for file in result.files)
    worth = worth_lines(result.judge.usefulness)
    blocks += [worth] if worth else []
    blocks.append(_next_commands(result, flags))
    return "\n\n".join(blocks)


def summary_lines(result: Export, flags: Flags = NONE) -> str:
    """Network, labels, contract, calibration and judging faces, one line each; flags: those of the command itself."""
    checkpoint, first = result.checkpoint, result.files[0]
    kind = "grey" if checkpoint.channels == 1 else "RGB"
    inputs, answer = first.graph.inputs, first.graph.outputs[0]
    given = ", ".join(f"{end.name} {end.dtype} {list(end.shape)}" for end in inputs)
    mirror = f"mirror       {MIRROR}\n" if checkpoint.mirror else ""
    return (
        f"network      {harmless(checkpoint.name)}: {checkpoint.size}x{checkpoint.size} {kind}, "
        f"{len(checkpoint.labels)} outputs, {megabytes(checkpoint.bytes)} as Keras\n"
        f"{known_lines(checkpoint, flags)}\n"
        f"contract     {given} -> {answer.name} {answer.dtype} {list(answer.shape)}\n"
        f"{mirror}calibration  {_calibration_text(result)}\n"
        f"parity on    {len(result.judge.reference):,} {harmless(first.parity.source)}\n"
        f"written to   {harmless(first.path.parent)}{os.sep}"
    )


def early_lines(result: Export) -> list[str]:
    """A sentence for each file that fewer faces judged."""
    said = [(file.path.name, early_words(file, result)) for file in result.files]
    return [f"{name}: {words}" for name, words in said if words]


def early_words(file: ExportedFile, result: Export) -> str:
    """How many of the faces judged a file; empty where all of them did."""
    if file.positions is None:
        return ""
    share = f"{file.parity.faces:,} of {len(result.judge.reference):,} faces"
    return f"judged on {share}, drawn at random: they decide about its gate (--all-faces for all)"


def _calibration_text(result: Export) -> str:
    if result.calibration is None:
        return "none needed: nothing is fitted to faces"
    record = result.calibration.record
    if is_probe(record):
        return f"{record['count']} probe faces (synthetic, made from the network itself; --data takes real ones)"
    drawn = f"{record['count']} {harmless(record['source'])}, stratified, seed {record['seed']}"
    return f"{drawn}, none of them in the parity split"


def _files_table(exported: Sequence[ExportedFile], keras_bytes: int) -> str:
    labelled = exported[0].parity.file_accuracy is not None
    header = ["file", "size", "of Keras"]
    header += ["accuracy (95 % interval)", "drop, points"] if labelled else []
    header += ["agreement", "largest diff", "mean diff"]
    rows = []
    for file in exported:
        judged = file.parity
        row = [file.path.name, megabytes(file.bytes), percent(file.bytes / keras_bytes, 0)]
        row += _accuracy_cells(judged) if labelled else []
        rows.append(
            [
                *row,
                percent(judged.agreement.value, 2),
                f"{judged.largest_difference:.2g}",
                f"{judged.mean_difference:.2g}",
            ]
        )
    lines = [table(header, rows)]
    if labelled and exported[0].parity.keras_accuracy:
        lines.append(f"Keras accuracy on the same faces: {with_interval(exported[0].parity.keras_accuracy)}")
    return "\n".join(lines)


def _accuracy_cells(judged: Parity) -> list[str]:
    if judged.file_accuracy is None or judged.drop is None:
        return ["", ""]
    return [with_interval(judged.file_accuracy), f"{judged.drop:+.2f}"]


def _ops_text(file: ExportedFile) -> str:
    name, counts = file.path.name, file.graph.compute_op_counts
    ops = ", ".join(f"{count} {op}" for op, count in counts.items())
    if file.repair is not None:
        return f"{name}: the plain int8 file missed the gate; what was tried:\n{repair_text(file.repair)}"
    if file.float_ops:
        return f"{name}: {harmless(file.said_of_floats)}: {ops}"
    if len(file.graph.inputs) > 1:
        return f"{name}: the network computes in int8, the crop in front of it in exact integer arithmetic: {ops}"
    if FORMATS[file.variant.format].float_arithmetic:
        return f"{name}: int8 weights; it computes in float: {ops}"
    operands = FORMATS[file.variant.format].operands
    if operands:
        weighted = ", ".join(f"{count} {op}" for op, count in counts.items() if op in operands)
        rest = ", ".join(op for op in counts if op not in operands)
        return f"{name}: {weighted} between int8 tensors (QDQ); onnxruntime may run {rest} in float"
    return f"every compute op of {name} is int8: {ops}"


def _next_commands(result: Export, flags: Flags) -> str:
    path, file_format = shlex.quote(str(result.files[-1].path)), result.files[-1].variant.format
    failed = next((file for file in result.files if not file.passed), None)
    data = flags.data or " --data fer2013.csv"
    if not result.network_passed:
        return (
            f"took {result.seconds:.1f} s; its files are kept under names ending in -failed\n"
            f"next:\n  fer-export evaluate{flags.model}{data}   what the network answers, emotion by emotion"
        )
    if failed is not None:
        return (
            f"took {result.seconds:.1f} s; a file that failed is kept under a name ending in -failed\n"
            f"next:\n{_after_failure(failed, flags)}"
            f"  fer-export {file_format} --quantize all{flags.model}{data}   which passes on real faces"
        )
    return (
        f"took {result.seconds:.1f} s\nnext:\n"
        f"  fer-export parity {path}{flags.model}{data}   judge it on real faces\n"
        f"  fer-export inspect {path}   what an app must pass to it\n"
        f"  fer-export all{flags.model}{data}   every format and precision side by side, and which to ship"
    )


def _after_failure(file: ExportedFile, flags: Flags) -> str:
    """The next commands for an int8 file that failed; empty for others."""
    if not file.variant.repairable or file.repair is not None:
        return ""
    known = f"{flags.model}{flags.data}"
    export = f"  fer-export {file.variant.format} --quantize int8{known}"
    if len(file.graph.inputs) > 1:
        return f"{export}   the file for face crops, repaired if it fails\n"
    return (
        f"{export}{flags.making}   keep its worst layers in float\n"
        f"  fer-export blame {shlex.quote(str(file.path))}{known}   which layers those are\n"
    )
