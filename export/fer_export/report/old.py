"""Results as text for the console. Every figure comes from a result object; nothing is computed here but units."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .duplicates import Summary
    from .evaluation import Evaluation
    from .exporting import Export, ExportedFile, FileInfo
    from .parity import Parity
    from .statistics import Proportion


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns aligned by two blanks; the first is left-aligned, the others right."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]

    def line(row: Sequence[str]) -> str:
        cells = [
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return "  ".join(cells).rstrip()

    return "\n".join([line(header), *(line(row) for row in rows)])


def percent(value: float, digits: int = 1) -> str:
    return f"{100 * value:.{digits}f} %"


def with_interval(proportion: Proportion) -> str:
    """63.4 % (61.8-64.9)"""
    low, high = proportion.interval
    return f"{percent(proportion.value)} ({100 * low:.1f}-{100 * high:.1f})"


def megabytes(count: int) -> str:
    """Bytes in kB or MB of 1000."""
    return f"{count / 1e6:.2f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"


def export_text(result: Export, model_flags: str = "") -> str:
    """The printout of `fer-export tflite`: network, calibration, files, parity, verdict, next commands.

    model_flags: how the network was named on the command line, for the commands that come next.
    """
    checkpoint = result.checkpoint
    kind = "grey" if checkpoint.channels == 1 else "RGB"
    first = result.files[0]
    given, answer = first.graph.inputs[0], first.graph.outputs[0]
    blocks = [
        f"network      {checkpoint.name}: {checkpoint.size}x{checkpoint.size} {kind}, "
        f"{len(checkpoint.labels)} outputs, {megabytes(checkpoint.bytes)} as Keras\n"
        f"labels       {', '.join(checkpoint.labels)}  [{checkpoint.labels_source}]\n"
        f"contract     {given.name} {given.dtype} {list(given.shape)} -> "
        f"{answer.name} {answer.dtype} {list(answer.shape)}\n"
        f"calibration  {_calibration_text(result)}\n"
        f"parity on    {first.parity.faces:,} {first.parity.source}\n"
        f"written to   {first.path.parent}{os.sep}"
    ]
    blocks.append(_files_table(result.files, checkpoint.bytes))
    blocks.extend(_ops_text(file) for file in result.files if file.variant.precision == "int8")
    blocks.append("\n".join(verdict(file.path.name, file.parity) for file in result.files))
    blocks.append(_next_commands(result, model_flags))
    return "\n\n".join(blocks)


def _calibration_text(result: Export) -> str:
    if result.calibration is None:
        return "none needed: activations stay float"
    record = result.calibration.record
    if record["source"] == "probe faces":
        return f"{record['count']} probe faces (synthetic, made from the network itself; --data takes real ones)"
    return f"{record['count']} {record['source']}, stratified, seed {record['seed']}, none of them in the parity split"


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
    counts = ", ".join(f"{count} {name}" for name, count in file.graph.compute_op_counts.items())
    return f"every compute op of {file.path.name} is int8: {counts}"


def verdict(name: str, judged: Parity) -> str:
    """PASSED or FAILED with the gate's limits."""
    gate = judged.gate
    limits = f"agreement >= {percent(gate.min_agreement)}"
    limits += f", drop <= {gate.max_drop:g} points" if judged.drop is not None else ""
    limits += f", mean diff <= {gate.max_mean_difference:g}"
    if judged.passed:
        return f"PASSED  {name}  (gate: {limits})"
    return f"FAILED  {name}: {'; '.join(judged.failures)}"


def _next_commands(result: Export, model: str) -> str:
    path = result.files[-1].path
    if not result.passed:
        return (
            f"took {result.seconds:.1f} s; a file that failed is kept under a name ending in -failed\n"
            f"next: fer-export tflite --quantize all{model} --data fer2013.csv   which precision passes on real faces"
        )
    return (
        f"took {result.seconds:.1f} s\nnext:\n"
        f"  fer-export parity {path}{model} --data fer2013.csv   judge it on real faces\n"
        f"  fer-export inspect {path}   what an app must hand to it\n"
        f"  fer-export tflite --quantize all{model} --data fer2013.csv   every precision side by side"
    )


def parity_text(judged: Sequence[tuple[str, Parity]]) -> str:
    """The printout of `fer-export parity`."""
    header = [
        "file",
        "faces",
        "agreement (95 % interval)",
        "Keras accuracy",
        "file accuracy",
        "drop, points",
        "largest diff",
        "mean diff",
    ]
    rows = []
    for name, result in judged:
        before = with_interval(result.keras_accuracy) if result.keras_accuracy else "-"
        after = with_interval(result.file_accuracy) if result.file_accuracy else "-"
        drop = "-" if result.drop is None else f"{result.drop:+.2f}"
        rows.append(
            [name, f"{result.faces:,}", with_interval(result.agreement), before, after, drop]
            + [f"{result.largest_difference:.2g}", f"{result.mean_difference:.2g}"]
        )
    verdicts = "\n".join(verdict(name, result) for name, result in judged)
    return f"parity on {judged[0][1].source}\n\n{table(header, rows)}\n\n{verdicts}"


def evaluation_text(result: Evaluation) -> str:
    """The printout of `fer-export evaluate`: accuracy, recall, confusion matrix, calibration error."""
    header = ["true \\ predicted", *result.labels, "faces", "recall (95 % interval)"]
    rows = [
        [name, *map(str, row), str(recall.count), with_interval(recall) if recall.count else "-"]
        for name, row, recall in zip(result.labels, result.confusion, result.recall, strict=True)
    ]
    return (
        f"{result.model} on {result.split} of {result.data}: {result.accuracy.count:,} faces\n\n"
        f"accuracy                    {with_interval(result.accuracy)}, 95 % Wilson interval\n"
        f"expected calibration error  {percent(result.expected_calibration_error)}\n"
        f"log loss                    {result.log_loss:.3f}\n\n{table(header, rows)}"
    )


def data_text(summary: Summary) -> str:
    """The printout of `fer-export data`: counts by split and emotion, duplicates."""
    found = summary.duplicates
    header = ["split", *summary.emotions, "faces"]
    rows = [
        [split, *map(_count, counts.values()), _count(sum(counts.values()))] for split, counts in summary.counts.items()
    ]
    rows.append(["all", *map(_count, summary.emotions.values()), _count(summary.faces)])
    copies = ["split", "exact copies of earlier splits", "near copies", "of these mirrored", "repeats within the split"]
    splits = [
        [
            split,
            *(
                _count(counts[split]) if split in counts else "-"
                for counts in (found.exact, found.near, found.near_mirrored)
            ),
            _count(found.exact_within.get(split, 0)),
        ]
        for split in summary.counts
    ]
    return (
        f"{summary.source}  (sha256 {summary.sha256[:16]}...)\n\n{table(header, rows)}\n\n"
        f"duplicates, in faces (near: the same photo moved, lit or encoded otherwise; a lower bound)\n"
        f"{table(copies, splits)}\n"
        f"{_count(found.pictures_contradictory)} pictures carry different emotions in different copies "
        f"({_count(found.faces_contradictory)} faces)"
    )


def inspect_text(info: FileInfo) -> str:
    """The printout of `fer-export inspect`: what an app must hand to the file and what it gets back."""
    graph, said = info.graph, info.metadata
    lines = [f"{info.path}: {megabytes(graph.file_bytes)}, sha256 {info.sha256[:16]}..."]
    for word, tensors in (("input", graph.inputs), ("output", graph.outputs)):
        for tensor in tensors:
            scale = "" if tensor.scale is None else f", real = {tensor.scale:.6g} * (stored - {tensor.zero_point})"
            lines.append(f"{word:12s} {tensor.name} {tensor.dtype} {list(tensor.shape)}{scale}")
    lines.append(f"labels       {', '.join(said.labels) or 'none in the file'}")
    if said.contract:
        lines.append(
            f"contract     {said.contract['model']} at {said.contract['precision']}, "
            f"input {said.contract['input_kind']}"
        )
    if said.calibration:
        lines.append(f"calibration  {said.calibration['count']} {said.calibration['source']}")
    lines.append(f"ops          {', '.join(f'{count} {name}' for name, count in graph.op_counts.items())}")
    lines.append(f"in the zip   {', '.join(said.files) or 'nothing'}")
    return "\n".join(lines)


def _count(number: int) -> str:
    return f"{number:,}"
