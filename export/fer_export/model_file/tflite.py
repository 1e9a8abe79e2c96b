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
from typing import Any

from ..errors import ExportFileError
from . import complexity, tflite_bounds
from .summary import BOUNDARY_OPS, SHAPE_OPS, GraphSummary, OpSummary, TensorSummary

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
        if root.SubgraphsLength() == 0:
            raise ExportFileError("the TFLite file holds no graph; export it again")
        names = _signature_names(root)
        main = root.Subgraphs(0)
        codes = [_op_code(root.OperatorCodes(i)) for i in range(root.OperatorCodesLength())]
        graphs = [root.Subgraphs(i) for i in range(root.SubgraphsLength())]
        version = metadata_entry(root, RUNTIME_ENTRY)
        return GraphSummary(
            inputs=tuple(_tensor(main, i, names) for i in _indices(main, "Inputs")),
            outputs=tuple(_tensor(main, i, names) for i in _indices(main, "Outputs")),
            ops=tuple(op for graph in graphs for op in _ops(graph, codes)),
            min_runtime_version=version.rstrip(b"\0").decode() if version else None,
            weights_bytes=_weights_bytes(root, graphs),
            file_bytes=len(model),
            format="tflite",
            macs=sum(_macs(graph, codes) for graph in graphs),
            parameters=sum(_parameters(root, graph, codes) for graph in graphs),
        )


def float_ops(summary: GraphSummary) -> tuple[OpSummary, ...]:
    """The ops that keep a file from being full int8; empty means every compute op is int8.

    Every op computes except those of SHAPE_OPS and the conversions of BOUNDARY_OPS. The activations, weights and
    outputs of a compute op must be int8 (int32 and int64 are biases, sizes and indices). A QUANTIZE or DEQUANTIZE may
    touch float32 or uint8 only at an input or output of the graph; inside it is counted too.
    """
    return tuple(op for op in summary.ops if not _is_integer(op))


def computing(model: bytes) -> tuple[tuple[str, bool], ...]:
    """Name of the output of each computing op of the main graph, and whether it computes in float.

    Conversions and changes of shape are left out.
    """
    root = open_model(model)
    with guarded():
        graph = root.Subgraphs(0)
        codes = [_op_code(root.OperatorCodes(i)) for i in range(root.OperatorCodesLength())]
        return tuple(
            (_name(graph, _indices(op, "Outputs")[0], {}), "float32" in {*summary.inputs, *summary.outputs})
            for op, summary in zip(_operators(graph), _ops(graph, codes), strict=True)
            if summary.name not in SHAPE_OPS | BOUNDARY_OPS and _indices(op, "Outputs")
        )


def open_model(model: bytes) -> Any:
    """The root table (`ai_edge_litert.schema_py_generated.Model`) of a .tflite file.

    Raises ExportFileError when the bytes are empty or not a TFLite model. Read it inside `guarded()`.
    """
    schema = _schema()
    if not model:
        raise ExportFileError("the file is empty; export it again")
    if model[4:8] != IDENTIFIER:
        raise ExportFileError("the file is not a TFLite model (its bytes 4-7 are not TFL3); pass a .tflite file")
    with guarded():
        root = schema.Model.GetRootAs(model)
        tflite_bounds.check(root, len(model))
        return root


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


def metadata_entry(root: Any, name: str) -> bytes | None:
    """The bytes of the named metadata buffer of a model, or None. Call it inside `guarded()`."""
    for i in range(root.MetadataLength()):
        entry = root.Metadata(i)
        if entry.Name() == name.encode():
            return bytes(_data(root.Buffers(entry.Buffer())))
    return None


def _is_integer(op: OpSummary) -> bool:
    if op.name in SHAPE_OPS:
        return True
    types = {*op.inputs, *op.outputs}
    if op.boundary and op.name in BOUNDARY_OPS:
        types -= {"uint8", "float32"}
    return types <= INTEGER_TYPES


def _ops(graph: Any, codes: list[tuple[str, int]]) -> Iterator[OpSummary]:
    outside = {*_indices(graph, "Inputs"), *_indices(graph, "Outputs")}
    for op in _operators(graph):
        # Index -1 means an absent optional input.
        inputs = [index for index in _indices(op, "Inputs") if index >= 0]
        outputs = _indices(op, "Outputs")
        name, version = codes[op.OpcodeIndex()]
        yield OpSummary(
            name,
            version,
            tuple(_dtype(graph.Tensors(index)) for index in inputs),
            tuple(_dtype(graph.Tensors(index)) for index in outputs),
            not outside.isdisjoint([*inputs, *outputs]),
        )


def _tensor(graph: Any, index: int, names: dict[int, str]) -> TensorSummary:
    tensor = graph.Tensors(index)
    free = tensor.ShapeSignatureLength() > 0
    shape = tensor.ShapeSignatureAsNumpy() if free else tensor.ShapeAsNumpy()
    quantization = tensor.Quantization()
    scaled = quantization is not None and quantization.ScaleLength() == 1
    return TensorSummary(
        name=_name(graph, index, names),
        shape=tuple(int(size) for size in shape) if tensor.ShapeLength() else (),
        dtype=_dtype(tensor),
        scale=float(quantization.Scale(0)) if scaled else None,
        zero_point=int(quantization.ZeroPoint(0)) if scaled else None,
    )


def _name(graph: Any, index: int, names: dict[int, str]) -> str:
    return names.get(index) or (graph.Tensors(index).Name() or b"").decode()


def _signature_names(root: Any) -> dict[int, str]:
    """Tensor index -> the name it has in the main graph's signature."""
    names: dict[int, str] = {}
    for i in range(root.SignatureDefsLength()):
        signature = root.SignatureDefs(i)
        if signature.SubgraphIndex() != 0:
            continue
        maps = [signature.Inputs(j) for j in range(signature.InputsLength())]
        maps += [signature.Outputs(j) for j in range(signature.OutputsLength())]
        for entry in maps:
            names.setdefault(entry.TensorIndex(), entry.Name().decode())
    return names


def _weights_bytes(root: Any, graphs: list[Any]) -> int:
    buffers = {graph.Tensors(i).Buffer() for graph in graphs for i in range(graph.TensorsLength())}
    return sum(len(_data(root.Buffers(buffer))) for buffer in buffers)


def _macs(graph: Any, codes: list[tuple[str, int]]) -> int:
    total = 0
    for op in _operators(graph):
        outputs = _indices(op, "Outputs")
        inputs = [_shape(graph, index) for index in _indices(op, "Inputs")]
        total += complexity.macs(codes[op.OpcodeIndex()][0], inputs, _shape(graph, outputs[0])) if outputs else 0
    return total


def _parameters(root: Any, graph: Any, codes: list[tuple[str, int]]) -> int:
    """Elements of the constants that ops use as weights and biases; one that several ops share counts once."""
    counted = {}
    for op in _operators(graph):
        for position, index in enumerate(_indices(op, "Inputs")):
            if index < 0 or root.Buffers(graph.Tensors(index).Buffer()).DataLength() == 0:
                continue
            shape, dtype = _shape(graph, index), _dtype(graph.Tensors(index))
            if complexity.is_parameter(codes[op.OpcodeIndex()][0], position, shape, dtype):
                counted[index] = math.prod(shape)
    return sum(counted.values())


def _operators(graph: Any) -> Iterator[Any]:
    return (graph.Operators(i) for i in range(graph.OperatorsLength()))


def _shape(graph: Any, index: int) -> tuple[int, ...]:
    """Dimensions of a tensor, 1 where they are free; () for a number or an input that is left out."""
    tensor = graph.Tensors(index) if index >= 0 else None
    return tuple(int(size) for size in tensor.ShapeAsNumpy()) if tensor and tensor.ShapeLength() else ()


def _data(buffer: Any) -> Any:
    """The bytes of a buffer, uint8 [n]; raises ValueError where they reach past the end of the file."""
    return buffer.DataAsNumpy() if buffer.DataLength() else b""


def _indices(table: Any, side: str) -> list[int]:
    length = getattr(table, f"{side}Length")()
    return [int(index) for index in getattr(table, f"{side}AsNumpy")()] if length else []


def _op_code(code: Any) -> tuple[str, int]:
    custom = code.CustomCode()
    # Codes over 127 do not fit the older field, which then holds 127.
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    name = custom.decode() if custom else _op_names().get(number, f"UNKNOWN_{number}")
    return name, code.Version()


def _dtype(tensor: Any) -> str:
    return _type_names().get(tensor.Type(), f"unknown_{tensor.Type()}")


def _schema() -> Any:
    from ai_edge_litert import schema_py_generated

    return schema_py_generated


@functools.cache
def _op_names() -> dict[int, str]:
    return {number: name for name, number in vars(_schema().BuiltinOperator).items() if name.isupper()}


@functools.cache
def _type_names() -> dict[int, str]:
    return {number: name.lower() for name, number in vars(_schema().TensorType).items() if name.isupper()}
