"""A crop in front of an ONNX network that takes grey faces: picture and box in, standard ops of its own opset.

The nodes are put before the network's, which stay as they are: every precision works, and a frame file answers what the
grey file answers to the same face. Arithmetic: see `frame`. Whole numbers are int64 except in matrix products, and no
other type is used: onnxruntime-mobile has no more. Its ONNX has no floor of a quotient either: Div cuts off, which is
the same above zero, so terms that can be negative are lifted by a multiple of the divisor.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..contract import CropRule, FrameRule, GreyRule, tensors
from ..model_file import nodes_of
from ..photo import crop

_LIFT = 2**40
"""Even, and more than any sum of coordinates below zero."""


def with_crop(network: Any, rule: FrameRule) -> Any:
    """A ModelProto uint8 [1, size, size, 1] -> probabilities with the crop in front: inputs `image` and the box."""
    import onnx
    from onnx import TensorProto, helper

    model = onnx.ModelProto()
    model.CopyFrom(network)
    graph, nodes = model.graph, _Nodes()
    face = _face(nodes, rule)
    for node in nodes_of(graph):
        node.input[:] = [face if name == tensors.INPUT_NAME else name for name in node.input]
    inner = [*nodes.nodes, *graph.node]
    del graph.node[:], graph.input[:]
    graph.node.extend(inner)
    graph.initializer.extend(nodes.constants)
    graph.input.extend(
        [
            helper.make_tensor_value_info(tensors.INPUT_NAME, TensorProto.UINT8, [1, "height", "width", 3]),
            helper.make_tensor_value_info(rule.box_name, TensorProto.INT32, list(rule.box_shape)),
        ]
    )
    return model


class _Nodes:
    """Nodes called `crop/<op>`, each by the name of its one output, and the constants they read."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self._constants: dict[Any, Any] = {}

    @property
    def constants(self) -> list[Any]:
        return list(self._constants.values())

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        from onnx import helper

        name = f"crop/{op}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], name, **attributes))
        return name

    def constant(self, value: Any, dtype: DTypeLike = np.int64) -> str:
        from onnx import numpy_helper

        array = np.asarray(value, dtype)
        key = array.dtype.name, array.shape, array.tobytes()
        if key not in self._constants:
            self._constants[key] = numpy_helper.from_array(array, f"crop/constant_{len(self._constants)}")
        return str(self._constants[key].name)

    def cast(self, value: str, dtype: DTypeLike) -> str:
        from onnx import helper

        return self.add("Cast", value, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def twice(self, value: str) -> str:
        return self.add("Mul", value, self.constant(2))


def _face(nodes: _Nodes, rule: FrameRule) -> str:
    """`crop.face` in ONNX ops."""
    add, constant = nodes.add, nodes.constant
    start, side = _square(nodes, rule)
    ends, axes = add("Add", start, side), constant([2, 1])
    cut = add("Slice", tensors.INPUT_NAME, start, ends, axes)
    grey, shares = _grey(nodes, cut, rule.grey), _shares(nodes, side, rule.size)
    rows = nodes.cast(add("MatMul", shares, grey), np.int64)
    quotient = add("Div", rows, side)
    across = add("Transpose", shares, perm=[1, 0])
    sums, rests = (
        nodes.cast(add("MatMul", nodes.cast(part, np.float32), across), np.int64)
        for part in (quotient, add("Sub", rows, add("Mul", quotient, side)))
    )
    carried = add("Div", rests, side)
    left_over = add("Sub", rests, add("Mul", carried, side))
    doubled = add("Add", nodes.twice(add("Add", sums, carried)), side)
    doubled = add("Add", doubled, add("Div", nodes.twice(left_over), side))
    face = nodes.cast(add("Div", doubled, nodes.twice(side)), np.uint8)
    return add("Reshape", face, constant([1, rule.size, rule.size, 1]))


def _square(nodes: _Nodes, rule: FrameRule) -> tuple[str, str]:
    """(left, top), int64 [2], and side, a number, of the box's square by `crop.square`."""
    add, constant = nodes.add, nodes.constant
    width_height = add("Gather", add("Shape", tensors.INPUT_NAME), constant([2, 1]))
    box = nodes.cast(rule.box_name, np.int64)
    box = add("Min", add("Max", box, constant(-crop.REACH)), constant(crop.REACH))
    left_top, right_bottom = (add("Gather", box, constant(places)) for places in ([0, 1], [2, 3]))
    longer = add("ReduceMax", add("Sub", right_bottom, left_top), keepdims=0)
    longer = add("Max", longer, constant(1))
    scaled = add("Add", add("Mul", longer, constant(rule.crop.scale)), constant(500))
    side = add("Max", add("Div", scaled, constant(1000)), constant(1))
    side = add("Min", side, add("ReduceMin", width_height, keepdims=0))
    doubled = add("Add", add("Add", left_top, right_bottom), nodes.twice(_shift(nodes, longer, rule.crop)))
    lifted = add("Add", add("Sub", doubled, side), constant(_LIFT))
    start = add("Sub", add("Div", lifted, constant(2)), constant(_LIFT // 2))
    start = add("Max", start, constant(0))
    return add("Min", start, add("Sub", width_height, side)), side


def _shift(nodes: _Nodes, longer: str, rule: CropRule) -> str:
    """longer * shift // 1000 across and down."""
    add, shifts = nodes.add, np.array([rule.shift_x, rule.shift_y])
    whole = shifts // 1000
    part = add("Div", add("Mul", longer, nodes.constant(shifts - 1000 * whole)), nodes.constant(1000))
    return add("Add", part, add("Mul", longer, nodes.constant(whole)))


def _grey(nodes: _Nodes, cut: str, rule: GreyRule) -> str:
    """uint8 [1, side, side, 3] -> float32 [side, side] of whole numbers.

    It is exact: all terms are multiples of 2^-shift below 2^(24 - shift).
    """
    weights = np.array([[rule.red], [rule.green], [rule.blue]]) / 2**rule.shift
    luma = nodes.add("MatMul", nodes.cast(cut, np.float32), nodes.constant(weights, np.float32))
    grey = nodes.add("Floor", nodes.add("Add", luma, nodes.constant(0.5, np.float32)))
    return nodes.add("Squeeze", grey, nodes.constant([0, 3]))


def _shares(nodes: _Nodes, side: str, size: int) -> str:
    """Overlap of every output pixel with every input pixel in 1/size pixels, float32 [size, side]."""
    add, constant = nodes.add, nodes.constant
    pixels = add("Mul", add("Range", constant(0), side, constant(1)), constant(size))
    parts = add("Mul", constant(np.arange(size)[:, None]), side)
    ends = add("Min", add("Add", pixels, constant(size)), add("Add", parts, side))
    overlap = add("Sub", ends, add("Max", pixels, parts))
    return nodes.cast(add("Max", overlap, constant(0)), np.float32)
