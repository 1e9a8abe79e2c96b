"""What an exported file computes inside: every op's output on given faces, as real numbers.

Faces go through op by op: .tflite files on LiteRT's builtin kernels, because a delegate hides its tensors, .onnx files
    in onnxruntime without its optimisations, so that what stands between quantisation and dequantisation is computed in
    float and rounded as the file says. Both differ from the fused kernels by a step here and there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..contract import formats
from ..errors import ExportFileError
from ..model_file import BOUNDARY_OPS, onnx_wiring
from ..model_file import inspect as modelfile
from ..model_file import onnx as onnxfile
from ..system import keras_backend
from . import Tensors


@dataclass(frozen=True)
class Grid:
    """The values a quantised tensor can take: scale * (stored - zero_point), stored from lowest to highest."""

    scale: float
    """real = scale * (stored - zero_point)."""

    zero_point: int
    """See scale."""

    lowest: int
    """Least stored value."""

    highest: int
    """Largest stored value."""

    def snap(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """The nearest values on the grid; values beyond its ends are clipped."""
        stored = np.clip(np.rint(values / self.scale) + self.zero_point, self.lowest, self.highest)
        return np.asarray((stored - self.zero_point) * self.scale, dtype=np.float32)


@dataclass(frozen=True)
class Op:
    """One op of a file."""

    name: str
    """Name of the op."""

    output: str
    """Names of its output tensor, which name layers."""

    dtype: str
    """Element type that it computes in."""

    grid: Grid | None
    """The values its output can take; None where they are float."""


class Activations(Protocol):
    """An exported file, opened to see every op's output.

    ops: in order of execution, without conversions of types.
    channels_first: whether its pictures are [N, C, H, W].
    """

    ops: tuple[Op, ...]
    channels_first: bool

    def run(self, images: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """uint8 [N, S, S, C] -> the output of each op, float32 [N, ...]."""
        ...


def open_activations(content: bytes) -> Activations:
    """Open an exported file op by op; raises ExportFileError when it cannot be run."""
    row = formats.FORMATS[modelfile.format_of(content)]
    if not row.activations:
        others = " or ".join(other.title for other in formats.exported() if other.activations)
        raise ExportFileError(f"{row.file} cannot be run op by op; blame a {others} file of the network")
    opened: Activations = formats.loaded(row.activations)(content)
    return opened


class TfliteActivations:
    """A .tflite file on LiteRT's builtin kernels."""

    channels_first = False

    def __init__(self, content: bytes) -> None:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        self._ends = Tensors.of(content)
        try:
            with keras_backend.silenced():
                self._interpreter = Interpreter(
                    model_content=content,
                    experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
                    experimental_preserve_all_tensors=True,
                )
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ExportFileError(f"LiteRT cannot run the file: {' '.join(str(error).split())[:300]}") from error
        self._given = self._interpreter.get_input_details()[0]["index"]
        self._tensors = [
            (op["op_name"], int(op["outputs"][0]))
            for op in self._interpreter._get_ops_details()
            if op["op_name"] not in BOUNDARY_OPS
        ]
        details = {detail["index"]: detail for detail in self._interpreter.get_tensor_details()}
        self.ops = tuple(_op(name, details[index]) for name, index in self._tensors)

    def run(self, images: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """uint8 [N, S, S, C] -> the output of each op, float32 [N, ...]."""
        answers = [list(self._answers(face)) for face in self._ends.encode(images)[:, None]]
        return [np.concatenate(each) for each in zip(*answers, strict=True)]

    def _answers(self, face: NDArray[Any]) -> Iterator[NDArray[np.float32]]:
        self._interpreter.set_tensor(self._given, face)
        self._interpreter.invoke()
        for (_, index), op in zip(self._tensors, self.ops, strict=True):
            stored = self._interpreter.get_tensor(index).astype(np.float32)
            yield stored if op.grid is None else (stored - op.grid.zero_point) * np.float32(op.grid.scale)


def _op(name: str, detail: dict[str, Any]) -> Op:
    return Op(name, detail["name"], np.dtype(detail["dtype"]).name, _grid(detail))


def _grid(detail: dict[str, Any]) -> Grid | None:
    parameters, dtype = detail["quantization_parameters"], np.dtype(detail["dtype"])
    if dtype.kind not in "iu" or len(parameters["scales"]) != 1:
        return None
    limits = np.iinfo(dtype)
    return Grid(float(parameters["scales"][0]), int(parameters["zero_points"][0]), int(limits.min), int(limits.max))


class OnnxActivations:
    """An .onnx file in onnxruntime without optimisations."""

    channels_first = True

    def __init__(self, content: bytes) -> None:
        import onnx

        model = onnxfile.open_model(content)
        wiring = onnx_wiring.Wiring(model.graph)
        nodes = [node for node in model.graph.node if node.op_type not in _CONVERSIONS]
        found = [_onnx_op(node, wiring) for node in nodes]
        self.ops = tuple(op for op, _ in found)
        self._tensors = [tensor for _, tensor in found]
        self._given = model.graph.input[0].name
        self._dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(model.graph.input[0].type.tensor_type.elem_type))
        new = set(self._tensors) - {output.name for output in model.graph.output}
        model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in sorted(new))
        self._session = _session(model.SerializeToString())

    def run(self, images: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """uint8 [N, S, S, C] -> the output of each op, float32 [N, ...]."""
        answers = [self._session.run(self._tensors, {self._given: face[None].astype(self._dtype)}) for face in images]
        return [
            np.concatenate([np.atleast_1d(one) for one in each]).astype(np.float32)
            for each in zip(*answers, strict=True)
        ]


_CONVERSIONS = frozenset({"Cast", "DequantizeLinear", "DynamicQuantizeLinear", "QuantizeLinear", "Transpose"})


def _onnx_op(node: Any, wiring: onnx_wiring.Wiring) -> tuple[Op, str]:
    """The op with the tensor of its values: after its quantisation, if there is one."""
    output, grid = node.output[0], None
    quantise = next((reader for reader in wiring.readers[output] if reader.op_type == "QuantizeLinear"), None)
    tensor = output
    if quantise is not None:
        scale, zero = wiring.value(quantise.input[1]), wiring.value(quantise.input[2])
        tensor = next((reader.output[0] for reader in wiring.readers[quantise.output[0]]), output)
        if scale is not None and zero is not None and scale.size == 1:
            limits = np.iinfo(zero.dtype)
            grid = Grid(float(scale), int(zero), int(limits.min), int(limits.max))
    operands = node.input[: 2 if node.op_type in onnxfile.COMPUTE_OPS else 1]
    integers = all(wiring.written_by(name, "DequantizeLinear") is not None for name in operands)
    return Op(node.op_type, f"{output};{node.name}", "int8" if integers else "float32", grid), tensor


def _session(content: bytes) -> Any:
    with keras_backend.silenced():
        import onnxruntime
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    try:
        with keras_backend.silenced():
            return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own errors have no base class but this
        raise ExportFileError(f"onnxruntime cannot run the file: {' '.join(str(error).split())[:300]}") from error
