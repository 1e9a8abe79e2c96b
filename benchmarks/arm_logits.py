"""An int8 file cut off before its softmax: what its integer layers computed, without an op that processors may round.

An int8 ONNX file computes its softmax in float. TFLite's int8 SOFTMAX has two kernels: one with a table of 16-bit
numbers where it was built for arm64, one with a table of floats elsewhere (`TFLITE_SOFTMAX_USE_UINT16_LUT` in its
optimized_ops.h). Of the same logits of 3,589 PublicTest faces they make other bytes in 47 (compact-7) and 37
(report-512-7), always by one step of 1/256, and never another top-1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fer_export import backend
from fer_export.flatbuffer import open_model


@dataclass(frozen=True)
class Cut:
    """content: the file that gives the logits. float_softmax: whether the softmax left out computes in float."""

    content: bytes
    float_softmax: bool


def before_softmax(content: bytes, file_format: str) -> Cut | None:
    """A `tflite` or `onnx` file without its softmax; None where it does not end in one."""
    return _tflite(content) if file_format == "tflite" else _onnx(content)


def _onnx(content: bytes) -> Cut | None:
    with backend.silenced():
        import onnx

        model = onnx.load_from_string(content)
    last, [result] = model.graph.node[-1], model.graph.output
    if last.op_type != "Softmax" or list(last.output) != [result.name]:
        return None
    result.name = last.input[0]
    del model.graph.node[-1]
    return Cut(bytes(model.SerializeToString()), True)


def _tflite(content: bytes) -> Cut | None:
    """Only a conversion of the probabilities may stand behind the softmax."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    open_model(content)
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content))
    [graph] = model.subgraphs
    places = [i for i in range(len(graph.operators)) if _code(model, graph, i) == schema.BuiltinOperator.SOFTMAX]
    if not places or len(graph.operators) - places[-1] > 2:
        return None
    softmax = graph.operators[places[-1]]
    float_softmax = graph.tensors[softmax.outputs[0]].type == schema.TensorType.FLOAT32
    graph.operators = graph.operators[: places[-1]]
    graph.outputs = [softmax.inputs[0]]
    # They name the outputs that are gone.
    model.signatureDefs = []
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return Cut(bytes(builder.Output()), float_softmax)


def _code(model: Any, graph: Any, place: int) -> int:
    return int(model.operatorCodes[graph.operators[place].opcodeIndex].builtinCode)
