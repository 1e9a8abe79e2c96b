"""tf2onnx with one order of work: the same network gives the same file in every process.

It walks over sets of names, whose order Python draws anew for each process, and numbers its names through a whole
process. Which of two neighbouring reshapes it removes first, and so whether it sees that both are idle, is decided by
that: of some 200 conversions of a mirrored grey network, one kept a reshape more.
"""

from __future__ import annotations

import contextlib
from collections.abc import Hashable, Iterable, Iterator, MutableSet
from typing import TypeVar

Value = TypeVar("Value", bound=Hashable)


class OrderedSet(MutableSet[Value]):
    """A set in the order in which its values came, with what tf2onnx calls of Python's own."""

    def __init__(self, values: Iterable[Value] = ()) -> None:
        self._values = dict.fromkeys(values)

    def __contains__(self, value: object) -> bool:
        return value in self._values

    def __iter__(self) -> Iterator[Value]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def add(self, value: Value) -> None:
        """Put a value behind the others, unless it is there."""
        self._values[value] = None

    def discard(self, value: Value) -> None:
        """Take a value out where it is there."""
        self._values.pop(value, None)

    def union(self, other: Iterable[Value]) -> OrderedSet[Value]:
        """The values of both."""
        return OrderedSet([*self, *other])

    def issubset(self, other: Iterable[Value]) -> bool:
        """Whether all values are among the others."""
        others = set(other)
        return all(value in others for value in self)


@contextlib.contextmanager
def one_order() -> Iterator[None]:
    """tf2onnx inside it keeps its sets in order and counts its names from 1."""
    from tf2onnx import graph, utils
    from tf2onnx.optimizer import back_to_back_optimizer, transpose_optimizer

    modules = (graph, back_to_back_optimizer, transpose_optimizer)
    utils.INTERNAL_NAME = 1
    for module in modules:
        # In front of Python's own, for this module alone.
        module.set = OrderedSet
    try:
        yield
    finally:
        for module in modules:
            del module.set
