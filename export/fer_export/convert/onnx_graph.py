"""Rewriting of ONNX graphs: nodes named after Keras layers, leftovers of converters removed, ops that tf2onnx lacks.

The functions change a ModelProto in place and leave what it computes as it is. Those of HANDLERS are called while
tf2onnx makes it, as its `custom_op_handlers`: with its graph, the node, the node's name and further arguments.
"""

from __future__ import annotations

import graphlib
import math
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..model_file import Wiring, float_ops, nodes_of, role, tensor_shapes
from ..model_file.onnx import layer_of
from ..network import LayerNames

_CHANNELS_LAST = [0, 2, 3, 1]
_UNDER_ROOTS = {"Add", "GlobalAveragePool", "Max", "Min", "Pow", "ReduceMean", "ReduceSum", "ReduceSumSquare"}
_BEHIND_ROOTS = {"Div", "Max", "Min", "Mul", "Reciprocal"}
_OF_NORMALISATIONS = {*_UNDER_ROOTS, *_BEHIND_ROOTS, "Neg", "Sub"}
_BIAS = 2
"""Position of the bias among the inputs of Conv, ConvTranspose and Gemm."""


def name_after_layers(model: Any, names: LayerNames) -> None:
    """Name nodes `<layer>/<op>`, their results likewise and their constants `<layer>/<op>.<input>`.

    tf2onnx numbers its names through a whole process; these are the same each time.
    """
    graph, wiring = model.graph, Wiring(model.graph)
    taken: Counter[str] = Counter()
    layers: dict[str, str] = {}
    renamed: dict[str, str] = {}
    for node in graph.node:
        layer = _layer(node, wiring, names, layers)
        layers |= dict.fromkeys(node.output, layer)
        plain = f"{layer}/{node.op_type}" if layer else node.op_type
        taken[plain] += 1
        node.name = plain if taken[plain] == 1 else f"{plain}_{taken[plain]}"
        for position, name in enumerate(node.output):
            if name and name not in wiring.ends:
                renamed[name] = f"{node.name}:{position}" if position else node.name
        for position, name in enumerate(node.input):
            if name in wiring.constants and name not in renamed:
                plain = f"{node.name}.{role(model, node, position)}"
                taken[plain] += 1
                renamed[name] = plain if taken[plain] == 1 else f"{plain}_{taken[plain]}"
    for tensor in graph.initializer:
        tensor.name = renamed.get(tensor.name, tensor.name)
    for node in nodes_of(graph):
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]


def drop_idle_reshapes(model: Any) -> None:
    """Remove reshapes to the shape that the tensor has already."""
    shapes, wiring = tensor_shapes(model), Wiring(model.graph)
    for node in [node for node in model.graph.node if node.op_type == "Reshape"]:
        before, after = shapes.get(node.input[0]), shapes.get(node.output[0])
        if before == after and before and None not in before and node.output[0] not in wiring.ends:
            wiring.bypass(node)


def flatten_channels_first(model: Any) -> None:
    """Remove transposes to channels-last in front of flattening; the dense layer's rows are ordered instead."""
    from onnx import numpy_helper

    shapes, wiring = tensor_shapes(model), Wiring(model.graph)
    for dense in [node for node in model.graph.node if node.op_type in ("Gemm", "MatMul")]:
        flatten = wiring.written_by(dense.input[0], "Reshape")
        turn = wiring.written_by(flatten.input[0], "Transpose") if flatten is not None else None
        kernel = wiring.value(dense.input[1])
        if flatten is None or turn is None or kernel is None or _integers(turn, "perm") != _CHANNELS_LAST:
            continue
        shape = [size or 0 for size in shapes.get(turn.input[0], ())]
        alone = all(wiring.only_reader(name) for name in (turn.output[0], flatten.output[0], dense.input[1]))
        if alone and not _integers(dense, "transB") and math.prod(shape[1:]) == len(kernel):
            _, channels, height, width = shape
            rows = kernel.reshape(height, width, channels, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
            wiring.constants[dense.input[1]].CopyFrom(numpy_helper.from_array(rows, dense.input[1]))
            wiring.bypass(turn)


def pad_outputs(model: Any) -> None:
    """Give transposed convolutions `output_padding` in place of tf2onnx's pads below 0, which no runtime takes.

    TensorFlow adds the rows and columns at the end, tf2onnx would take half of them from the beginning.
    """
    from onnx import helper

    for node in [node for node in model.graph.node if node.op_type == "ConvTranspose"]:
        attributes = {attribute.name: attribute for attribute in node.attribute}
        pads = list(attributes["pads"].ints) if "pads" in attributes else []
        if min(pads, default=0) >= 0:
            continue
        both = list(zip(pads[: len(pads) // 2], pads[len(pads) // 2 :], strict=True))
        kept = [(begin, end) if begin + end >= 0 else (0, 0) for begin, end in both]
        attributes["pads"].ints[:] = [*(begin for begin, _ in kept), *(end for _, end in kept)]
        if "output_padding" in attributes:
            node.attribute.remove(attributes["output_padding"])
        node.attribute.append(helper.make_attribute("output_padding", [max(0, -sum(ends)) for ends in both]))


def keep_float(model: Any) -> None:
    """Keep onnxruntime from quantising the float layers of an int8 file on its own.

    Since 1.21 it puts the float weights of a Conv or Gemm that stands between a dequantisation and a quantisation on
    one int8 scale per tensor, which ruins a network with channels of unlike range. It spares ops whose bias is no float
    constant: theirs becomes an int32 one with its dequantisation, fine enough to be float32's equal.
    """
    from onnx import helper, numpy_helper

    wiring = Wiring(model.graph)
    for node in float_ops(model):
        kernel = wiring.value(node.input[1])
        given = node.input[_BIAS] if len(node.input) > _BIAS else ""
        bias = wiring.value(given) if given else None
        if node.op_type == "MatMul" or kernel is None or (given and bias is None):
            continue
        if bias is None:
            bias = np.zeros(_outputs(node, kernel), np.float32)
        step = np.float32(max(float(np.abs(bias).max()), 1e-20) / (2**31 - 1))
        stored = np.clip(np.rint(bias.astype(np.float64) / step), 1 - 2**31, 2**31 - 1).astype(np.int32)
        name = f"{node.name}.bias"
        parts = {f"{name}_quantized": stored, f"{name}_scale": np.asarray(step)}
        model.graph.initializer.extend(numpy_helper.from_array(value, part) for part, value in parts.items())
        model.graph.node.insert(
            0, helper.make_node("DequantizeLinear", list(parts), [name], f"{name}_DequantizeLinear")
        )
        node.input[:] = [*node.input[:_BIAS], name]


def around_roots(model: Any) -> list[str]:
    """Names of the nodes that scale a tensor by an inverse root of its own squares, as normalisations do.

    The inverse root of small numbers is large; on one grid with the others it has no steps left for either. The other
    nodes of such a layer take differences of nearly equal numbers.
    """
    wiring = Wiring(model.graph)
    writers = {name: node for node in model.graph.node for name in node.output}
    readers: dict[str, list[Any]] = {}
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    found: dict[str, Any] = {}
    roots = [node for node in model.graph.node if node.op_type in ("Sqrt", "Reciprocal")]
    normalising = {layer_of(root.name) for root in roots} - {""}
    for node in model.graph.node:
        if node.op_type in _OF_NORMALISATIONS and layer_of(node.name) in normalising:
            found[node.name] = node
    for root in roots:
        before = [writers[root.input[0]]] if root.input[0] in writers else []
        while before:
            node = before.pop()
            if node.op_type in _UNDER_ROOTS and node.name not in found:
                found[node.name] = node
                before += [writers[n] for n in node.input if n in writers and n not in wiring.constants]
        behind = list(readers.get(root.output[0], ()))
        while behind:
            node = behind.pop()
            if node.op_type in _BEHIND_ROOTS and node.name not in found:
                found[node.name] = node
                behind += readers.get(node.output[0], ()) if node.op_type not in ("Mul", "Div") else []
    return list(found)


def sort_nodes(model: Any) -> None:
    """Put each node behind those whose results it or its subgraphs read.

    onnxruntime's quantiser does not look into subgraphs, so that a loop may come before what its body reads.
    """
    graph = model.graph
    writers = {name: place for place, node in enumerate(graph.node) for name in node.output}
    before = {
        place: {writers[name] for name in _read(node) if name in writers} for place, node in enumerate(graph.node)
    }
    if all(place > max(needed, default=-1) for place, needed in before.items()):
        return
    nodes = list(graph.node)
    ordered = [nodes[place] for place in graphlib.TopologicalSorter(before).static_order()]
    del graph.node[:]
    graph.node.extend(ordered)


def _read(node: Any) -> Iterator[str]:
    """What a node reads, also inside its subgraphs."""
    yield from node.input
    for attribute in node.attribute:
        for body in (attribute.g, *attribute.graphs):
            for inner in nodes_of(body):
                yield from inner.input


def finalised(model: Any, ir_version: int) -> Any:
    """The same graph in one form for every tool: without marks and unused constants, in a fixed order."""
    from onnx import helper

    graph = model.graph
    read = {name for node in nodes_of(graph) for name in node.input}
    constants = sorted((tensor for tensor in graph.initializer if tensor.name in read), key=lambda tensor: tensor.name)
    for node in nodes_of(graph):
        node.ClearField("doc_string")
    domains = {node.domain for node in nodes_of(graph)}
    opsets = sorted((entry.domain, entry.version) for entry in model.opset_import if entry.domain in domains)
    ends = [
        [helper.make_tensor_value_info(end.name, end.type.tensor_type.elem_type, _shape(end)) for end in side]
        for side in (graph.input, graph.output)
    ]
    return helper.make_model(
        helper.make_graph(graph.node, graph.name, *ends, constants),
        opset_imports=[helper.make_opsetid(*opset) for opset in opsets],
        ir_version=ir_version,
    )


def _layer(node: Any, wiring: Wiring, names: LayerNames, known: dict[str, str]) -> str:
    """The layer named by a node, or by its constants; otherwise the layer before it."""
    for name in (node.name, *node.output, *(name for name in node.input if name in wiring.constants)):
        calls = names.calls(name)
        if calls:
            return calls[0].layer
    return next((known[name] for name in node.input if known.get(name)), "")


def _integers(node: Any, attribute: str) -> list[int]:
    """An attribute of one or several integers as a list without a lone 0; [] where it is absent."""
    found = next((a for a in node.attribute if a.name == attribute), None)
    if found is None:
        return []
    return list(found.ints) or ([found.i] if found.i else [])


def _outputs(node: Any, kernel: NDArray[Any]) -> int:
    """Number of values, or channels, that a Conv, ConvTranspose or Gemm outputs."""
    if node.op_type == "Conv" or _integers(node, "transB"):
        return len(kernel)
    groups = _integers(node, "group") if node.op_type == "ConvTranspose" else []
    return int(kernel.shape[1]) * (groups or [1])[0]


def _shape(end: Any) -> list[int | str]:
    return [dim.dim_value if dim.HasField("dim_value") else dim.dim_param for dim in end.type.tensor_type.shape.dim]


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
