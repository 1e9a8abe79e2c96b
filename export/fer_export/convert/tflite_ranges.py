"""Activation ranges in a calibrated float .tflite file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..model_file import tflite
from ..runtimes.op_by_op import TfliteActivations
from . import activation_ranges

SAME_SCALE = frozenset(
    {
        "AVERAGE_POOL_2D",
        "GATHER",
        "MAX_POOL_2D",
        "PAD",
        "RESHAPE",
        "RESIZE_NEAREST_NEIGHBOR",
        "SLICE",
        "SQUEEZE",
        "STRIDED_SLICE",
        "TRANSPOSE",
    }
)
"""Ops whose int8 kernel gives values on the grid that it reads."""

JOINED = frozenset({"CONCATENATION", "MAXIMUM", "MINIMUM", "PACK"})
"""Ops that read several values on one grid: their ranges stay the extremes."""

FEW, MOVED = 16, 0.05
"""Faces by which two files are found alike, and how far an extreme may move, as a share of the range."""

FIXED = frozenset({"L2_NORMALIZATION", "LOG_SOFTMAX", "LOGISTIC", "SOFTMAX", "TANH"})
"""Ops whose int8 kernel has a grid of its own."""

NOTHING = 1e-5
"""Share of its inputs' range below which a difference is 0."""


def with_ranges(calibrated: bytes, images: NDArray[np.uint8], unchanged: Collection[str]) -> bytes:
    """The calibrated file with the ranges of its activations chosen by their error.

    What only a max pool reads has the range of the pool's output: what the pool drops needs no place on the grid.

    images: calibration faces uint8 [N, S, S, C].
    unchanged: names of op outputs that keep their ranges.
    """
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(calibrated))
    graph = model.subgraphs[0]
    names = {_name(tensor): number for number, tensor in enumerate(graph.tensors)}
    found = {
        names[output]: limits
        for output, limits in activation_ranges.measured(TfliteActivations(calibrated), images, FIXED).items()
        if output in names and output not in unchanged
    }
    for op in reversed(graph.operators):
        if _op_name(model, op) in JOINED or (_op_name(model, op) in SAME_SCALE and op.outputs[0] not in found):
            for number in op.inputs:
                found.pop(number, None)
    for given, pooled in _pooled_alone(model):
        if pooled in found:
            found[given] = found[pooled]
    for op in graph.operators:
        if _op_name(model, op) in SAME_SCALE:
            source = found.get(op.inputs[0])
            found.pop(op.outputs[0], None)
            if source is not None:
                found[op.outputs[0]] = source
    for number, (low, high) in found.items():
        known = graph.tensors[number].quantization
        if known is not None and known.min is not None and len(known.min) == 1:
            known.min, known.max = [low], [high]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def copied(calibrated: bytes, source: bytes) -> bytes | None:
    """A calibrated file with the ranges of another one; None where that one lacks a tensor of it."""
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(calibrated))
    known = flatbuffer_utils.convert_bytearray_to_object(bytearray(source))
    ranges = {_name(tensor): tensor.quantization for tensor in known.subgraphs[0].tensors if _has_range(tensor)}
    for tensor in filter(_has_range, model.subgraphs[0].tensors):
        if _name(tensor) not in ranges:
            return None
        tensor.quantization = ranges[_name(tensor)]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def with_room(calibrated: bytes) -> bytes:
    """The calibrated file where a difference that is 0 for every face has the range of what it is made of.

    A SELU behind a ReLU has such ones. The step of a range without width is so fine that older runtimes, which hold
    the ratio of a SUB's steps in a number below 1, abort.
    """
    from ai_edge_litert.tools import flatbuffer_utils

    if "SUB" not in tflite.inspect(calibrated).op_counts:
        return calibrated
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(calibrated))
    graph, changed = model.subgraphs[0], False
    for op in graph.operators:
        tensors = [graph.tensors[number] for number in (op.outputs[0], *op.inputs)]
        if _op_name(model, op) == "SUB" and all(map(_has_range, tensors)):
            reach = max(map(_reach, tensors[1:]))
            if _reach(tensors[0]) < NOTHING * reach:
                tensors[0].quantization.max, changed = [reach], True
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model)) if changed else calibrated


def _pooled_alone(model: Any) -> list[tuple[int, int]]:
    """Tensors that a MAX_POOL_2D alone reads, or a PAD that it alone reads, with the pool's output; last ones first."""
    graph, found = model.subgraphs[0], dict[int, int]()
    read = Counter(int(number) for op in graph.operators for number in set(op.inputs)) + Counter(graph.outputs)
    for op in reversed(graph.operators):
        kind, given, made = _op_name(model, op), int(op.inputs[0]), int(op.outputs[0])
        if read[given] == 1 and (kind == "MAX_POOL_2D" or (kind == "PAD" and made in found)):
            found[given] = found.get(made, made)
    return list(found.items())


def _reach(tensor: Any) -> float:
    """The largest magnitude in a tensor's range."""
    return max(abs(float(tensor.quantization.min[0])), abs(float(tensor.quantization.max[0])))


def alike(one: bytes, other: bytes, images: NDArray[np.uint8]) -> bool:
    """Whether the activations of two float files of the same ops have about the same extremes.

    Layers that stay float have the weights from before they were fitted to int8. Mostly that moves the activations by
    a step; where int8 cannot hold the weights, by much more.
    """
    found = []
    for content in (one, other):
        activations = TfliteActivations(content)
        found.append(activation_ranges.extremes(activations, images[:FEW], {op.name for op in activations.ops}))
    first, second = found
    return first.keys() == second.keys() and all(
        max(abs(low - second[name][0]), abs(high - second[name][1])) <= MOVED * (high - low)
        for name, (low, high) in first.items()
    )


def _has_range(tensor: Any) -> bool:
    known = tensor.quantization
    return known is not None and known.min is not None and len(known.min) > 0


def _name(tensor: Any) -> str:
    return tensor.name.decode() if isinstance(tensor.name, bytes) else str(tensor.name)


def _op_name(model: Any, op: Any) -> str:
    from ai_edge_litert import schema_py_generated as schema

    code = model.operatorCodes[op.opcodeIndex]
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    return next((name for name, value in vars(schema.BuiltinOperator).items() if value == number), "")
