"""What LiteRT's kernels ask of a .tflite file that TensorFlow does not see to.

Inverse roots of 0: TensorFlow turns rsqrt(max(x, 1e-12)), of which UnitNormalization is made, into min(rsqrt(x), 1e6).
TFLite's own kernels give infinity for rsqrt(0), hence 1e6; XNNPACK's give NaN, and so does the network wherever all
channels are 0.

ELU: LiteRT has a kernel for int8, a table of 256 values, which TensorFlow's quantiser does not know. It quantises a
LeakyReLU in the ELU's place.

Numbers of 16 bits: the kernels ask for the zero point 0, where the newer quantiser rounds the middle of 65,536 steps to
-1; they take biases for int64, which it writes in int32; and they add and multiply numbers of 16 bits, where it writes
constants in 8.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..model_file import tflite

SMALLEST = 1e-37
"""Least x that the root is taken of where the file has lost its bound: 1e6 is infinite in float16."""


def bounded(content: bytes) -> bytes:
    """A .tflite file with rsqrt(max(x, 1 / c^2)) for its float min(rsqrt(x), c); the same bytes where it has none."""
    if not {"RSQRT", "MINIMUM"} <= set(tflite.inspect(content).op_counts):
        return content
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    changed = [_bound(model, graph) for graph in model.subgraphs]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model)) if any(changed) else content


STANDS_FOR_ELU = np.float32(0.6321206)
"""Slope of the LeakyReLU that is quantised in place of an ELU; no network has this one by chance."""


def quantised_with_elu(content: bytes, quantise: Callable[[bytes], bytes]) -> bytes:
    """The file that `quantise` makes of a calibrated one, with each ELU in int8 where what is around it is."""
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.tools import flatbuffer_utils

    ops, options = schema.BuiltinOperator, schema.BuiltinOptions
    if "ELU" not in tflite.inspect(content).op_counts:
        return quantise(content)
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    leaky = _code(model, ops.LEAKY_RELU)
    for op in _ops(model, ops.ELU):
        op.opcodeIndex, op.builtinOptionsType = leaky, options.LeakyReluOptions
        op.builtinOptions = schema.LeakyReluOptionsT()
        op.builtinOptions.alpha = STANDS_FOR_ELU
    model = flatbuffer_utils.convert_bytearray_to_object(
        bytearray(quantise(bytes(flatbuffer_utils.convert_object_to_bytearray(model))))
    )
    found = _ops(model, ops.LEAKY_RELU)
    standing = [op for op in found if np.float32(op.builtinOptions.alpha) == STANDS_FOR_ELU]
    if standing and len(standing) == len(found):  # no LeakyReLU is left
        code = model.operatorCodes[standing[0].opcodeIndex]
        code.builtinCode, code.deprecatedBuiltinCode, code.version = ops.ELU, ops.ELU, 1
    for op in standing:
        op.opcodeIndex = _code(model, ops.ELU)
        op.builtinOptionsType, op.builtinOptions = options.NONE, None
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _ops(model: Any, builtin: int) -> list[Any]:
    """The ops of a kind in all graphs."""
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    return [op for graph in model.subgraphs for op in graph.operators if codes[op.opcodeIndex] == builtin]


def with_16_bits(content: bytes) -> bytes:
    """A file of the newer quantiser with such numbers; what it computes differs by less than a step of 65,536."""
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    kinds, ops = schema.TensorType, schema.BuiltinOperator
    elementwise = {ops.ADD, ops.SUB, ops.MUL, ops.DIV, ops.MAXIMUM, ops.MINIMUM}
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            if tensor.type == kinds.INT16 and tensor.quantization is not None:
                tensor.quantization.zeroPoint = [0]
        for op in graph.operators:
            if graph.tensors[op.outputs[0]].type != kinds.INT16:
                continue
            for tensor in (graph.tensors[number] for number in op.inputs if number >= 0):
                # Only biases are int32 with a scale.
                if tensor.type == kinds.INT32 and _scaled(tensor):
                    _store(model, tensor, kinds.INT64, _values(model, tensor, np.int32).astype(np.int64))
                elif tensor.type == kinds.INT8 and _scaled(tensor) and codes[op.opcodeIndex] in elementwise:
                    zero = int(tensor.quantization.zeroPoint[0])
                    _store(
                        model, tensor, kinds.INT16, _values(model, tensor, np.int8).astype(np.int16) - np.int16(zero)
                    )
                    tensor.quantization.zeroPoint = [0]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _bound(model: Any, graph: Any) -> bool:
    """Whether the graph had such pairs; they change places, the minimum as a maximum."""
    pairs = _pairs(model, graph)
    for root, least, bound in pairs:
        _swap(model, graph, root, least, max(1 / bound**2, SMALLEST))
    return bool(pairs)


def _pairs(model: Any, graph: Any) -> list[tuple[Any, Any, float]]:
    """Each float inverse root that a minimum with a constant alone reads: the root, the minimum, the constant."""
    from ai_edge_litert import schema_py_generated as schema

    kinds = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    ops = schema.BuiltinOperator
    pairs = []
    for root in graph.operators:
        if kinds[root.opcodeIndex] != ops.RSQRT or graph.tensors[root.outputs[0]].type != schema.TensorType.FLOAT32:
            continue
        readers = [op for op in graph.operators if root.outputs[0] in op.inputs]
        if len(readers) == 1 and kinds[readers[0].opcodeIndex] == ops.MINIMUM and root.outputs[0] not in graph.outputs:
            [other] = [tensor for tensor in readers[0].inputs if tensor != root.outputs[0]]
            bound = _constant(model, graph, kinds, int(other))
            if bound is not None and bound > 0:
                pairs.append((root, readers[0], bound))
    return pairs


def _swap(model: Any, graph: Any, root: Any, least: Any, under: float) -> None:
    """Make of root and minimum a maximum with a number, and the root of that."""
    from ai_edge_litert import schema_py_generated as schema

    number = len(graph.tensors)
    tensor = copy.copy(graph.tensors[root.outputs[0]])
    tensor.name, tensor.shape, tensor.shapeSignature = b"least_under_the_root", [], None
    tensor.quantization = None
    graph.tensors.append(tensor)
    _store(model, tensor, schema.TensorType.FLOAT32, np.array([under], np.float32))
    least.opcodeIndex, root.opcodeIndex = root.opcodeIndex, _code(model, schema.BuiltinOperator.MAXIMUM)
    root.inputs, least.inputs = [int(root.inputs[0]), number], [int(root.outputs[0])]
    root.builtinOptionsType = schema.BuiltinOptions.MaximumMinimumOptions
    root.builtinOptions = schema.MaximumMinimumOptionsT()
    least.builtinOptionsType, least.builtinOptions = schema.BuiltinOptions.NONE, None


def _constant(model: Any, graph: Any, kinds: list[int], number: int) -> float | None:
    """The value of a tensor of one float, infinite beyond float16 where it is stored so; None for any other tensor."""
    from ai_edge_litert import schema_py_generated as schema

    writers = [op for op in graph.operators if number in op.outputs]
    if writers and kinds[writers[0].opcodeIndex] == schema.BuiltinOperator.DEQUANTIZE:
        return _constant(model, graph, kinds, int(writers[0].inputs[0]))
    tensor = graph.tensors[number]
    data = model.buffers[tensor.buffer].data
    kind = {schema.TensorType.FLOAT32: np.float32, schema.TensorType.FLOAT16: np.float16}.get(tensor.type)
    if writers or data is None or kind is None or len(data) != np.dtype(kind).itemsize:
        return None
    return float(np.frombuffer(np.asarray(data, np.uint8).tobytes(), kind)[0])


def _code(model: Any, builtin: int) -> int:
    """Number of the op among the file's op codes, where it is added if it is not there."""
    from ai_edge_litert import schema_py_generated as schema

    for number, code in enumerate(model.operatorCodes):
        if max(code.builtinCode, code.deprecatedBuiltinCode) == builtin:
            return number
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = builtin
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def _scaled(tensor: Any) -> bool:
    return tensor.quantization is not None and tensor.quantization.scale is not None


def _values(model: Any, tensor: Any, kind: type[np.generic]) -> NDArray[Any]:
    return np.frombuffer(bytes(model.buffers[tensor.buffer].data), kind)


def _store(model: Any, tensor: Any, kind: int, values: NDArray[Any]) -> None:
    """Give a tensor values of another type in a buffer of its own, as others may share the old one."""
    from ai_edge_litert import schema_py_generated as schema

    tensor.type, tensor.buffer = kind, len(model.buffers)
    model.buffers.append(schema.BufferT(data=np.frombuffer(values.tobytes(), np.uint8)))
