"""ONNX files that a runtime takes and never finishes."""

from __future__ import annotations

import onnx
from onnx import TensorProto, helper

from . import tiny_onnx


def looping(steps: int) -> bytes:
    """The tiny file with a loop that the output waits for."""
    model = onnx.load_model_from_string(tiny_onnx.model())
    graph, result = model.graph, model.graph.output[0].name
    last = next(node for node in graph.node if result in node.output)
    last.output[:] = ["before"]
    scalar = helper.make_tensor_value_info
    body = helper.make_graph(
        [helper.make_node("Identity", ["go_on"], ["still"]), helper.make_node("Identity", ["v"], ["w"])],
        "body",
        [
            scalar("i", TensorProto.INT64, []),
            scalar("go_on", TensorProto.BOOL, []),
            scalar("v", TensorProto.FLOAT, None),
        ],
        [scalar("still", TensorProto.BOOL, []), scalar("w", TensorProto.FLOAT, None)],
    )
    graph.initializer.append(helper.make_tensor("steps", TensorProto.INT64, [], [steps]))
    graph.initializer.append(helper.make_tensor("yes", TensorProto.BOOL, [], [True]))
    graph.node.append(helper.make_node("Loop", ["steps", "yes", "before"], [result], body=body))
    return model.SerializeToString()


def swollen() -> bytes:
    """The tiny file with a sum over more numbers than any memory holds."""
    model = onnx.load_model_from_string(tiny_onnx.model())
    graph, result = model.graph, model.graph.output[0].name
    last = next(node for node in graph.node if result in node.output)
    last.output[:] = ["before"]
    graph.initializer.append(helper.make_tensor("large", TensorProto.INT64, [1], [1 << 32]))
    graph.node.append(helper.make_node("ConstantOfShape", ["large"], ["zeros"]))
    graph.node.append(helper.make_node("ReduceSum", ["zeros"], ["sum"], keepdims=0))
    graph.node.append(helper.make_node("Add", ["before", "sum"], [result]))
    return model.SerializeToString()
