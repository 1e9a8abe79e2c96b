"""What a .tflite file may declare, read before anything is made from it.

A FlatBuffer refers to its tables by their places, so that a file of 50 kB can refer to the same tables again and again
until reading it takes years. A file that a converter wrote has each table once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from ..errors import ExportFileError

MOST_TABLES = 100_000
"""Graphs, ops, tensors, buffers and entries of a file together; a large network has 2,000."""

MOST_RANK = 16
MOST_ELEMENTS = 1 << 30
"""Most elements of a tensor."""

_AGAIN = "export it again from its network"


def check(root: Any, size: int) -> None:
    """Raise ExportFileError for a file (its root table, its bytes) that declares more than it can hold. Call it inside
    `tflite.guarded()`."""
    graphs = _tables(root, "Subgraphs", set())
    seen: set[int] = set()
    codes, metadata, signatures = (_tables(root, kind, seen) for kind in ("OperatorCodes", "Metadata", "SignatureDefs"))
    _tables(root, "Buffers", seen)
    for kind in ("ExternalBufferGroups", "ExternalBuffers"):  # of later schemas
        if hasattr(root, kind):
            _tables(root, kind, seen)
    maps: set[int] = set()
    names = _length(codes, "CustomCode", _length([*metadata, *graphs], "Name", 0, size), size)
    names = _length(signatures, "SignatureKey", names, size)
    for signature in signatures:
        for side in ("Inputs", "Outputs"):
            names = _length(_tables(signature, side, maps), "Name", names, size)
    indices, tensors = 0, set[int]()
    operators: set[int] = set()
    parts: set[int] = set()
    for graph in graphs:
        named = _tables(graph, "Tensors", tensors)
        names = _length(named, "Name", names, size)
        for tensor in named:
            _check_shape(tensor)
            _tables(tensor, "VariantTensors", parts)
            if (sparsity := tensor.Sparsity()) is not None:
                _tables(sparsity, "DimMetadata", parts)
        for operator in _tables(graph, "Operators", operators):
            indices += operator.InputsLength() + operator.OutputsLength()
        indices += graph.InputsLength() + graph.OutputsLength()
        _refuse(4 * indices > size or len(tensors) + len(operators) > MOST_TABLES)


def _refuse(more: bool) -> None:
    if more:
        raise ExportFileError(f"the TFLite file refers to more than it holds; {_AGAIN}")


def _length(tables: list[Any], field: str, names: int, size: int) -> int:
    """Bytes of names so far with those of a text of each table: a text may be referred to again and again."""
    for table in tables:
        names += len(getattr(table, field)() or b"")
        _refuse(names > size)
    return names


def _tables(parent: Any, field: str, seen: set[int]) -> list[Any]:
    """The tables of a vector; raises ExportFileError where there are too many or one is referred to twice."""
    count = getattr(parent, f"{field}Length")()
    if count > MOST_TABLES or len(seen) + count > MOST_TABLES:
        raise ExportFileError(f"the TFLite file declares more than {MOST_TABLES:,} tables; {_AGAIN}")
    return list(_each(parent, field, count, seen))


def _each(parent: Any, field: str, count: int, seen: set[int]) -> Iterator[Any]:
    get = getattr(parent, field)
    for i in range(count):
        table = get(i)
        if table._tab.Pos in seen:
            raise ExportFileError(f"the TFLite file refers to a table twice, as no converter does; {_AGAIN}")
        seen.add(table._tab.Pos)
        yield table


def _check_shape(tensor: Any) -> None:
    if max(tensor.ShapeLength(), tensor.ShapeSignatureLength()) > MOST_RANK:
        raise ExportFileError(f"the TFLite file has a tensor of more than {MOST_RANK} dimensions; {_AGAIN}")
    elements = math.prod(max(tensor.Shape(i), 1) for i in range(tensor.ShapeLength()))
    if elements > MOST_ELEMENTS:
        raise ExportFileError(f"the TFLite file has a tensor of {elements:,} elements; {_AGAIN}")
