"""What a SavedModel would run, read before TensorFlow loads it: every op must be one that a network computes with.

TensorFlow runs more of a SavedModel than its signature: functions of the object graph make, fill and restore objects
while it loads, and a TF1 graph has ops that start it. All of these are read. Which ops are allowed is data,
`tensorflow_ops.toml`; an op that it does not name is refused.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .graph_loops import counted

MOST_NODES = 2_000_000
"""Nodes that a call of a graph may come to, counted with every call of a function inside it."""

MOST_CONSTANT_BYTES = 1 << 28
"""Largest constant of a graph; TensorFlow allocates what its shape declares."""

_DEFAULT_REASON = "is not among the operations that a network computes with"
_LOOPS = frozenset({"While", "StatelessWhile"})
_SAVING = frozenset({"SaveV2", "MergeV2Checkpoints"})
_READING = "RestoreV2"


@dataclass(frozen=True)
class OpRules:
    """Which ops may run, and why others may not."""

    allowed: frozenset[str]
    """Names of ops."""

    reasons: tuple[tuple[str, str], ...]
    """(pattern of a whole name, reason), the first that fits counts."""

    def refusal(self, op: str) -> str | None:
        """Why an op is refused, as `is a loop that may never end`; None where it is allowed."""
        if op in self.allowed:
            return None
        return next((why for pattern, why in self.reasons if re.fullmatch(pattern, op)), _DEFAULT_REASON)


@functools.cache
def rules() -> OpRules:
    """The rules of tensorflow_ops.toml."""
    document = tomllib.loads(Path(__file__).with_name("tensorflow_ops.toml").read_text(encoding="utf-8"))
    allowed = frozenset(op for group in document["allowed"].values() for op in group["ops"].split())
    groups = document["refused"].values()
    return OpRules(allowed, tuple((pattern, group["why"]) for group in groups for pattern in group["patterns"].split()))


def find_refused(document: Any) -> str | None:
    """What a SavedModel (a parsed saved_model.pb) holds that may not run without trust, in words; None for nothing."""
    found = list(_refused(document))
    # What is known to do harm says more than the text that is put together for it.
    return next((each for each in found if not each.endswith(_DEFAULT_REASON)), found[0] if found else None)


def _refused(document: Any) -> Iterator[str]:
    # As tf.saved_model.load chooses: anything else than one graph with objects is a file of TF1.
    objects = len(document.meta_graphs) == 1 and document.meta_graphs[0].HasField("object_graph_def")
    for meta in document.meta_graphs:
        functions = {function.signature.name: function for function in meta.graph_def.library.function}
        screen = _Screen(functions)
        main = _Main(meta)
        started = main.reached_by_signatures() if objects else main.all_but_savers()
        yield from screen.nodes(started)
        if objects:
            names = [*meta.object_graph_def.concrete_functions]
            yield from screen.functions_named(name for name in names if name in functions)
        else:
            yield from main.savers_out_of_place()
            yield from screen.functions_named(functions)
        if screen.largest() > MOST_NODES:
            yield f"functions that call one another into more than {MOST_NODES:,} operations"


class _Screen:
    """Reads functions, each once."""

    def __init__(self, functions: dict[str, Any]) -> None:
        self._functions = functions
        self._seen: set[str] = set()
        self._sizes: dict[str, int] = {}

    def functions_named(self, names: Iterable[str]) -> Iterator[str]:
        """What these functions, and those that they call, hold that is refused."""
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in self._seen and name in self._functions:
                self._seen.add(name)
                function = self._functions[name]
                yield from self._ops(function.node_def, {n.name: n for n in function.node_def})
                waiting.extend(called for node in function.node_def for called in _calls(node))

    def nodes(self, nodes: Iterable[Any]) -> Iterator[str]:
        """The same of nodes of the main graph."""
        nodes = list(nodes)
        yield from self._ops(nodes, {node.name: node for node in nodes})
        yield from self.functions_named(called for node in nodes for called in _calls(node))

    def largest(self) -> int:
        """How many nodes a call of the largest function comes to, more than MOST_NODES where one calls itself."""
        return max((self._size(name, ()) for name in self._functions), default=0)

    def _size(self, name: str, above: tuple[str, ...]) -> int:
        if name in above or len(above) > 100:
            return MOST_NODES + 1
        if name not in self._sizes:
            nodes = self._functions[name].node_def if name in self._functions else ()
            inside = sum(self._size(called, (*above, name)) for node in nodes for called in _calls(node))
            self._sizes[name] = len(nodes) + inside
        return self._sizes[name]

    def _ops(self, nodes: Iterable[Any], siblings: dict[str, Any]) -> Iterator[str]:
        for node in nodes:
            if node.op in self._functions:
                continue  # a call by name: read like any other
            why = rules().refusal(node.op)
            if why and not (node.op in _LOOPS and counted(node, siblings, self._functions)):
                yield f"the operation {node.op}, which {why}"
            if node.op == "Const":
                yield from _constant_refusals(node)


class _Main:
    """The main graph of one MetaGraphDef."""

    def __init__(self, meta: Any) -> None:
        self._meta = meta
        self._nodes = {node.name: node for node in meta.graph_def.node}

    def reached_by_signatures(self) -> list[Any]:
        """The nodes that an output of a signature is computed from."""
        return [self._nodes[name] for name in self._reached(self._ends())]

    def all_but_savers(self) -> list[Any]:
        """The nodes, without those that only read and write the checkpoint."""
        return [node for node in self._nodes.values() if node.op not in {*_SAVING, _READING}]

    def savers_out_of_place(self) -> Iterator[str]:
        """Ops that save or restore elsewhere than in the part of the graph that TF1 made for it."""
        saver = self._meta.saver_def
        saving = self._reached([saver.save_tensor_name])
        restoring = self._reached([saver.restore_op_name])
        used = self._reached([*self._ends(), *self._starters()])
        for name, node in self._nodes.items():
            out_of_place = (
                node.op in _SAVING
                and (name not in saving or name in restoring | used)
                or node.op == _READING
                and (name not in restoring or name in used or not self._reads_own_file(node))
            )
            if out_of_place:
                yield f"the operation {node.op}, which {rules().refusal(node.op)}"

    def _reads_own_file(self, node: Any) -> bool:
        """Whether a RestoreV2 reads the file that TensorFlow names when it loads the folder."""
        wanted, name = _base(self._meta.saver_def.filename_tensor_name), _base(node.input[0]) if node.input else ""
        while name != wanted and name in self._nodes and self._nodes[name].op == "Identity":
            name = _base(self._nodes[name].input[0])
        return name == wanted

    def _ends(self) -> list[str]:
        return [
            tensor.name
            for signature in self._meta.signature_def.values()
            for tensor in (*signature.outputs.values(), *signature.inputs.values())
        ]

    def _starters(self) -> list[str]:
        """Names that collections of the graph give; some of them run when the graph is loaded."""
        from google.protobuf.message import DecodeError
        from tensorflow.core.framework import variable_pb2

        names: list[str] = []
        for key, collection in self._meta.collection_def.items():
            names.extend(collection.node_list.value)
            if key == "savers":
                continue
            for content in collection.bytes_list.value:
                variable = variable_pb2.VariableDef()
                try:
                    variable.ParseFromString(content)
                except DecodeError:
                    continue
                names += [variable.initializer_name, variable.snapshot_name, variable.initial_value_name]
        return names

    def _reached(self, ends: Iterable[str]) -> set[str]:
        """Names of the nodes that these are computed from or wait for, themselves too."""
        waiting, found = [_base(end) for end in ends], set[str]()
        while waiting:
            name = waiting.pop()
            if name in self._nodes and name not in found:
                found.add(name)
                waiting.extend(_base(given) for given in self._nodes[name].input)
        return found


def _calls(node: Any) -> Iterator[str]:
    """Names of the functions that a node names."""
    yield node.op
    for value in node.attr.values():
        if value.HasField("func"):
            yield value.func.name
        yield from (function.name for function in value.list.func)


def _constant_refusals(node: Any) -> Iterator[str]:
    from tensorflow.core.framework import types_pb2

    tensor, size = node.attr["value"].tensor, 8
    for dim in tensor.tensor_shape.dim:
        size *= max(dim.size, 0)
    if size > MOST_CONSTANT_BYTES and size > 16 * tensor.ByteSize():
        yield f"a constant that declares {size >> 20:,} MiB and holds {tensor.ByteSize():,} bytes"
    if tensor.dtype in (types_pb2.DT_RESOURCE, types_pb2.DT_VARIANT):
        yield "a constant that is an object, not numbers"


def _base(name: str) -> str:
    """Name of the node of a tensor (`a:0`) or of a control input (`^a`)."""
    return name.lstrip("^").partition(":")[0]
