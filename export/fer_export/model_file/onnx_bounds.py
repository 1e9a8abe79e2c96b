"""What an ONNX file may not hold, read before any library checks, infers or runs it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from ..errors import ExportFileError

MOST_NODES = 200_000
"""Ops that a file may come to, counted with every call of a function inside it."""

MOST_DEPTH = 20
"""Graphs inside graphs."""

MOST_TENSOR = 1 << 31
"""Most elements of a constant, and of an input or output of the graph."""


def check(model: Any) -> None:
    """Raise ExportFileError for a ModelProto with data in other files, or that declares more than it can hold."""
    for message in _messages(model):
        kind = message.DESCRIPTOR.name
        if kind == "TensorProto":
            if message.data_location == message.EXTERNAL or message.external_data:
                raise ExportFileError("the ONNX file keeps data in another file; save it as one file")
            if math.prod(max(size, 0) for size in message.dims) > MOST_TENSOR or any(d < 0 for d in message.dims):
                raise ExportFileError(f"the ONNX file has the tensor {message.name[:80]!r} of a size it cannot hold")
    for end in (*model.graph.input, *model.graph.output):
        sizes = [max(dim.dim_value, 1) for dim in end.type.tensor_type.shape.dim]
        if math.prod(sizes) > MOST_TENSOR:
            raise ExportFileError(f"the ONNX file declares {end.name[:80]!r} of shape {sizes}; no memory holds it")
    if _size(model) > MOST_NODES:
        raise ExportFileError(f"the ONNX file comes to more than {MOST_NODES:,} ops; export it again from its network")


def _messages(model: Any) -> Iterator[Any]:
    """Every message inside a message, and itself; raises ExportFileError where they lie too deep."""
    # A graph inside a graph is three messages deeper: node, attribute, graph.
    waiting = [(model, 0)]
    while waiting:
        message, depth = waiting.pop()
        if depth > 3 * MOST_DEPTH + 10:
            raise ExportFileError("the ONNX file nests its graphs too deep; export it again from its network")
        yield message
        for field, value in message.ListFields():
            if field.message_type is not None:
                inner = [value] if hasattr(value, "DESCRIPTOR") else list(value)
                waiting.extend((each, depth + 1) for each in inner)


def _size(model: Any) -> int:
    """Ops of one run without loops, more than MOST_NODES where a function calls itself."""
    functions = {(function.domain, function.name): function for function in model.functions}
    known: dict[tuple[str, str], int] = {}

    def of_nodes(nodes: Any, above: tuple[tuple[str, str], ...]) -> int:
        total = 0
        for node in nodes:
            key = (node.domain, node.op_type)
            total += 1 + (of_function(key, above) if key in functions else 0)
            for attribute in node.attribute:
                for graph in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
                    total += of_nodes(graph.node, above)
        return total

    def of_function(key: tuple[str, str], above: tuple[tuple[str, str], ...]) -> int:
        if key in above or len(above) > MOST_DEPTH:
            return MOST_NODES + 1
        if key not in known:
            known[key] = of_nodes(functions[key].node, (*above, key))
        return known[key]

    return of_nodes(model.graph.node, ())
