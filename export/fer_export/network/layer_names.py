"""The Keras layers in the names that converters give to ops and tensors.

Both converters keep TensorFlow's scopes: `exported_1/report_512_7_1/conv3_1/Relu` is layer conv3. TensorFlow numbers
every scope, so `conv2d_1` is a call of layer conv2d, and layer conv2d_1 appears as `conv2d_1_1` or `conv2d_1_2`; an op
that does the work of several layers names them all, separated by semicolons. The .onnx files of this package name ops
after layers themselves: `conv3/Conv`.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..contract import nearest
from ..errors import UsageError
from . import layers

if TYPE_CHECKING:
    import keras

_NUMBER = re.compile(r"_\d+$")


@dataclass(frozen=True)
class Call:
    """One call of a layer."""

    layer: str
    """Its path: `conv3`, or `backbone/conv3` in a nested network."""

    scope: str
    """Distinguishes the calls of a layer that is used more than once."""


class LayerNames:
    """The layers of a network that `graph.exportable` made."""

    def __init__(self, model: keras.Model) -> None:
        self._set(model.name, _tree(model))

    @classmethod
    def of(cls, described: Mapping[str, Any]) -> LayerNames:
        """The names that `described` gave."""
        names = cls.__new__(cls)
        names._set(described["root"], described["tree"])
        return names

    @property
    def described(self) -> dict[str, Any]:
        """The names, JSON-safe."""
        return {"root": self._root, "tree": self._tree}

    def _set(self, root: str, tree: _Tree) -> None:
        self._root, self._tree = root, tree
        # The checkpoint's network stands in the exported model as one layer, which is not part of a name.
        self.layers = tuple(
            path for layer, inner in tree.items() for path in (_leaves(inner) if inner is not None else [layer])
        )

    def calls(self, name: str) -> tuple[Call, ...]:
        """The layer calls that an op's or tensor's name contains, in its order; empty for what converters add."""
        found = (self._call(scope) for scope in name.split(";"))
        return tuple(dict.fromkeys(call for call in found if call))

    def of_ops(self, outputs: Sequence[str]) -> list[frozenset[str]]:
        """The layers of a file's ops, from their outputs' names in order of execution; empty for an op of no layer.

        The last output carries the file's own name for it: that op is the network's last layer.
        """
        found = [frozenset(call.layer for call in self.calls(name)) for name in outputs]
        return [*found[:-1], found[-1] or frozenset({self.layers[-1]})] if found else []

    def check(self, layers: Iterable[str]) -> None:
        """Raise UsageError for a layer that the network does not have."""
        for layer in layers:
            if layer not in self.layers:
                raise UsageError(
                    f"the network has no layer {layer!r}{nearest(layer, self.layers)}; "
                    f"its layers are {', '.join(self.layers)}"
                )

    def _call(self, scope: str) -> Call | None:
        parts = scope.split("/")
        starts = [i for i, part in enumerate(parts) if _plain(part, (self._root,))]
        if not starts:
            given = scope.rpartition("/")[0]
            return Call(given, given) if given in self.layers else None
        tree, position = self._tree, starts[0] + 1
        path: list[str] = []
        while position < len(parts) and (layer := _plain(parts[position], tree)):
            path.append(layer)
            inner = tree[layer]
            if inner is None:
                return Call("/".join(path[1:] or path), "/".join(parts[: position + 1]))
            tree, position = inner, position + 1
        return None


_Tree = dict[str, "_Tree | None"]


def paths(network: keras.Model) -> tuple[str, ...]:
    """The layers of a network, `backbone/conv3` for those of a network nested in it."""
    return tuple(_leaves(_tree(network)))


def _tree(network: keras.Model) -> _Tree:
    return {layer.name: _tree(layer) if layers.is_graph(layer) else None for layer in network.layers}


def _leaves(tree: _Tree) -> Iterator[str]:
    for layer, inner in tree.items():
        if inner is None:
            yield layer
        else:
            yield from (f"{layer}/{path}" for path in _leaves(inner))


def _plain(part: str, layers: Container[str]) -> str | None:
    """The layer that a numbered scope stands for."""
    base = _NUMBER.sub("", part)
    return base if base != part and base in layers else part if part in layers else None
