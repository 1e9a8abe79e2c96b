"""Read-only look into a .tflite file: what is in the written bytes, not what was asked of the converter.

A .tflite is a FlatBuffer with the file identifier TFL3; the schema ships with ai-edge-litert. FlatBuffers has
no checksum and its Python reader no verifier, so every read of foreign bytes happens inside `guarded()`.
"""

from __future__ import annotations

import contextlib
import functools
import math
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..errors import ExportFileError
from . import complexity, tflite_bounds
from .summary import BOUNDARY_OPS, CONVERSION_OPS, SHAPE_OPS, GraphSummary, OpSummary, TensorSummary

IDENTIFIER = b"TFL3"
RUNTIME_ENTRY = "min_runtime_version"

INTEGER_TYPES = frozenset({"bool", "int8", "int32", "int64"})
"""What an op of a full int8 file may touch: int8 activations and weights, int32 biases, sizes and indices."""


def inspect(model: bytes) -> GraphSummary:
    """What a .tflite file consists of.

    Raises ExportFileError when the bytes are not a TFLite model or end too early.
    """
    root = open_model(model)
    with guarded():
        if not root.subgraphs:
            raise ExportFileError("the TFLite file holds no graph; export it again")
        names = _signature_names(root)
        main = root.subgraphs[0]
        codes = [_op_code(code) for code in root.operatorCodes or ()]
        version = metadata_entry(root, RUNTIME_ENTRY)
        return GraphSummary(
            inputs=tuple(_summary(main, index, names) for index in _indices(main.inputs)),
            outputs=tuple(_summary(main, index, names) for index in _indices(main.outputs)),
            ops=tuple(op for graph in root.subgraphs for op in _ops(graph, codes)),
            min_runtime_version=version.rstrip(b"\0").decode() if version else None,
            weights_bytes=_weights_bytes(root),
            file_bytes=len(model),
            format="tflite",
            macs=sum(_macs(graph, codes) for graph in root.subgraphs),
            parameters=sum(_parameters(root, graph, codes) for graph in root.subgraphs),
        )


def float_ops(summary: GraphSummary) -> tuple[OpSummary, ...]:
    """The ops that keep a file from being full int8; empty means every compute op is int8.

    Every op computes except those of SHAPE_OPS and the conversions of BOUNDARY_OPS. The activations, weights and
    outputs of a compute op must be int8 (int32 and int64 are biases, sizes and indices). A QUANTIZE or DEQUANTIZE may
    touch float32 or uint8 only at an input or output of the graph; inside it is counted too.
    """
    return tuple(op for op in summary.ops if not _is_integer(op))


class ComputingOp(NamedTuple):
    """An op of the main graph that computes."""

    kind: str
    """Its name, such as CONV_2D."""

    output: str
    """Name of its first output."""

    in_float: bool
    """Whether it reads or writes float32."""


def computing(model: bytes) -> tuple[ComputingOp, ...]:
    """The ops of the main graph that compute, in order of execution; conversions and changes of shape are left out."""
    root = open_model(model)
    with guarded():
        main = root.subgraphs[0]
        codes = [_op_code(code) for code in root.operatorCodes or ()]
        return tuple(
            ComputingOp(
                summary.name,
                _name(main, _indices(op.outputs)[0]),
                "float32" in {*summary.inputs, *summary.outputs},
            )
            for op, summary in zip(main.operators or (), _ops(main, codes), strict=True)
            if summary.name not in SHAPE_OPS | CONVERSION_OPS and len(_indices(op.outputs))
        )


def open_model(model: bytes | bytearray) -> Any:
    """The content of a .tflite file as an object, `ai_edge_litert.schema_py_generated.ModelT`; its arrays are views.

    Raises ExportFileError when the bytes are empty, not a TFLite model, damaged, or declare more than they can hold.
    Read the object inside `guarded()`: what it refers to by number need not exist.
    """
    root = _root(model)
    with guarded():
        # Before any object is made: a table that is referred to again and again would become as many objects.
        tflite_bounds.check(root, len(model))
        return _schema().ModelT.InitFromObj(root)


def metadata_of(model: bytes, name: str) -> bytes | None:
    """The bytes of a file's named metadata buffer, or None, without making objects of the rest. Raises as `open_model`.

    model: the whole file.
    """
    root = _root(model)
    with guarded():
        tflite_bounds.check(root, len(model))
        entries = (root.Metadata(number) for number in range(root.MetadataLength()))
        found = next((entry for entry in entries if entry.Name() == name.encode()), None)
        if found is None:
            return None
        if found.Buffer() >= root.BuffersLength():
            raise LookupError(name)
        buffer = root.Buffers(found.Buffer())
        return b"" if buffer.DataIsNone() else bytes(buffer.DataAsNumpy())


def _root(model: bytes | bytearray) -> Any:
    if not model:
        raise ExportFileError("the file is empty; export it again")
    if model[4:8] != IDENTIFIER:
        raise ExportFileError("the file is not a TFLite model (its bytes 4-7 are not TFL3); pass a .tflite file")
    with guarded():
        return _schema().Model.GetRootAs(model)


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Turn any error from reading damaged FlatBuffer bytes into one ExportFileError."""
    try:
        yield
    except (
        struct.error,
        ArithmeticError,
        AttributeError,
        LookupError,
        MemoryError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        raise ExportFileError("the TFLite file is cut off or damaged; export or download it again") from error


def metadata_view(root: Any, name: str) -> Any:
    """The named metadata buffer of an opened model, a view uint8 [n], or None. Call it inside `guarded()`."""
    return next((_data(root, entry.buffer) for entry in root.metadata or () if entry.name == name.encode()), None)


def metadata_entry(root: Any, name: str) -> bytes | None:
    """The bytes of the named metadata buffer of an opened model, or None. Call it inside `guarded()`."""
    held = metadata_view(root, name)
    return None if held is None else bytes(held)


def _is_integer(op: OpSummary) -> bool:
    if op.name in SHAPE_OPS:
        return True
    types = {*op.inputs, *op.outputs}
    if op.boundary and op.name in BOUNDARY_OPS:
        types -= {"uint8", "float32"}
    return types <= INTEGER_TYPES


def _ops(graph: Any, codes: list[tuple[str, int]]) -> Iterator[OpSummary]:
    outside = {*_indices(graph.inputs), *_indices(graph.outputs)}
    for op in graph.operators or ():
        # Index -1 means an absent optional input.
        inputs = [index for index in _indices(op.inputs) if index >= 0]
        outputs = _indices(op.outputs)
        name, version = codes[op.opcodeIndex]
        yield OpSummary(
            name,
            version,
            tuple(_dtype(_tensor(graph, index)) for index in inputs),
            tuple(_dtype(_tensor(graph, index)) for index in outputs),
            not outside.isdisjoint([*inputs, *outputs]),
        )


def _name(graph: Any, index: int) -> str:
    return (_tensor(graph, index).name or b"").decode()


def _summary(graph: Any, index: int, names: dict[int, str]) -> TensorSummary:
    tensor = _tensor(graph, index)
    shape = _indices(tensor.shape)
    scales, zeros = _quantization(tensor)
    return TensorSummary(
        name=names.get(index) or _name(graph, index),
        shape=tuple(_indices(tensor.shapeSignature) or shape) if shape else (),
        dtype=_dtype(tensor),
        scale=float(scales[0]) if len(scales) == 1 else None,
        zero_point=int(zeros[0] if len(zeros) else 0) if len(scales) == 1 else None,
    )


def _quantization(tensor: Any) -> tuple[Any, Any]:
    """Scales and zero points of a tensor, () where it has none."""
    found = tensor.quantization
    held = (found.scale, found.zeroPoint) if found is not None else (None, None)
    scales, zeros = (() if each is None else each for each in held)
    return scales, zeros


def _signature_names(root: Any) -> dict[int, str]:
    """Tensor index -> the name it has in the main graph's signature."""
    names: dict[int, str] = {}
    for signature in root.signatureDefs or ():
        if signature.subgraphIndex == 0:
            for entry in (*(signature.inputs or ()), *(signature.outputs or ())):
                names.setdefault(entry.tensorIndex, entry.name.decode())
    return names


def _weights_bytes(root: Any) -> int:
    buffers = {tensor.buffer for graph in root.subgraphs for tensor in graph.tensors or ()}
    return sum(len(_data(root, buffer)) for buffer in buffers)


def _macs(graph: Any, codes: list[tuple[str, int]]) -> int:
    total = 0
    for op in graph.operators or ():
        outputs = _indices(op.outputs)
        inputs = [_shape(graph, index) for index in _indices(op.inputs)]
        total += complexity.macs(codes[op.opcodeIndex][0], inputs, _shape(graph, outputs[0])) if outputs else 0
    return total


def _parameters(root: Any, graph: Any, codes: list[tuple[str, int]]) -> int:
    """Elements of the constants that ops use as weights and biases; one that several ops share counts once."""
    counted = {}
    for op in graph.operators or ():
        for position, index in enumerate(_indices(op.inputs)):
            if index < 0 or len(_data(root, _tensor(graph, index).buffer)) == 0:
                continue
            shape, dtype = _shape(graph, index), _dtype(_tensor(graph, index))
            if complexity.is_parameter(codes[op.opcodeIndex][0], position, shape, dtype):
                counted[index] = math.prod(shape)
    return sum(counted.values())


def _tensor(graph: Any, index: int) -> Any:
    if index < 0:
        raise LookupError(f"tensor {index}")  # not the last one
    return graph.tensors[index]


def _shape(graph: Any, index: int) -> tuple[int, ...]:
    """Dimensions of a tensor, 1 where they are free; () for a number or an input that is left out."""
    return tuple(_indices(_tensor(graph, index).shape)) if index >= 0 else ()


def _data(root: Any, buffer: int) -> Any:
    """The bytes of a buffer, uint8 [n]."""
    data = root.buffers[buffer].data
    return b"" if data is None else data


def _indices(vector: Any) -> list[int]:
    return [] if vector is None else [int(index) for index in vector]


def _op_code(code: Any) -> tuple[str, int]:
    # Codes over 127 do not fit the older field, which then holds 127.
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    name = code.customCode.decode() if code.customCode else _op_names().get(number, f"UNKNOWN_{number}")
    return name, code.version


def _dtype(tensor: Any) -> str:
    return _type_names().get(tensor.type, f"unknown_{tensor.type}")


def _schema() -> Any:
    from ai_edge_litert import schema_py_generated

    return schema_py_generated


@functools.cache
def _op_names() -> dict[int, str]:
    return {number: name for name, number in vars(_schema().BuiltinOperator).items() if name.isupper()}


@functools.cache
def _type_names() -> dict[int, str]:
    return {number: name.lower() for name, number in vars(_schema().TensorType).items() if name.isupper()}
