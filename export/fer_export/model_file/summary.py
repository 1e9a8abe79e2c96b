"""What an exported file holds and says of itself, whatever its format.

Each format's reader fills these.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from ..contract import FORMATS

SHAPE_OPS = frozenset(
    {"EXPAND_DIMS", "RESHAPE", "SHAPE", "SQUEEZE", "Flatten", "Reshape", "Squeeze", "Transpose", "Unsqueeze"}
)
"""Ops that change no value, for any type of tensor; TFLite's in capitals, ONNX's as ONNX writes them."""

BOUNDARY_OPS = frozenset({"DEQUANTIZE", "QUANTIZE"})
"""TFLite ops that may stand between a float or uint8 input or output of the graph and its int8 inside."""

CONVERSION_OPS = BOUNDARY_OPS | {"CAST", "Cast", "DequantizeLinear", "QuantizeLinear"}
"""Ops that only change the type that values are stored in."""


@dataclass(frozen=True)
class TensorSummary:
    """An input or output of the graph."""

    name: str
    """The signature's name where the file has one."""

    shape: tuple[int, ...]
    """Its shape; a dimension of -1 is free."""

    dtype: str
    """Its element type."""

    scale: float | None
    """real = scale * (stored - zero_point); None where the tensor is not quantised."""

    zero_point: int | None
    """See scale; None where the tensor is not quantised."""


@dataclass(frozen=True)
class OpSummary:
    """One op in execution order."""

    name: str
    """Name of the op."""

    version: int
    """Version of the op."""

    inputs: tuple[str, ...]
    """Element types of its inputs."""

    outputs: tuple[str, ...]
    """Element types of its outputs."""

    boundary: bool
    """Whether it reads an input of the graph or writes an output of it."""


@dataclass(frozen=True)
class GraphSummary:
    """The graph of an exported file."""

    inputs: tuple[TensorSummary, ...]
    """In the graph's order."""

    outputs: tuple[TensorSummary, ...]
    """In the graph's order."""

    ops: tuple[OpSummary, ...]
    """Ops of all subgraphs."""

    min_runtime_version: str | None
    """The oldest TFLite that can run the file, as the converter says; None where it says nothing."""

    weights_bytes: int
    """Size of the constants."""

    file_bytes: int
    """Size of the whole file."""

    format: str = "tflite"
    """Key of contract.formats."""

    opset: int | None = None
    """Opset of ONNX's own domain; None for TFLite."""

    macs: int | None = None
    """Multiply-accumulates of one inference at batch 1, free sizes counted as 1; None where they cannot be told."""

    parameters: int | None = None
    """Elements of the constant weights and biases; None where they cannot be told."""

    @property
    def needs(self) -> str:
        """The oldest runtime that takes the file."""
        if self.opset is not None:
            return f"opset {self.opset} or later"
        title, version = FORMATS[self.format].title, self.min_runtime_version
        return f"{title} {version} or later" if version else title

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
    """What a file says about itself; empty where it says nothing."""

    name: str = ""
    """Name of the network."""

    description: str = ""
    """One sentence on the network."""

    labels: tuple[str, ...] = ()
    """Emotions in the order of the output."""

    contract: dict[str, Any] | None = None
    """The embedded contract.json; None without one."""

    calibration: dict[str, Any] | None = None
    """The embedded calibration record; None without one."""

    files: tuple[str, ...] | None = None
    """Names in its zip; None in a format without one."""

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "files": list(self.files or ())}
