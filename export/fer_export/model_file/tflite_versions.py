"""The oldest TFLite runtime that computes a .tflite file correctly, from what the file holds.

Converters write it as the file's `min_runtime_version`, and often too low: dynamic-range files say 1.5.0 whatever
they hold, an int16x8 file keeps the versions of int8 ops, and a dense layer with one scale a channel, which runtimes
before 2.10 load and compute wrongly (measured: 15 % agreement in 2.7 to 2.9, 100 % from 2.10 on), counts as 1.14.
Releases are those of TensorFlow's own table of ops and versions (FindMinimumRuntimeVersionForOp of 2.21).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from . import tflite
from .tflite import RUNTIME_ENTRY, guarded, open_model

RELEASES = {
    "ABS": "1.13.0 2.4.0 2.5.0 2.6.0 2.12.0",
    "ADD": "1.5.0 1.14.0 2.4.0 2.6.0 2.13.0",
    "ADD_N": "1.14.0",
    "AVERAGE_POOL_2D": "1.5.0 1.14.0 2.3.0",
    "BATCH_MATMUL": "2.3.0 2.3.0 2.4.0 2.5.0",
    "BATCH_TO_SPACE_ND": "1.6.0 1.14.0 2.3.0 2.12.0",
    "BROADCAST_ARGS": "2.6.0",
    "CAST": "1.5.0 2.7.0 2.8.0 2.9.0 2.12.0 2.15.0 2.17.0 2.21.0",
    "CONCATENATION": "1.5.0 1.14.0 2.3.0 2.14.0 2.21.0",
    "CONV_2D": "1.5.0 1.14.0 1.14.0 2.3.0 2.4.0 2.9.0 2.11.0 2.15.0",
    "DEPTH_TO_SPACE": "2.1.0 2.5.0",
    "DEPTHWISE_CONV_2D": "1.5.0 1.12.0 1.14.0 2.2.0 2.3.0 2.3.0 2.11.0",
    "DEQUANTIZE": "1.13.1 1.14.0 1.15.0 2.2.0 2.7.0 2.18.0 2.21.0",
    "DIV": "1.6.0 2.3.0",
    "ELU": "1.14.0",
    "EXP": "1.7.0 2.12.0",
    "EXPAND_DIMS": "1.10.0",
    "FLOOR": "1.9.0",
    "FLOOR_DIV": "1.14.0 1.14.0",
    "FULLY_CONNECTED": "1.5.0 1.10.0 1.14.0 1.14.0 2.0.0 2.1.0 2.3.0 2.3.0 2.3.0 2.11.0 2.15.0 2.17.0 2.18.0 2.21.0",
    "GATHER": "1.6.0 1.14.0 1.15.0 2.4.0 2.5.0 2.13.0 2.15.0",
    "GELU": "2.9.0 2.9.0",
    "HARD_SWISH": "1.15.0",
    "L2_NORMALIZATION": "1.5.0 1.14.0",
    "LEAKY_RELU": "1.13.1 2.3.0",
    "LOG": "1.14.0 2.15.0",
    "LOGISTIC": "1.14.0 1.14.0 2.3.0",
    "MAX_POOL_2D": "1.5.0 1.14.0 2.3.0",
    "MAXIMUM": "1.14.0 1.14.0 2.3.0 2.3.0",
    "MEAN": "1.6.0 1.14.0 2.4.0",
    "MINIMUM": "1.14.0 1.14.0 2.3.0 2.3.0",
    "MIRROR_PAD": "1.13.1 2.3.0 2.12.0",
    "MUL": "1.5.0 1.14.0 1.15.0 2.3.0 2.6.0 2.11.0 2.13.0",
    "NEG": "1.9.0",
    "PACK": "1.11.0 1.14.0 2.3.0 2.13.0",
    "PAD": "1.5.0 1.14.0 2.4.0 2.6.0 2.20.0",
    "PADV2": "1.9.0 1.14.0 2.4.0 2.6.0 2.20.0",
    "POW": "1.10.0",
    "PRELU": "1.8.0",
    "QUANTIZE": "1.14.0 1.15.0 2.7.0 2.21.0",
    "RANGE": "1.13.0",
    "REDUCE_MAX": "1.11.0 1.14.0 2.5.0",
    "REDUCE_MIN": "1.11.0 1.14.0 2.5.0",
    "RELU": "1.5.0 2.1.0 2.5.0",
    "RELU6": "1.5.0 1.14.0 2.5.0",
    "RESHAPE": "1.5.0",
    "RESIZE_BILINEAR": "1.7.0 1.14.0 2.2.0 2.5.0",
    "RESIZE_NEAREST_NEIGHBOR": "1.13.1 1.14.0 2.3.0 2.4.0",
    "ROUND": "1.14.0",
    "RSQRT": "1.10.0 2.5.0 2.15.0",
    "SHAPE": "1.10.0",
    "SLICE": "1.14.0 1.14.0 1.14.0 2.4.0 2.5.0 2.14.0 2.21.0",
    "SOFTMAX": "1.5.0 1.14.0 2.3.0",
    "SPACE_TO_BATCH_ND": "1.6.0 1.14.0 2.3.0 2.12.0",
    "SPACE_TO_DEPTH": "1.5.0 1.14.0",
    "SPLIT": "1.5.0 1.14.0 1.14.0 2.3.0",
    "SQRT": "1.10.0 2.21.0",
    "SQUARE": "1.12.0",
    "SQUARED_DIFFERENCE": "1.13.1 2.5.0",
    "SQUEEZE": "1.6.0 2.5.0",
    "STRIDED_SLICE": "1.6.0 1.14.0 2.1.0 2.2.0 2.5.0 2.6.0 2.14.0 2.14.0",
    "SUB": "1.6.0 1.14.0 2.3.0 2.4.0 2.4.0",
    "SUM": "1.10.0 1.15.0",
    "TANH": "1.14.0 1.14.0 2.3.0",
    "TILE": "1.10.1 2.2.0 2.8.0",
    "TRANSPOSE": "1.6.0 1.14.0 1.15.0 2.3.0 2.4.0 2.12.0",
    "TRANSPOSE_CONV": "1.9.0 2.2.0 2.3.0 2.13.0 2.15.0",
    "UNPACK": "1.11.0 1.14.0 2.2.0 2.3.0",
}
"""Op -> the release that first had its version 1, 2, 3 and so on."""

INT16_VERSIONS = {
    "ADD": 3,
    "AVERAGE_POOL_2D": 3,
    "CONCATENATION": 3,
    "CONV_2D": 4,
    "DEPTHWISE_CONV_2D": 5,
    "DEQUANTIZE": 3,
    "FULLY_CONNECTED": 7,
    "LEAKY_RELU": 2,
    "LOGISTIC": 3,
    "MAX_POOL_2D": 3,
    "MAXIMUM": 4,
    "MEAN": 3,
    "MINIMUM": 4,
    "MUL": 4,
    "PAD": 3,
    "PADV2": 3,
    "QUANTIZE": 2,
    "RELU": 3,
    "RELU6": 3,
    "SLICE": 4,
    "SOFTMAX": 3,
    "SUB": 5,
    "TANH": 3,
    "TRANSPOSE": 5,
}
"""Op -> its first version with int16 activations, whatever version the file's converter wrote."""

CHANNELWISE_DENSE = "2.10.0"
"""First runtime that uses every scale of a FULLY_CONNECTED op's weights when its activations are integers."""


def oldest(content: bytes) -> str | None:
    """The oldest TFLite release that computes a .tflite file correctly, as `2.10.0`.

    An op that RELEASES does not know counts for nothing; None when none is known. Raises ExportFileError when the bytes
    are not a TFLite model.
    """
    found = [*_op_releases(content), *([CHANNELWISE_DENSE] if has_channelwise_dense(content) else [])]
    return max(found, key=_number, default=None)


def declare(content: bytes) -> bytes:
    """The same file with a correct `min_runtime_version`: raised to `oldest` where it is lower, never lowered.

    The entry has a buffer of fixed size, so nothing else moves. A file without the entry stays as it is.
    """
    changed = bytearray(content)
    needed, root = oldest(content), open_model(changed)
    with guarded():
        held = tflite.metadata_view(root, RUNTIME_ENTRY)
    if needed is None or held is None:
        return content
    said = bytes(held).rstrip(b"\0").decode(errors="replace")
    if len(needed) > len(held) or _number(said) >= _number(needed):
        return content
    held[:] = np.frombuffer(needed.encode().ljust(len(held), b"\0"), np.uint8)
    return bytes(changed)


def _op_releases(content: bytes) -> Iterator[str]:
    for op in tflite.inspect(content).ops:
        releases = RELEASES.get(op.name, "").split()
        int16 = "int16" in {*op.inputs, *op.outputs}
        version = max(op.version, INT16_VERSIONS.get(op.name, 1) if int16 else 1)
        if version <= len(releases):
            yield releases[version - 1]


def has_channelwise_dense(content: bytes) -> bool:
    """Whether a dense layer has one scale a channel and integer activations."""
    from ai_edge_litert import schema_py_generated as schema

    model = open_model(content)
    with guarded():
        return any(
            model.operatorCodes[op.opcodeIndex].builtinCode == schema.BuiltinOperator.FULLY_CONNECTED
            and _is_channelwise(graph, op)
            for graph in model.subgraphs or ()
            for op in graph.operators or ()
        )


def _is_channelwise(graph: Any, op: Any) -> bool:
    from ai_edge_litert import schema_py_generated as schema

    given, weights = (graph.tensors[index] for index in op.inputs[:2])
    scales = None if weights.quantization is None else weights.quantization.scale
    return given.type != schema.TensorType.FLOAT32 and scales is not None and len(scales) > 1


def _number(release: str) -> tuple[int, ...]:
    """2.10.0 as (2, 10, 0), so that it is later than 2.9.1; anything else sorts first."""
    parts = release.split(".")
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else ()
