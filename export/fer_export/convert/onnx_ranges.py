"""Activation ranges of a float .onnx file, as onnxruntime's quantiser takes them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..model_file import onnx_wiring
from ..runtimes.op_by_op import OnnxActivations
from . import activation_ranges

SAME_SCALE = frozenset({"MaxPool", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Pad", "Gather", "Slice"})
"""Ops whose quantised output has the grid of their input."""

FLOAT = frozenset({"Sigmoid", "Softmax"})
"""Ops that compute in float."""


def overrides(model: Any, images: NDArray[Any], *, by_error: bool) -> dict[str, list[dict[str, Any]]]:
    """Ranges of activations in the form of `TensorQuantOverrides`; those that are missing are onnxruntime's own.

    model: the float ModelProto.
    images: calibration pictures [N, S, S, C] as the graph takes them.
    by_error: each activation gets the range with the least error, what only a MaxPool reads that of the pool's output:
        what the pool drops needs no place on the grid. Otherwise only what is concatenated gets a range.
    """
    wiring = onnx_wiring.Wiring(model.graph)
    groups = _concatenated(wiring)
    if not by_error and not groups:
        return {}
    activations = OnnxActivations(model.SerializeToString())
    if by_error:
        measured = activation_ranges.measured(activations, images, (SAME_SCALE | FLOAT) - {"MaxPool"})
    else:
        measured = activation_ranges.extremes(activations, images, frozenset({"Concat"}))
    found = {output.partition(";")[0]: limits for output, limits in measured.items()}
    for node in model.graph.node:
        limits = found.pop(node.output[0], None) if node.op_type == "MaxPool" else None
        if limits is not None and wiring.only_reader(node.input[0]) is not None and node.input[0] in wiring.writer:
            found[node.input[0]] = limits
    for group in groups:
        joined = [found[name] for name in group if name in found and wiring.written_by(name, "Concat") is not None]
        common = min(low for low, _ in joined), max(high for _, high in joined)
        found |= {name: common for name in group if _allows(wiring, name, common)}
    for node in model.graph.node:
        # onnxruntime lets the op before compute a ReLU: its output then has the ReLU's range.
        if node.op_type in ("Relu", "Clip") and len(wiring.readers[node.input[0]]) == 1 and node.output[0] in found:
            found[node.input[0]] = found[node.output[0]]
    return {name: [{"rmin": np.float32(low), "rmax": np.float32(high)}] for name, (low, high) in found.items()}


def _allows(wiring: onnx_wiring.Wiring, name: str, limits: activation_ranges.Range) -> bool:
    """Whether a tensor may have a range: a ReLU is computed by the range of its output and would be lost in a wider."""
    writer = wiring.writer[name]
    if writer.op_type == "Relu":
        return limits[0] >= 0
    if writer.op_type == "Clip":
        low, high = (wiring.value(end) if end else None for end in (*writer.input[1:], "", "")[:2])
        return bool((low is None or limits[0] >= low) and (high is None or limits[1] <= high))
    return True


def _concatenated(wiring: onnx_wiring.Wiring) -> list[set[str]]:
    """Groups of tensors that are concatenated, directly or through ops that keep the grid, with what they become.

    On one grid they are joined without rounding. A dense block joins its sum of features again in every layer: with a
    grid for each of them it would be rounded as often.
    """
    groups: list[set[str]] = []
    for node in wiring.graph.node:
        if node.op_type != "Concat":
            continue
        group = {node.output[0]}
        for name in node.input:
            while (writer := wiring.writer.get(name)) is not None and writer.op_type in SAME_SCALE:
                name = writer.input[0]
            if name in wiring.writer:
                group.add(name)
        for other in [other for other in groups if other & group]:
            groups.remove(other)
            group |= other
        groups.append(group)
    return groups
