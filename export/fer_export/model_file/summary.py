"""What an exported file holds and says of itself, whatever its format.

Each format's reader fills these.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from ..contract.formats import FORMATS

SHAPE_OPS = frozenset(
    {"EXPAND_DIMS", "RESHAPE", "SHAPE", "SQUEEZE", "Flatten", "Reshape", "Squeeze", "Transpose", "Unsqueeze"}
)
"""Ops that touch no value, whatever the type of their tensors; TFLite's in capitals, ONNX's as ONNX writes them."""

BOUNDARY_OPS = frozenset({"DEQUANTIZE", "QUANTIZE"})
"""TFLite ops that may stand between a float or uint8 input or output of the graph and its int8 inside."""

CONVERSION_OPS = BOUNDARY_OPS | {"CAST", "Cast", "DequantizeLinear", "QuantizeLinear"}
"""Ops that only change the type that values are stored in."""


@dataclass(frozen=True)
class TensorSummary:
    """An input or output of the graph. name: the signature's where the file has one; a dimension of -1 is free.

    scale, zero_point: real = scale * (stored - zero_point), None where the tensor is not quantised.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float | None
    zero_point: int | None


@dataclass(frozen=True)
class OpSummary:
    """One op in execution order. inputs, outputs: element types; boundary: it reads an input of the graph or
    writes an output of it."""

    name: str
    version: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    boundary: bool


@dataclass(frozen=True)
class GraphSummary:
    """inputs, outputs: in the graph's order. ops: of all subgraphs. min_runtime_version: the oldest TFLite that
    the converter says can run the file, None where it says nothing. weights_bytes: size of the constants;
    file_bytes: size of the whole file. format: key of contract.formats; opset: of ONNX's own domain, None for TFLite.

    macs: multiply-accumulates of one inference at batch 1, sizes that are free counted as 1; parameters: elements
    of the constant weights and biases; None where they cannot be told."""

    inputs: tuple[TensorSummary, ...]
    outputs: tuple[TensorSummary, ...]
    ops: tuple[OpSummary, ...]
    min_runtime_version: str | None
    weights_bytes: int
    file_bytes: int
    format: str = "tflite"
    opset: int | None = None
    macs: int | None = None
    parameters: int | None = None

    @property
    def needs(self) -> str:
        """The oldest runtime that takes the file."""
        if self.opset is not None:
            return f"opset {self.opset} or later"
        return f"{FORMATS[self.format].title} {self.min_runtime_version or 'unknown'} or later"

    @property
    def op_counts(self) -> dict[str, int]:
        """How often each op occurs, by name."""
        return dict(sorted(Counter(op.name for op in self.ops).items()))

    @property
    def compute_op_counts(self) -> dict[str, int]:
        """The same without the ops that only convert types or shapes."""
        return {name: n for name, n in self.op_counts.items() if name not in SHAPE_OPS | CONVERSION_OPS}

    def to_dict(self) -> dict[str, Any]:
        document = asdict(self)
        del document["ops"]
        return {**document, "op_counts": self.op_counts}


@dataclass(frozen=True)
class ModelInfo:
    """What a file says about itself; empty where it says nothing. files: names in its zip, None
    in a format without one.

    labels: in the order of the output. contract, calibration: the embedded JSON documents.
    """

    name: str = ""
    description: str = ""
    labels: tuple[str, ...] = ()
    contract: dict[str, Any] | None = None
    calibration: dict[str, Any] | None = None
    files: tuple[str, ...] | None = None

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "files": list(self.files or ())}
