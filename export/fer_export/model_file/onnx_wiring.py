"""The writer and the readers of each tensor of an ONNX graph; nodes inside a loop read tensors of the graph, too."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from numpy.typing import NDArray

from .onnx import nodes_of


class Wiring:
    """The writer and the readers of each tensor of a graph; its constants and the names of its outputs."""

    def __init__(self, graph: Any) -> None:
        self.graph = graph
        self.writer = {name: node for node in graph.node for name in node.output}
        self.readers: dict[str, list[Any]] = defaultdict(list)
        for node in nodes_of(graph):
            for name in node.input:
                self.readers[name].append(node)
        self.constants = {tensor.name: tensor for tensor in graph.initializer}
        self.ends = {output.name for output in graph.output}

    def only_reader(self, name: str) -> Any | None:
        """The one node that reads a tensor; None where there are several or it is an output of the graph."""
        readers = self.readers[name]
        return readers[0] if len(readers) == 1 and name not in self.ends else None

    def written_by(self, name: str, op: str) -> Any | None:
        """The node that writes a tensor, if it is such an op."""
        node = self.writer.get(name)
        return node if node is not None and node.op_type == op else None

    def value(self, name: str) -> NDArray[Any] | None:
        """A constant as an array."""
        from onnx import numpy_helper

        return numpy_helper.to_array(self.constants[name]) if name in self.constants else None

    def bypass(self, node: Any) -> None:
        """Remove a node with one output: its readers read its first input instead."""
        given, gone = node.input[0], node.output[0]
        for reader in self.readers.pop(gone, []):
            reader.input[:] = [given if name == gone else name for name in reader.input]
            self.readers[given].append(reader)
        self.readers[given].remove(node)
        self.graph.node.remove(node)
