"""Multiply-accumulate operations (MACs) and parameters of TFLite ops, from the shapes of their tensors.

One MAC is one multiplication with its addition; two FLOPs. Counted are convolutions, matrix products and dense
layers, as is usual: pooling, activations and additions are left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

Shape = Sequence[int]

BIAS_POSITIONS = {"CONV_2D": 2, "DEPTHWISE_CONV_2D": 2, "FULLY_CONNECTED": 2, "TRANSPOSE_CONV": 3}
"""Which input of an op is its bias. Elsewhere constants of int32 and int64 are sizes, axes and indices."""

_INDEX_TYPES = frozenset({"bool", "int32", "int64", "string", "uint32", "uint64"})


def macs(op: str, inputs: Sequence[Shape], output: Shape) -> int:
    """MACs of one TFLite op; 0 for an op that is not counted.

    inputs: the shapes of the op's inputs in its order.

    Pictures are [N, H, W, C]; weights are [O, H, W, I] of CONV_2D and TRANSPOSE_CONV, [1, H, W, O] of DEPTHWISE_CONV_2D
    and [O, I] of FULLY_CONNECTED.
    """
    if op in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        # Each place of the output sees every weight once: the filter holds the input channels of one group.
        return math.prod(output[:3]) * math.prod(inputs[1])
    if op == "FULLY_CONNECTED":
        return math.prod(inputs[0]) * inputs[1][0]
    if op == "TRANSPOSE_CONV":
        return math.prod(inputs[2][:3]) * math.prod(inputs[1])
    if op == "BATCH_MATMUL":
        # The rows are the output's; what is left of the two axes is summed over, however they are transposed.
        return math.prod(output) * (inputs[0][-1] * inputs[0][-2] // output[-2])
    return 0


def is_parameter(op: str, position: int, shape: Shape, dtype: str) -> bool:
    """Whether a constant input of an op is a weight or bias: not a size, axis, index or single number."""
    return len(shape) > 0 and (dtype not in _INDEX_TYPES or BIAS_POSITIONS.get(op) == position)
