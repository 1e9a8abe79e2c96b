"""Networks as C arrays for microcontrollers: a C++ source file, with labels and contract in its comments.

The array is a TFLite file without metadata, since every byte of it takes flash. What the file says about itself stands
in comments in front: `// contract {...}` and `// calibration {...}`, one JSON object a line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..contract import Contract, describe
from ..errors import ExportFileError
from . import embedded, tflite
from .summary import GraphSummary, ModelInfo

MARK = b"// fer-export microcontroller "
VERSION = 1
ALIGNMENT = 16
"""Bytes; what TFLite's schema asks for constants."""

_COLUMNS = 16
_ARRAY = re.compile(rb"alignas\(16\) const unsigned char (\w+)\[(\d+)\] = \{([^{}]*)\};")
_BYTE = re.compile(rb"0x[0-9a-f]{2}")
_DOCUMENT = re.compile(rb"^// (contract|calibration) (\{.*\})$", re.MULTILINE)
_END = b"// end of fer-export microcontroller\n"
_DAMAGED = "the C array is cut off or was changed; export it again"


def source(model: bytes, symbol: str, contract: Contract, calibration: Mapping[str, Any] | None) -> bytes:
    """The C++ source file of a network.

    model: a .tflite file without metadata.
    symbol: the C name of the array.
    contract, calibration: what the file says about itself.
    """
    lines = [
        f"{MARK.decode()}{VERSION}",
        f"// {json.dumps(describe(contract))}",
        f"// contract {_json(contract.to_dict())}",
        *([f"// calibration {_json(calibration)}"] if calibration is not None else []),
        "// A constant: it stays in flash. TFLite reads it where it lies, so it is aligned.",
        f"extern const unsigned char {symbol}[{len(model)}];",
        f"alignas({ALIGNMENT}) const unsigned char {symbol}[{len(model)}] = {{",
        *(
            ", ".join(f"0x{byte:02x}" for byte in model[start : start + _COLUMNS]) + ","
            for start in range(0, len(model), _COLUMNS)
        ),
        "};",
    ]
    return "\n".join(lines).encode() + b"\n" + _END


def model_of(content: bytes) -> bytes:
    """The .tflite file inside a C array of ours; raises ExportFileError where there is none."""
    found = _ARRAY.search(content)
    if not content.startswith(MARK) or not content.endswith(_END) or found is None:
        raise ExportFileError(_DAMAGED)
    values = _BYTE.findall(found[3])
    if len(values) != int(found[2]) or _BYTE.sub(b"", found[3]).strip(b", \r\n"):
        raise ExportFileError(_DAMAGED)
    return bytes(int(value, 16) for value in values)


def symbol_of(content: bytes) -> str:
    """The C name of the array; raises ExportFileError where there is none."""
    found = _ARRAY.search(content)
    if found is None:
        raise ExportFileError(_DAMAGED)
    return found[1].decode()


def inspect(content: bytes) -> GraphSummary:
    """What the network inside consists of; raises ExportFileError when it is cut off or damaged."""
    found = tflite.inspect(model_of(content))
    # TFLite's versions are not those of tflite-micro.
    return replace(found, format="microcontroller", file_bytes=len(content), min_runtime_version=None)


def read(content: bytes) -> ModelInfo:
    """What the file says about itself; raises ExportFileError when it is cut off or damaged."""
    model_of(content)
    documents = dict(_DOCUMENT.findall(content[: content.find(b"alignas")]))
    if b"contract" not in documents:
        raise ExportFileError(_DAMAGED)
    contract = embedded.contract(documents[b"contract"], "contract")
    record = documents.get(b"calibration")
    return ModelInfo(
        name=contract["model"],
        description=describe(Contract.from_dict(contract)),
        labels=tuple(contract["labels"]),
        contract=contract,
        calibration=embedded.calibration(record, "calibration") if record else None,
    )


def _json(document: Any) -> str:
    # ASCII, so that no label can end the comment.
    return json.dumps(document, separators=(",", ":"), allow_nan=False)
