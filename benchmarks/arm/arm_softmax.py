"""An int8 file cut off before its softmax, and TFLite's int8 softmax as arm64 computes it.

What an int8 file computes up to its softmax is the same on every processor (TFLite's averages because they are made so,
where they can be: convert/averages.py). An ONNX file's softmax is float. TFLite's int8 SOFTMAX has two kernels: one
with a table of floats, and, where it was built for arm64, one with a table of 16-bit numbers and a fixed-point division
(`TFLITE_SOFTMAX_USE_UINT16_LUT` in its optimized_ops.h). Of the same logits of 3,589 PublicTest faces they make other
bytes in 47 (an earlier compact-7) and 37 (report-512-7), always by one step of 1/256, and never another top-1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_export.model_file.tflite import open_model
from fer_export.system import keras_backend

STEPS = 256
"""Steps of a probability: the output scale of every int8 softmax in TFLite is 1/256."""


@dataclass(frozen=True)
class Cut:
    """A network that ends before its softmax."""

    content: bytes
    """The file that gives the logits."""

    scale: float | None
    """Of logits that go into an int8 softmax; None of a float one's."""


def before_softmax(content: bytes, file_format: str) -> Cut | None:
    """A `tflite` or `onnx` file without its softmax; None where it does not end in one."""
    return _tflite(content) if file_format == "tflite" else _onnx(content)


def arm64(logits: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    """Probabilities [N, K] in steps of 1/256 that arm64's kernel makes of logits [N, K] in steps of `scale`.

    Exponentials of the gaps to the largest logit are 16-bit whole numbers; the division by their sum is a product with
    a 31-bit fraction, rounded to the nearest, and a shift, rounded again, halves away from zero.
    """
    gaps = np.rint((logits.max(axis=1, keepdims=True) - logits) / np.float32(scale)).astype(np.float32)
    largest = np.iinfo(np.uint16).max
    shares = np.floor(np.exp(-np.float32(scale) * gaps).astype(np.float64) * largest + 0.5).astype(np.int64)
    per_step = np.float32(1) / (shares.sum(axis=1, keepdims=True).astype(np.float32) * np.float32(1 / STEPS))
    fraction, exponent = np.frexp(per_step.astype(np.float64))
    high = (shares * np.rint(fraction * 2**31).astype(np.int64) + 2**30) >> 31
    half = np.left_shift(1, -exponent.astype(np.int64) - 1)
    steps = (high + half) >> -exponent.astype(np.int64)
    return (np.minimum(steps, STEPS - 1) / STEPS).astype(np.float32)


def _onnx(content: bytes) -> Cut | None:
    with keras_backend.silenced():
        import onnx

        model = onnx.load_from_string(content)
    last, [result] = model.graph.node[-1], model.graph.output
    if last.op_type != "Softmax" or list(last.output) != [result.name]:
        return None
    result.name = last.input[0]
    del model.graph.node[-1]
    return Cut(bytes(model.SerializeToString()), None)


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
    logits = graph.tensors[softmax.inputs[0]]
    scale = float(logits.quantization.scale[0]) if logits.type == schema.TensorType.INT8 else None
    graph.operators = graph.operators[: places[-1]]
    graph.outputs = [softmax.inputs[0]]
    # They name the outputs that are gone.
    model.signatureDefs = []
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return Cut(bytes(builder.Output()), scale)


def _code(model: Any, graph: Any, place: int) -> int:
    return int(model.operatorCodes[graph.operators[place].opcodeIndex].builtinCode)
