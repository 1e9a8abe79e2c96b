"""Ops of TensorFlow that tf2onnx does not know, in ops that ONNX has.

The functions are called as tf2onnx calls the handlers of its `custom_op_handlers`: with its graph, the node, the node's
name and further arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def complement_of_erf(graph: Any, node: Any, name: str, args: object) -> None:
    """Erfc(x), which the exact gelu is made of, as 1 - Erf(x)."""
    node.type, node.domain = "Erf", ""
    _behind(graph, node, lambda result: [_one(graph, name), result])


def exponential_less_one(graph: Any, node: Any, name: str, args: object) -> None:
    """Expm1(x), which celu is made of, as Exp(x) - 1."""
    node.type, node.domain = "Exp", ""
    _behind(graph, node, lambda result: [result, _one(graph, name)])


def logarithm_of_one_more(graph: Any, node: Any, name: str, args: object) -> None:
    """Log1p(x) as Log(x + 1)."""
    node.type, node.domain = "Log", ""
    given = node.input[0]
    more = _node(graph, "Add", [given, _one(graph, name)], f"{name}/Add", given)
    graph.replace_input(node, given, more, 0)


def _behind(graph: Any, node: Any, inputs: Any) -> None:
    """Put a subtraction behind the node; inputs: from its result to the subtraction's inputs."""
    result = node.output[0]
    readers = graph.find_output_consumers(result)
    difference = _node(graph, "Sub", inputs(result), f"{node.name}/Sub", result)
    for reader in readers:
        graph.replace_input(reader, result, difference)


def _node(graph: Any, kind: str, inputs: list[str], name: str, like: str) -> str:
    """The output of a new node with shape and type of the tensor `like`."""
    made = graph.make_node(kind, inputs, name=name, shapes=[graph.get_shape(like)], dtypes=[graph.get_dtype(like)])
    return str(made.output[0])


def _one(graph: Any, name: str) -> str:
    return str(graph.make_const(f"{name}/one", np.ones((), np.float32)).output[0])


HANDLERS: dict[str, tuple[Callable[..., None], list[object]]] = {
    "Erfc": (complement_of_erf, []),
    "Expm1": (exponential_less_one, []),
    "Log1p": (logarithm_of_one_more, []),
}
"""By TensorFlow's name, as tf2onnx takes them."""
