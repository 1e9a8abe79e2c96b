"""Read-only look into an .onnx file: what is in the written bytes.

An ONNX file is one protobuf message. Labels, contract and calibration record stand in its `metadata_props`, the
place of the format for such: `labels` a JSON list in the order of the output, `contract` and `calibration` JSON
objects. onnxruntime hands them out on every platform (`modelmeta.custom_metadata_map` in Python).
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from ..contract import Contract, describe
from ..errors import ExportFileError
from . import embedded, onnx_bounds
from .summary import GraphSummary, ModelInfo, OpSummary, TensorSummary

PRODUCER = "fer-export"
LABELS, CONTRACT, CALIBRATION = "labels", "contract", "calibration"

COMPUTE_OPS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
"""Ops whose operands an int8 file holds in int8."""

_DAMAGED = "the ONNX file is cut off or damaged; export or download it again"
_SECOND_OPERAND = {"QLinearConv": 3, "QLinearMatMul": 3, "QGemm": 3}
"""Position among the inputs of an op; 1 for all others."""
_CONVOLUTIONS = frozenset({"Conv", "ConvInteger", "ConvTranspose", "FusedConv", "QLinearConv"})
_PRODUCTS = frozenset(
    {"FusedGemm", "FusedMatMul", "Gemm", "MatMul", "MatMulInteger", "MatMulIntegerToFloat", "QGemm", "QLinearMatMul"}
)
_SIZE_ROLES = frozenset({"roi", "scales"})
_QUANTISATION_ROLES = ("scale", "zero_point")
_INT32_BIAS = frozenset({"DequantizeLinear", "QGemm", "QLinearConv"})
"""Ops whose int32 constants are biases; elsewhere they are sizes, axes and indices."""


def inspect(content: bytes) -> GraphSummary:
    """What an .onnx file consists of; raises ExportFileError when it is not an ONNX model, cut off or damaged."""
    model = open_model(content)
    with guarded():
        types, shapes = _types(model), tensor_shapes(model)
        graph = model.graph
        constants = {tensor.name for tensor in graph.initializer}
        inputs = [info for info in graph.input if info.name not in constants]
        outside = {info.name for info in (*inputs, *graph.output)}
        return GraphSummary(
            inputs=tuple(_tensor(info, types, shapes) for info in inputs),
            outputs=tuple(_tensor(info, types, shapes) for info in graph.output),
            ops=tuple(_op(model, node, types, outside) for node in nodes_of(graph)),
            min_runtime_version=None,
            weights_bytes=sum(_bytes(tensor) for tensor in graph.initializer),
            file_bytes=len(content),
            format="onnx",
            opset=opset(model),
            macs=macs(model),
            parameters=parameters(model),
        )


def read(content: bytes) -> ModelInfo:
    """What an .onnx file says about itself, from any exporter: labels of its output, contract, calibration record.

    Raises ExportFileError when it is not an ONNX model, cut off or damaged.
    """
    model = open_model(content)
    with guarded():
        documents = {entry.key: entry.value for entry in model.metadata_props}
        labels = json.loads(documents.get(LABELS, "[]"))
        if not isinstance(labels, list):
            raise ExportFileError("`labels` inside the ONNX file is not a JSON list; export it again")
        return ModelInfo(
            name=model.graph.name,
            description=model.doc_string,
            labels=tuple(str(label) for label in labels),
            contract=embedded.contract(documents[CONTRACT], CONTRACT) if CONTRACT in documents else None,
            calibration=embedded.calibration(documents[CALIBRATION], CALIBRATION) if CALIBRATION in documents else None,
        )


def embed(model: Any, contract: Contract, calibration: Mapping[str, Any] | None = None) -> bytes:
    """The bytes of a ModelProto with labels, contract and, where given, calibration record; the same each time.

    The contract comes last: a file of ours without it was cut off.
    """
    model.producer_name, model.graph.name = PRODUCER, contract.model
    model.doc_string = describe(contract)
    documents = {LABELS: list(contract.labels), CALIBRATION: calibration, CONTRACT: contract.to_dict()}
    for key, document in documents.items():
        if document is not None:
            # A label may hold half a character, which protobuf refuses: its escape is read back as the same label.
            readable = json.dumps(document, ensure_ascii=False, allow_nan=False)
            value = readable if readable.isprintable() else json.dumps(document, allow_nan=False)
            model.metadata_props.add(key=key, value=value)
    return bytes(model.SerializeToString(deterministic=True))


def open_model(content: bytes) -> Any:
    """The checked ModelProto of an .onnx file; raises ExportFileError for anything else. Read it inside `guarded()`."""
    import onnx

    if not content:
        raise ExportFileError("the file is empty; export it again")
    with guarded():
        model = onnx.load_model_from_string(content)
        if not model.graph.node or not model.graph.output:
            raise ExportFileError("the ONNX file holds no graph (cut off, or something else); export it again")
        onnx_bounds.check(model)
        onnx.checker.check_model(content)
        keys = {entry.key for entry in model.metadata_props}
        if model.producer_name == PRODUCER and CONTRACT not in keys:
            raise ExportFileError(_DAMAGED)
    return model


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Turn any error from reading damaged bytes into one ExportFileError."""
    import onnx
    from google.protobuf.message import DecodeError

    foreign = (DecodeError, onnx.checker.ValidationError, onnx.shape_inference.InferenceError)
    plain = (ArithmeticError, AttributeError, LookupError, MemoryError, RuntimeError, TypeError, ValueError)
    try:
        yield
    except (*foreign, *plain) as error:
        raise ExportFileError(_DAMAGED) from error


def layer_of(name: str) -> str:
    """The Keras layer, `conv3` or `backbone/conv3`, of a node or tensor in a file of ours; "" where there is none."""
    return name.rpartition("/")[0]


def float_ops(model: Any) -> list[Any]:
    """The nodes of COMPUTE_OPS that do not read both operands from a dequantisation, and so run in float."""
    nodes = list(nodes_of(model.graph))
    dequantised = {name for node in nodes if node.op_type == "DequantizeLinear" for name in node.output}
    return [node for node in nodes if node.op_type in COMPUTE_OPS and not dequantised.issuperset(node.input[:2])]


def opset(model: Any) -> int | None:
    """The version of ONNX's own ops that a model is written in."""
    return next((int(entry.version) for entry in model.opset_import if entry.domain in ("", "ai.onnx")), None)


def macs(model: Any) -> int | None:
    """Multiply-accumulates of one inference at batch 1; None where a shape cannot be told.

    Counted are convolutions and matrix products, float and integer; a dimension that is free counts as 1.
    """
    shapes, total = tensor_shapes(model), 0
    for node in nodes_of(model.graph):
        if node.op_type in _CONVOLUTIONS | _PRODUCTS:
            names = node.input[0], node.input[_SECOND_OPERAND.get(node.op_type, 1)], node.output[0]
            if any(name not in shapes for name in names):
                return None
            total += _macs(node, *([size or 1 for size in shapes[name]] for name in names))
    return total


def parameters(model: Any) -> int:
    """How many weights and biases a model holds; without scales, zero points, shapes and single numbers."""
    roles: dict[str, set[tuple[str, str]]] = {}
    for node in nodes_of(model.graph):
        for position, name in enumerate(node.input):
            roles.setdefault(name, set()).add((node.op_type, role(model, node, position)))
    return sum(
        math.prod(tensor.dims)
        for tensor in model.graph.initializer
        if _is_weight(tensor, roles.get(tensor.name, set()))
    )


def nodes_of(graph: Any) -> Iterator[Any]:
    """The nodes of a graph in order of execution, those of graphs inside a node behind it."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
                yield from nodes_of(inner)


def role(model: Any, node: Any, position: int) -> str:
    """What the standard calls an input of an op: `W` of Conv, `y_scale` of QuantizeLinear; its number if unknown."""
    schema = _schema(model, node)
    if schema is None or not schema.inputs:
        return str(position)
    return str(schema.inputs[min(position, len(schema.inputs) - 1)].name)


def tensor_shapes(model: Any) -> dict[str, tuple[int | None, ...]]:
    """The shapes that inference finds, by tensor; None for a free dimension."""
    found: dict[str, tuple[int | None, ...]] = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    for info in _infos(model):
        if info.type.tensor_type.HasField("shape"):
            dims = info.type.tensor_type.shape.dim
            found[info.name] = tuple(int(dim.dim_value) if dim.HasField("dim_value") else None for dim in dims)
    return found


def _infos(model: Any) -> list[Any]:
    from onnx import shape_inference

    graph = shape_inference.infer_shapes(model).graph
    return [*graph.input, *graph.value_info, *graph.output]


def _types(model: Any) -> dict[str, str]:
    """Element type by tensor, in NumPy's words."""
    codes = {info.name: info.type.tensor_type.elem_type for info in _infos(model)}
    codes |= {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    return {name: _type(code) for name, code in codes.items()}


def _type(code: int) -> str:
    from onnx import TensorProto, helper

    if code in (TensorProto.UNDEFINED, TensorProto.STRING):
        return "string" if code else "unknown"
    return str(helper.tensor_dtype_to_np_dtype(code).name)


def _tensor(info: Any, types: Mapping[str, str], shapes: Mapping[str, tuple[int | None, ...]]) -> TensorSummary:
    shape = tuple(-1 if size is None else size for size in shapes.get(info.name, ()))
    return TensorSummary(info.name, shape, types[info.name], None, None)


def _op(model: Any, node: Any, types: Mapping[str, str], outside: set[str]) -> OpSummary:
    schema = _schema(model, node)
    return OpSummary(
        node.op_type,
        schema.since_version if schema else 1,
        # An absent optional input has no name.
        tuple(types.get(name, "unknown") for name in node.input if name),
        tuple(types.get(name, "unknown") for name in node.output if name),
        not outside.isdisjoint([*node.input, *node.output]),
    )


def _schema(model: Any, node: Any) -> Any | None:
    """The op in the standard, None for a custom op."""
    import onnx

    version = next((entry.version for entry in model.opset_import if entry.domain == node.domain), 1)
    known = onnx.defs.has(node.op_type, version, node.domain)
    return onnx.defs.get_schema(node.op_type, version, node.domain) if known else None


def _macs(node: Any, given: list[int], weights: list[int], result: list[int]) -> int:
    if node.op_type in _CONVOLUTIONS:
        # Each place of the output, or of a transposed convolution's input, sees a filter of one group.
        return math.prod(given if node.op_type == "ConvTranspose" else result) * math.prod(weights[1:])
    turned = any(attribute.name == "transA" and attribute.i for attribute in node.attribute)
    return math.prod(result) * given[0 if turned else -1]


def _is_weight(tensor: Any, roles: set[tuple[str, str]]) -> bool:
    from onnx import TensorProto

    words = {tensor.name, *(word for _, word in roles)}
    if (
        not tensor.dims
        or not words.isdisjoint(_SIZE_ROLES)
        or any(word.endswith(_QUANTISATION_ROLES) for word in words)
    ):
        return False
    if tensor.data_type == TensorProto.INT32:
        return any(op in _INT32_BIAS for op, _ in roles)
    return tensor.data_type not in (TensorProto.INT64, TensorProto.BOOL, TensorProto.STRING)


def _bytes(tensor: Any) -> int:
    """Size of a constant; raises ValueError where its data do not fill its shape."""
    from onnx import numpy_helper

    return int(numpy_helper.to_array(tensor).nbytes)
