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


def overrides(model: Any, images: NDArray[Any]) -> dict[str, list[dict[str, Any]]]:
    """For each activation the range with the least error, in the form of `TensorQuantOverrides`.

    model: the float ModelProto.
    images: calibration pictures [N, S, S, C] as the graph takes them.
    """
    activations = OnnxActivations(model.SerializeToString())
    found = {
        output.partition(";")[0]: limits
        for output, limits in activation_ranges.measured(activations, images, SAME_SCALE | FLOAT).items()
    }
    wiring = onnx_wiring.Wiring(model.graph)
    for node in model.graph.node:
        # onnxruntime lets the op before compute a ReLU: its output then has the ReLU's range.
        if node.op_type in ("Relu", "Clip") and len(wiring.readers[node.input[0]]) == 1 and node.output[0] in found:
            found[node.input[0]] = found[node.output[0]]
        if node.op_type == "Concat":
            for name in node.input:
                found.pop(name, None)
    return {name: [{"rmin": np.float32(low), "rmax": np.float32(high)}] for name, (low, high) in found.items()}
