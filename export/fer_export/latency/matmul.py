"""A large matrix product as a .tflite and an .onnx file: what a runtime can reach on this machine.

[128, 1024] times [1024, 1024], 134 million MACs: large enough that starting an op costs nothing, short enough
that a system which shares its cores rarely interrupts it. In float32, and in int8 as the exported files store it:
int8 with int8 weights in TFLite; uint8 with int8 weights, a scale a column, in ONNX.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

ROWS, DEPTH, COLUMNS = 128, 1024, 1024
MACS = ROWS * DEPTH * COLUMNS
ARITHMETICS = ("float32", "int8")

INPUT_SCALE, WEIGHT_SCALE, OUTPUT_SCALE = 1 / 128, 1 / 1024, 1 / 32
"""Of the int8 form, so that products of random numbers fill the output's range without leaving it often."""


def weights(arithmetic: str) -> NDArray[Any]:
    """[DEPTH, COLUMNS], int8 in -127..127 or the same numbers as float32 in -1/8..1/8."""
    stored = np.random.default_rng(0).integers(-127, 128, (DEPTH, COLUMNS), dtype=np.int8)
    return stored if arithmetic == "int8" else (stored * np.float32(WEIGHT_SCALE)).astype(np.float32)


def tflite(arithmetic: str) -> bytes:
    """The .tflite file of x @ weights, x of shape [ROWS, DEPTH], in `float32` or `int8`.

    One FULLY_CONNECTED, whose weights are stored as [COLUMNS, DEPTH].
    """
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    integer = arithmetic == "int8"
    stored = schema.BufferT()
    stored.data = np.frombuffer(np.ascontiguousarray(weights(arithmetic).T).tobytes(), np.uint8)
    kind = schema.TensorType.INT8 if integer else schema.TensorType.FLOAT32
    shapes_and_scales = (
        ("x", (ROWS, DEPTH), INPUT_SCALE),
        ("weights", (COLUMNS, DEPTH), WEIGHT_SCALE),
        ("product", (ROWS, COLUMNS), OUTPUT_SCALE),
    )
    tensors = []
    for position, (name, shape, scale) in enumerate(shapes_and_scales):
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type = name.encode(), list(shape), kind
        tensor.buffer = 1 if position == 1 else 0
        if integer:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale, tensor.quantization.zeroPoint = [scale], [0]
        tensors.append(tensor)
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.FULLY_CONNECTED
    # Version 4 is the first with int8.
    code.version = 4 if integer else 1
    op = schema.OperatorT()
    op.inputs, op.outputs = [0, 1, -1], [2]
    op.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    op.builtinOptions = schema.FullyConnectedOptionsT()
    graph = schema.SubGraphT()
    graph.tensors, graph.inputs, graph.outputs, graph.operators = tensors, [0], [2], [op]
    root = schema.ModelT()
    root.version, root.operatorCodes, root.subgraphs, root.buffers = 3, [code], [graph], [schema.BufferT(), stored]
    builder = flatbuffers.Builder(5 * DEPTH * COLUMNS)
    builder.Finish(root.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def onnx(arithmetic: str) -> bytes:
    """The .onnx file of x @ weights, x of shape [ROWS, DEPTH], in `float32` or `int8`.

    One MatMul; in int8 between QuantizeLinear and DequantizeLinear, which runtimes fuse with it.
    """
    from onnx import TensorProto, helper, numpy_helper

    constants = {"weights": weights(arithmetic)}
    if arithmetic == "int8":
        kind = TensorProto.UINT8
        constants |= {
            "x_scale": np.array(INPUT_SCALE, np.float32),
            "weights_scale": np.full(COLUMNS, WEIGHT_SCALE, np.float32),
            "weights_zero": np.zeros(COLUMNS, np.int8),
            "product_scale": np.array(OUTPUT_SCALE, np.float32),
            "zero": np.array(128, np.uint8),
        }
        nodes = [
            helper.make_node("DequantizeLinear", ["x", "x_scale", "zero"], ["left"]),
            helper.make_node("DequantizeLinear", ["weights", "weights_scale", "weights_zero"], ["right"], axis=1),
            helper.make_node("MatMul", ["left", "right"], ["whole"]),
            helper.make_node("QuantizeLinear", ["whole", "product_scale", "zero"], ["product"]),
        ]
    else:
        kind = TensorProto.FLOAT
        nodes = [helper.make_node("MatMul", ["x", "weights"], ["product"])]
    graph = helper.make_graph(
        nodes,
        "matmul",
        [helper.make_tensor_value_info("x", kind, [ROWS, DEPTH])],
        [helper.make_tensor_value_info("product", kind, [ROWS, COLUMNS])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(made.SerializeToString())
