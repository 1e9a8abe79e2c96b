"""Blame and repair as text: which layers hurt a quantised file, and what was tried to repair it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...harmless import harmless
from .next_commands import NONE, Flags
from .table import megabytes, percent, table

if TYPE_CHECKING:
    from ...exporting import Blame, LayerError, Repair, Try

LEGEND = (
    ("own error", "what the layer adds to the inputs that the file gives it, in % of the spread of its float output"),
    ("all so far", "the same for the errors of all layers up to its output"),
    ("effect", "mean change of a face's probabilities if this layer alone is quantised; the table is sorted by it"),
    ("top-1", "faces whose answer that changes"),
    ("from", "range: putting its output on the steps of one scale; weights: rounding its weights, and arithmetic"),
)


def blame_text(result: Blame, flags: Flags = NONE) -> str:
    """The printout of `fer-export blame`.

    flags: those of the command itself.
    """
    guilty = [layer for layer in result.layers if layer.effect > 0]
    clean = [_marked(layer) for layer in result.layers if layer.effect == 0]
    blocks = [
        f"{harmless(result.file or result.variant.format)}: {result.variant.label} of {harmless(result.model)}\n"
        f"measured on {result.faces} {harmless(result.source)}: "
        f"agreement {percent(result.agreement.value, 2)} with Keras, "
        f"mean diff {result.mean_difference:.2g}{_rebuilt(result)}",
        _layers(guilty) if guilty else "no layer adds an error",
    ]
    notes = [f"{word:11s} {meaning}" for word, meaning in LEGEND] if guilty else []
    if any(layer.added for layer in result.layers):
        notes.append(f"{'*':11s} added by fer-export: pixels to the network's scale, and logits that int8 can hold")
    if clean:
        notes.append(f"no effect   {harmless(', '.join(clean))}")
    blocks.append("\n".join(notes))
    if result.variant.repairable and guilty:
        blocks.append(
            f"worst: {harmless(guilty[0].layer)}; "
            f"to fix it, {harmless(', '.join(guilty[0].cure))} would stay in float\n"
            f"next: fer-export {result.variant.format} --quantize int8{flags.model}{flags.data}"
            "   keep the worst layers in float if the gate fails"
        )
    return "\n\n".join(block for block in blocks if block)


MOST_OPS = 24
"""Ops that are listed one by one; more are counted by their kind."""


def _ops(names: Sequence[str]) -> str:
    if len(names) <= MOST_OPS:
        return ", ".join(names)
    return ", ".join(f"{count} {name}" for name, count in Counter(names).most_common())


def repair_text(result: Repair) -> str:
    """The tries of a repair, one per line, and the verdict, which names the layers in float."""
    header = [
        "try",
        "worst layers down to",
        "whole",
        "layers in float",
        "float ops",
        "size",
        "agreement",
        "drop, points",
    ]
    header += ["mean diff", ""]
    rows = [_try(number, each) for number, each in enumerate(result.tries, 1)]
    if not rows:
        return "nothing to repair: no layer of the file adds an error"
    count, best = len(result.tries), result.kept
    verdict = f"no file passed in {count} {'try' if count == 1 else 'tries'}; use --quantize dynamic"
    if best:
        needs = f"; it needs TFLite {best.min_runtime_version} or later" if best.min_runtime_version else ""
        layers = harmless(", ".join(best.float_layers or best.whole_layers))
        grown = f"{megabytes(result.bytes)} became {megabytes(best.bytes)}"
        ops = "1 op" if len(best.float_ops) == 1 else f"{len(best.float_ops)} ops"
        verdict = f"in float: {layers}: {ops} ({_ops(best.float_ops)}); {grown}{needs}"
        if best.whole_layers:
            verdict = f"one int8 convolution each in place of two: {layers}; {grown}{needs}"
    return f"{table(header, rows)}\n{verdict}"


def _try(number: int, each: Try) -> list[str]:
    judged, figures = each.parity, ["-", "-", "-"]
    if judged:
        drop = "-" if judged.drop is None else f"{judged.drop:+.2f}"
        figures = [percent(judged.agreement.value, 2), drop, f"{judged.mean_difference:.2g}"]
    refused = "refused by the runtime" if each.bytes else "refused by the converter"
    return [
        str(number),
        "separable layers" if each.whole_layers else each.culprit,
        str(len(each.whole_layers) or "-"),
        str(len(each.float_layers)),
        str(len(each.float_ops)) if each.bytes else "-",
        megabytes(each.bytes) if each.bytes else "-",
        *figures,
        "passed" if each.passed else "failed" if judged else refused,
    ]


def _layers(layers: Sequence[LayerError]) -> str:
    header = ["layer", "ops", "own error", "all so far", "effect", "top-1", "from"]
    return table(
        header,
        [
            [
                _marked(layer),
                "+".join(layer.ops),
                percent(layer.own_error),
                percent(layer.accumulated_error),
                f"{layer.effect:.2g}",
                percent(layer.flips),
                "range" if layer.by_range else "weights",
            ]
            for layer in layers
        ],
    )


def _rebuilt(result: Blame) -> str:
    if result.rebuilt is None:
        return ""
    if result.rebuilt:
        return "\nconverting the network again gives the same bytes: the float twin is this file's"
    return "\nconverting the network again gives other bytes: it was changed, or made with other versions or flags"


def _marked(layer: LayerError) -> str:
    call = f" (call {layer.call})" if layer.call > 1 else ""
    return f"{layer.layer}{call}{'*' if layer.added else ''}"
