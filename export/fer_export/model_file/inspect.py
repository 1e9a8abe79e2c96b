"""An exported file of any format: which one it is, what it holds, what it says of itself."""

from __future__ import annotations

from ..errors import ExportFileError
from . import onnx, tflite, tflite_metadata
from .summary import GraphSummary, ModelInfo

_IR_VERSION_FIELD = b"\x08"
"""First byte of every ONNX file: protobuf's tag of ModelProto.ir_version."""


def format_of(content: bytes) -> str:
    """`tflite` or `onnx`; raises ExportFileError when the first bytes are neither's."""
    if content[4:8] == tflite.IDENTIFIER:
        return "tflite"
    if content[:1] == _IR_VERSION_FIELD:
        return "onnx"
    if not content:
        raise ExportFileError("the file is empty; export it again")
    raise ExportFileError("the file is neither a TFLite model (bytes 4-7 are not TFL3) nor an ONNX one; give one")


def inspect(content: bytes) -> GraphSummary:
    """What the file consists of; raises ExportFileError when it is cut off, damaged or no model."""
    return onnx.inspect(content) if format_of(content) == "onnx" else tflite.inspect(content)


def read(content: bytes) -> ModelInfo:
    """Labels, contract and calibration record inside the file, ours or anyone's; same errors."""
    return onnx.read(content) if format_of(content) == "onnx" else tflite_metadata.read(content)
