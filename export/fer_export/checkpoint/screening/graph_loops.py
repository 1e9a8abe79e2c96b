"""Loops of a TensorFlow graph that count to a constant, as those of recurrent layers do."""

from __future__ import annotations

from typing import Any

MOST_STEPS = 10_000
"""Most steps of a loop."""


def counted(loop: Any, siblings: dict[str, Any], functions: dict[str, Any]) -> bool:
    """Whether a While (NodeDef) ends after at most MOST_STEPS steps, whatever its input.

    siblings: the nodes around it by name; functions: those of the library. True where its condition needs
    `counter < limit`, each step adds 1 or more to the counter and keeps the limit, both start as constants, and there
    is no loop inside.
    """
    condition = functions.get(loop.attr["cond"].func.name)
    body = functions.get(loop.attr["body"].func.name)
    if condition is None or body is None or _holds_loop(body, functions) or _holds_loop(condition, functions):
        return False
    return any(
        _steps_up(body, counter)
        and _given(loop, siblings, counter) is not None
        and _limit(loop, siblings, condition, body, limit) is not None
        for counter, limit in _comparisons(condition)
    )


def _holds_loop(function: Any, functions: dict[str, Any]) -> bool:
    """Whether a function, or one that it calls, has a loop."""
    waiting, seen = [function], set[str]()
    while waiting:
        for node in waiting.pop().node_def:
            if node.op in ("While", "StatelessWhile"):
                return True
            named = [value.func.name for value in node.attr.values()]
            named += [each.name for value in node.attr.values() for each in value.list.func]
            fresh = {name for name in (node.op, *named) if name in functions} - seen
            seen |= fresh
            waiting.extend(functions[name] for name in fresh)
    return False


def _comparisons(condition: Any) -> list[tuple[int, str]]:
    """(position of the argument, name of what it must be less than) of every comparison the condition insists on."""
    nodes = {node.name: node for node in condition.node_def}
    arguments = [argument.name for argument in condition.signature.input_arg]
    waiting, found = [_base(name) for name in condition.ret.values()], []
    while waiting:
        node = nodes.get(waiting.pop())
        if node is None:
            continue
        if node.op in ("Identity", "LogicalAnd"):
            waiting.extend(_base(name) for name in node.input if not name.startswith("^"))
        elif node.op == "Less":
            left, right = (_source(name, nodes) for name in node.input[:2])
            if left in arguments:
                found.append((arguments.index(left), right))
    return found


def _limit(loop: Any, siblings: dict[str, Any], condition: Any, body: Any, name: str) -> int | None:
    """The constant that a counter must stay below; None where it is another thing, or too large."""
    nodes = {node.name: node for node in condition.node_def}
    arguments = [argument.name for argument in condition.signature.input_arg]
    if name in nodes:
        return _constant(nodes[name])
    if name not in arguments:
        return None
    position = arguments.index(name)
    if _returned(body, position) != body.signature.input_arg[position].name:
        return None
    return _given(loop, siblings, position)


def _given(loop: Any, siblings: dict[str, Any], position: int) -> int | None:
    """What a loop's argument is at first; None where it is not a constant."""
    node = siblings.get(_source(loop.input[position], siblings))
    return _constant(node) if node is not None else None


def _steps_up(body: Any, position: int) -> bool:
    """Whether the body gives its argument back with a positive constant added."""
    nodes = {node.name: node for node in body.node_def}
    step = nodes.get(_returned(body, position))
    if step is None or step.op not in ("Add", "AddV2"):
        return False
    sources = [_source(name, nodes) for name in step.input[:2]]
    own = body.signature.input_arg[position].name
    others = [name for name in sources if name != own]
    if own not in sources or len(others) != 1 or others[0] not in nodes:
        return False
    added = _constant(nodes[others[0]])
    return added is not None and added >= 1


def _returned(body: Any, position: int) -> str:
    nodes = {node.name: node for node in body.node_def}
    return _source(body.ret[body.signature.output_arg[position].name], nodes)


def _source(name: str, nodes: dict[str, Any]) -> str:
    """The node or argument that a tensor comes from, through Identity."""
    for _ in range(100):
        name = _base(name)
        if name not in nodes or nodes[name].op != "Identity":
            break
        name = nodes[name].input[0]
    return _base(name)


def _constant(node: Any) -> int | None:
    """A whole number from 0 to MOST_STEPS, None for all else."""
    from tensorflow.python.framework.tensor_util import MakeNdarray

    if node.op != "Const" or node.attr["value"].tensor.tensor_shape.dim:
        return None
    value = MakeNdarray(node.attr["value"].tensor)
    return int(value) if value.dtype.kind in "iu" and 0 <= value <= MOST_STEPS else None


def _base(name: str) -> str:
    return name.lstrip("^").partition(":")[0]
