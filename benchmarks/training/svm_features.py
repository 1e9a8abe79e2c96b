"""What a support vector machine sees of a face, as the first ops of an ONNX file: pixels, or oriented gradients.

The same ops make the features that it is trained on, in onnxruntime, so that a phone computes no others. The gradients
are those of Dalal and Triggs (2005), as scikit-image's `hog` computes them: 9 orientations, cells averaged, blocks of
2 x 2 cells, L2-Hys.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_export.contract.tensors import INPUT_NAME
from fer_export.convert.onnx import IR_VERSION, OPSET
from fer_export.dataset.dataset import SIDE

FEATURES = "features"
"""Name of the tensor [N, D] that the ops end in."""

ORIENTATIONS = 9
_EPSILON = 1e-5
_CLIP = 0.2
_BATCH = 256


@dataclass(frozen=True)
class Features:
    """Ops from `image`, uint8 [N, 48, 48, 1], to `features`, float32 [N, D]."""

    name: str
    """What people call them."""

    width: int
    """D."""

    nodes: tuple[Any, ...]
    """NodeProtos in order."""

    constants: tuple[Any, ...]
    """TensorProtos."""

    def of(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The features of faces uint8 [N, 48, 48, 1]: float32 [N, D]."""
        import onnx
        import onnxruntime
        from onnx import helper

        image = helper.make_tensor_value_info(INPUT_NAME, onnx.TensorProto.UINT8, ["N", SIDE, SIDE, 1])
        result = helper.make_tensor_value_info(FEATURES, onnx.TensorProto.FLOAT, ["N", self.width])
        model = helper.make_model(
            helper.make_graph(self.nodes, self.name, [image], [result], self.constants),
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
        )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        starts = range(0, len(images), _BATCH)
        return np.concatenate([session.run(None, {INPUT_NAME: images[start : start + _BATCH]})[0] for start in starts])


class _Ops:
    """Collects ops one after the other, each with a name of its own."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: Any, kind: Any = np.float32) -> str:
        from onnx import numpy_helper

        name = f"{FEATURES}/constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, kind), name))
        return name

    def add(self, op: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        from onnx import helper

        name = name or f"{FEATURES}/{op}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], name, **attributes))
        return name

    def unit(self) -> str:
        """The face in 0..1, float32 [N, 48, 48, 1]."""
        import onnx

        return self.add("Div", self.add("Cast", INPUT_NAME, to=onnx.TensorProto.FLOAT), self.constant(255))

    def features(self, name: str, width: int) -> Features:
        return Features(name, width, tuple(self.nodes), tuple(self.constants))


def pixels() -> Features:
    """The report's: every pixel / 255."""
    ops = _Ops()
    ops.add("Flatten", ops.unit(), name=FEATURES)
    return ops.features("pixels", SIDE * SIDE)


def oriented_gradients(cell: int) -> Features:
    """Histograms of oriented gradients.

    cell: side of a cell in pixels; it divides 48.
    """
    import onnx

    ops = _Ops()
    # From one end of the reflected border to the other is nothing: no gradient across the face's edge.
    plane = ops.add("Reshape", ops.unit(), ops.constant([-1, 1, SIDE, SIDE], np.int64))
    padded = ops.add("Pad", plane, ops.constant([0, 0, 1, 1, 0, 0, 1, 1], np.int64), mode="reflect")
    gradient = ops.add("Conv", padded, ops.constant(_differences()))
    along = ops.add("Abs", ops.add("Conv", gradient, ops.constant(_directions())))
    nearest = ops.add("ArgMax", along, axis=1)
    number = ops.constant(np.arange(ORIENTATIONS).reshape(1, -1, 1, 1), np.int64)
    chosen = ops.add("Cast", ops.add("Equal", nearest, number), to=onnx.TensorProto.FLOAT)
    voted = ops.add("Mul", chosen, ops.add("ReduceL2", gradient, axes=[1]))
    cells = ops.add("AveragePool", voted, kernel_shape=[cell, cell], strides=[cell, cell])
    blocks = SIDE // cell - 1
    corners = [_corner(ops, cells, row, column, blocks) for row in (0, 1) for column in (0, 1)]
    block = _to_length_one(ops, ops.add("Concat", *corners, axis=1))
    block = _to_length_one(ops, ops.add("Min", block, ops.constant(_CLIP)))
    ops.add("Flatten", ops.add("Transpose", block, perm=[0, 2, 3, 1]), name=FEATURES)
    return ops.features(f"HOG, cells of {cell}", blocks * blocks * 4 * ORIENTATIONS)


def _differences() -> NDArray[np.float32]:
    """Filters [2, 1, 3, 3]: the pixel below minus the one above, the right one minus the left one."""
    filters = np.zeros((2, 1, 3, 3), np.float32)
    filters[0, 0, :, 1] = filters[1, 0, 1, :] = (-1, 0, 1)
    return filters


def _directions() -> NDArray[np.float32]:
    """Filters [9, 2, 1, 1] along the middle of each bin of 20 degrees.

    A gradient lies in the bin whose direction it reaches furthest along.
    """
    angles = np.deg2rad(180 / ORIENTATIONS * (np.arange(ORIENTATIONS) + 0.5))
    return np.stack([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)[:, :, None, None]


def _corner(ops: _Ops, cells: str, row: int, column: int, blocks: int) -> str:
    """One of a block's four cells, for every block."""
    starts, ends = (row, column), (row + blocks, column + blocks)
    bounds: Sequence[Sequence[int]] = (starts, ends, (2, 3))
    return ops.add("Slice", cells, *(ops.constant(each, np.int64) for each in bounds))


def _to_length_one(ops: _Ops, block: str) -> str:
    squares = ops.add("Add", ops.add("ReduceSumSquare", block, axes=[1]), ops.constant(_EPSILON**2))
    return ops.add("Div", block, ops.add("Sqrt", squares))
