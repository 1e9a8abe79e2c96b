"""Core ML packages (.mlpackage): what is in them, and what they say about themselves.

Labels stand in the program's `classify` op, in the order of the probabilities; contract and calibration record in the
model's user-defined metadata, as JSON.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..contract import Contract, describe
from . import embedded, package
from .mil.program import Program, Type, program_of
from .summary import GraphSummary, ModelInfo, OpSummary, TensorSummary

CONTRACT, CALIBRATION = "contract", "calibration"
AUTHOR = "fer-export"
MODEL, WEIGHTS = "Data/com.apple.CoreML/model.mlmodel", "Data/com.apple.CoreML/weights/weight.bin"

_SYSTEMS = {6: "iOS 15, macOS 12", 7: "iOS 16, macOS 13", 8: "iOS 17, macOS 14", 9: "iOS 18, macOS 15"}
"""By specification version, which Core ML of which system reads it first."""

_CHANNELS = {10: 1, 20: 3, 30: 3, 40: 1}
"""Of an image, by its colour space: grey, RGB, BGR, grey in float16."""


def packed(model: bytes, weights: bytes) -> bytes:
    """A package of a model and its weight file; identifiers follow from the bytes, so that equal networks are equal.

    model: the .mlmodel file; weights: its weight.bin, which may be empty.
    """
    contents = {MODEL: model, **({WEIGHTS: weights} if weights else {})}
    items = {}
    for path, content in contents.items():
        inside = path.removeprefix("Data/").removesuffix("/weight.bin")
        name = inside.rpartition("/")[2]
        what = "Specification" if path == MODEL else "Weights"
        items[str(uuid.uuid5(uuid.NAMESPACE_OID, f"{inside} {content.hex()}"))] = {
            "author": "com.apple.CoreML",
            "description": f"CoreML Model {what}",
            "name": name,
            "path": inside,
        }
    root = next(key for key, item in items.items() if item["name"] == "model.mlmodel")
    manifest = {"fileFormatVersion": "1.0.0", "itemInfoEntries": items, "rootModelIdentifier": root}
    text = json.dumps(manifest, indent=4, sort_keys=True) + "\n"
    return package.packed({package.FIRST: text.encode(), **contents})


def describe_in(model: Any, contract: Contract, calibration: Mapping[str, Any] | None) -> None:
    """Write what a file says about itself into the Model message; nothing else stays in its metadata."""
    metadata = model.description.metadata
    metadata.Clear()
    metadata.author, metadata.shortDescription = AUTHOR, describe(contract)
    metadata.versionString = str(contract.version)
    documents = {CONTRACT: contract.to_dict(), **({CALIBRATION: calibration} if calibration is not None else {})}
    for key, document in documents.items():
        metadata.userDefined.add(key=key, value=json.dumps(document, allow_nan=False))


def inspect(content: bytes) -> GraphSummary:
    """What a package consists of; raises ExportFileError when it is cut off, damaged or holds no program."""
    program = program_of(content)
    types, ends = program.types, {*program.inputs, *program.outputs}
    return GraphSummary(
        inputs=tuple(_input(program, name, kind) for name, kind in program.inputs.items()),
        outputs=_outputs(program, types),
        ops=tuple(
            OpSummary(
                op.kind,
                1,
                tuple(types[name].dtype for name in op.reads if name in types),
                tuple(kind.dtype for _, kind in op.outputs),
                not ends.isdisjoint([*op.reads, *(name for name, _ in op.outputs)]),
            )
            for op in program.ops
        ),
        min_runtime_version=_oldest(int(program.model.specificationVersion)),
        weights_bytes=sum(value.nbytes for value in program.constants.values() if isinstance(value, np.ndarray)),
        file_bytes=sum(len(each) for each in package.unpacked(content).values()),
        format="coreml",
        macs=program.macs(),
        parameters=program.parameters(),
    )


def read(content: bytes) -> ModelInfo:
    """What a package says about itself; raises ExportFileError when it is cut off or damaged."""
    program = program_of(content)
    metadata = program.model.description.metadata
    said = {entry.key: entry.value for entry in metadata.userDefined}
    contract = embedded.contract(said[CONTRACT], CONTRACT) if CONTRACT in said else None
    return ModelInfo(
        name=contract["model"] if contract else "",
        description=metadata.shortDescription,
        labels=program.labels or tuple(contract["labels"] if contract else ()),
        contract=contract,
        calibration=embedded.calibration(said[CALIBRATION], CALIBRATION) if CALIBRATION in said else None,
    )


def _oldest(version: int) -> str:
    return f"of {_SYSTEMS[version]}" if version in _SYSTEMS else f"specification {version}"


def _input(program: Program, name: str, kind: Type) -> TensorSummary:
    """An image as its bytes are passed, [1, S, S, C]."""
    for feature in program.model.description.input:
        if feature.name == name and feature.type.HasField("imageType"):
            image = feature.type.imageType
            shape = (1, int(image.height), int(image.width), _CHANNELS.get(image.colorSpace, 0))
            return TensorSummary(name, shape, "uint8", None, None)
    return TensorSummary(name, kind.shape, kind.dtype, None, None)


def _outputs(program: Program, types: Mapping[str, Type]) -> tuple[TensorSummary, ...]:
    """The probabilities before the label; Core ML gives them as a dictionary."""
    found: list[TensorSummary] = []
    for name in program.outputs:
        kind = types.get(name, Type("", ()))
        if kind.dtype == "dictionary":
            found.insert(0, TensorSummary(name, (1, len(program.labels)), "float32", None, None))
        else:
            found.append(TensorSummary(name, kind.shape, kind.dtype, None, None))
    return tuple(found)
