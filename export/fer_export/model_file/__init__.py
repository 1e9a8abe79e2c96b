"""Looks into exported files: ops, tensors, metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import on_demand

if TYPE_CHECKING:
    from .inspect import FileInfo, inspect_file, is_folder, named, read_file, write_file
    from .onnx import float_ops, nodes_of, role, tensor_shapes
    from .onnx_wiring import Wiring
    from .summary import BOUNDARY_OPS, SHAPE_OPS, GraphSummary, ModelInfo, TensorSummary

__all__ = [
    "BOUNDARY_OPS",
    "FileInfo",
    "GraphSummary",
    "ModelInfo",
    "SHAPE_OPS",
    "TensorSummary",
    "Wiring",
    "float_ops",
    "inspect_file",
    "is_folder",
    "named",
    "nodes_of",
    "read_file",
    "role",
    "tensor_shapes",
    "write_file",
]

__getattr__ = on_demand(
    __name__,
    {
        "BOUNDARY_OPS": "summary",
        "FileInfo": "inspect",
        "GraphSummary": "summary",
        "ModelInfo": "summary",
        "SHAPE_OPS": "summary",
        "TensorSummary": "summary",
        "Wiring": "onnx_wiring",
        "float_ops": "onnx",
        "inspect_file": "inspect",
        "is_folder": "inspect",
        "named": "inspect",
        "nodes_of": "onnx",
        "read_file": "inspect",
        "role": "onnx",
        "tensor_shapes": "onnx",
        "write_file": "inspect",
    },
)
