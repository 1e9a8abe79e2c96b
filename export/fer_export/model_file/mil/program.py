"""The program inside a Core ML file: its ops, and its constants with those of the weight file."""

from __future__ import annotations

import math
import posixpath
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ExportFileError
from .. import embedded, package
from . import schema

DAMAGED = "the Core ML file is cut off or damaged; export it again"

MODEL_PATH = "@model_path"
"""How a program names the folder that its .mlmodel lies in."""

STRING = "string"

TYPES = {
    1: "bool",
    2: STRING,
    10: "float16",
    11: "float32",
    12: "float64",
    21: "int8",
    22: "int16",
    23: "int32",
    24: "int64",
    31: "uint8",
    32: "uint16",
    33: "uint32",
    34: "uint64",
}
"""NumPy's words for the numbers of MIL's types; those of less than a byte are in no list here."""

_BLOB_TYPES = {1: "float16", 2: "float32", 3: "uint8", 4: "int8", 6: "int16", 7: "uint16", 14: "int32", 15: "uint32"}
_BLOB_MARK = 0xDEADBEEF
_BLOB = struct.Struct("<IIQQ")
_COMPUTING = {"conv": "weight", "conv_transpose": "weight", "linear": "weight", "matmul": "y"}
"""Ops that multiply and accumulate, and what they call their weights."""
_WEIGHTS = frozenset({"weight", "bias", "y", "gamma", "beta", "mean", "variance"})

Constant = Any
"""An array, a text, or a list of such."""


@dataclass(frozen=True)
class Type:
    """Of a value."""

    dtype: str
    """NumPy's word, `string`, or `list` and `dictionary` for those."""

    shape: tuple[int, ...]
    """-1 for a size that is free."""


@dataclass(frozen=True)
class Op:
    """One op; constants are none."""

    kind: str
    """Its name in MIL."""

    inputs: Mapping[str, tuple[str | Constant, ...]]
    """By parameter: names of values (Ref), or constants that stand in the op itself."""

    outputs: tuple[tuple[str, Type], ...]
    """Names and types of what it gives."""

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the values that it reads."""
        return tuple(each.name for given in self.inputs.values() for each in given if isinstance(each, Ref))


@dataclass(frozen=True)
class Ref:
    """A value that an op reads."""

    name: str
    """Of a constant, an input or an output of another op."""


@dataclass(frozen=True)
class Program:
    """What a Core ML file computes."""

    model: Any
    """The Model message."""

    inputs: Mapping[str, Type]
    """By name."""

    outputs: tuple[str, ...]
    """Names of the values that are given."""

    constants: Mapping[str, Constant]
    """By name."""

    ops: tuple[Op, ...]
    """In order of execution."""

    @property
    def types(self) -> dict[str, Type]:
        """The type of every value."""
        found = {name: _type_of(value) for name, value in self.constants.items()}
        return found | dict(self.inputs) | {name: kind for op in self.ops for name, kind in op.outputs}

    @property
    def classify(self) -> Op | None:
        """The op that gives label and probabilities; None where the network is not a classifier."""
        return next((op for op in self.ops if op.kind == "classify"), None)

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes in the order of the probabilities; empty where it is not a classifier."""
        given = self.classify.inputs.get("classes", ()) if self.classify else ()
        values = [self.constants.get(each.name, ()) if isinstance(each, Ref) else each for each in given]
        return tuple(str(label) for value in values for label in (value if isinstance(value, list) else [value]))

    def macs(self) -> int | None:
        """Multiply-accumulates of one face; None where a size is free."""
        types, total = self.types, 0
        for op in self.ops:
            if op.kind in _COMPUTING and op.outputs:
                given, weights, made = (
                    types.get(_name(op, "x"), _UNKNOWN),
                    types.get(_name(op, _COMPUTING[op.kind]), _UNKNOWN),
                    op.outputs[0][1],
                )
                if -1 in (*given.shape, *weights.shape, *made.shape) or not given.shape or not weights.shape:
                    return None
                if op.kind in ("linear", "matmul"):
                    total += math.prod(made.shape) * given.shape[-1]
                else:
                    total += math.prod((given if op.kind == "conv_transpose" else made).shape) * math.prod(
                        weights.shape[1:]
                    )
        return total

    def parameters(self) -> int:
        """How many weights and biases its layers have."""
        types, inside = self.types, set(self.inputs)
        made = {name for op in self.ops if not op.kind.startswith("constexpr_") for name, _ in op.outputs}
        names = {
            each.name
            for op in self.ops
            if op.kind in _COMPUTING or op.kind == "batch_norm"
            for parameter, given in op.inputs.items()
            if parameter in _WEIGHTS
            for each in given
            if isinstance(each, Ref) and each.name not in made | inside
        }
        return sum(math.prod(types[name].shape) for name in names if name in types)


_UNKNOWN = Type("", (-1,))


def program_of(content: bytes) -> Program:
    """The program of a packed .mlpackage.

    Raises ExportFileError where a file of it is missing or damaged, or it holds another kind of model.
    """
    files = package.unpacked(content)
    path = model_path(files)
    try:
        model = schema.parse(files[path])
        return _program(model, files, posixpath.dirname(path))
    except (KeyError, ValueError, OverflowError, TypeError, IndexError, struct.error, RecursionError) as error:
        raise ExportFileError(DAMAGED) from error


def model_path(files: Mapping[str, bytes]) -> str:
    """Where a package's .mlmodel lies, by its manifest; raises ExportFileError where there is none."""
    manifest = embedded.parsed(files.get(package.FIRST, b""), package.FIRST)
    entries = manifest.get("itemInfoEntries")
    root = entries.get(str(manifest.get("rootModelIdentifier"))) if isinstance(entries, dict) else None
    path = f"Data/{root.get('path')}" if isinstance(root, dict) else ""
    if path not in files:
        raise ExportFileError(f"{package.FIRST} of the package names no model that is there; export it again")
    return path


def _program(model: Any, files: Mapping[str, bytes], folder: str) -> Program:
    functions = {entry.key: entry.value for entry in model.mlProgram.functions}
    if "main" not in functions:
        raise ExportFileError(
            "the Core ML file holds no ML program (those of before iOS 15 have another form); convert it to one"
        )
    function = functions["main"]
    blocks = {entry.key: entry.value for entry in function.blocks}
    block = blocks[function.opset]
    constants: dict[str, Constant] = {}
    ops = []
    for operation in block.operations:
        if operation.blocks:
            raise ExportFileError(
                f"the Core ML file has the op {operation.type}, which holds ops itself: not read here"
            )
        if operation.type == "const":
            values = {entry.key: entry.value for entry in operation.attributes}
            constants[operation.outputs[0].name] = _decoded(values["val"], files, folder)
        else:
            inputs = {
                entry.key: tuple(_argument(binding, files, folder) for binding in entry.value.arguments)
                for entry in operation.inputs
            }
            inputs |= {
                entry.key: (_decoded(entry.value, files, folder),)
                for entry in operation.attributes
                if entry.key != "name"
            }
            outputs = tuple((each.name, _type(each.type)) for each in operation.outputs)
            ops.append(Op(operation.type, inputs, outputs))
    given = {each.name: _type(each.type) for each in function.inputs}
    return Program(model, given, tuple(block.outputs), constants, tuple(ops))


def _argument(binding: Any, files: Mapping[str, bytes], folder: str) -> Ref | Constant:
    return _decoded(binding.value, files, folder) if binding.HasField("value") else Ref(binding.name)


def _type(message: Any) -> Type:
    if message.HasField("tensorType"):
        tensor = message.tensorType
        known = [int(each.constant.size) if each.HasField("constant") else -1 for each in tensor.dimensions]
        if any(size >= 1 << 40 for size in known):
            raise ValueError("a size without sense")
        return Type(TYPES.get(tensor.dataType, f"type {tensor.dataType}"), tuple(known))
    return Type("list" if message.HasField("listType") else "dictionary", ())


def _type_of(value: Constant) -> Type:
    if isinstance(value, np.ndarray):
        return Type(value.dtype.name, value.shape)
    return Type("list" if isinstance(value, list) else STRING, ())


def _decoded(value: Any, files: Mapping[str, bytes], folder: str) -> Constant:
    """A constant; arrays of the weight file are views into it."""
    if value.HasField("blobFileValue"):
        return _blob(value, files, folder)
    immediate = value.immediateValue
    if immediate.HasField("list"):
        return [_decoded(each, files, folder) for each in immediate.list.values]
    kind, tensor = _type(value.type), immediate.tensor
    if kind.dtype == STRING:
        texts = [str(text) for text in tensor.strings.values]
        return texts[0] if not kind.shape and len(texts) == 1 else texts
    dtype = np.dtype(kind.dtype)
    if tensor.HasField("bytes"):
        values = np.frombuffer(tensor.bytes.values, dtype.newbyteorder("<"))
    else:
        filled = next((each for each in _fields(tensor) if len(each.values)), None)
        values = np.array(list(filled.values) if filled is not None else [], dtype)
    return values.reshape(kind.shape)


def _fields(tensor: Any) -> Iterator[Any]:
    yield from (tensor.floats, tensor.ints, tensor.bools, tensor.longInts, tensor.doubles)


def _blob(value: Any, files: Mapping[str, bytes], folder: str) -> Constant:
    name, kind = value.blobFileValue.fileName, _type(value.type)
    content = files[posixpath.join(folder, name.removeprefix(f"{MODEL_PATH}/"))]
    mark, code, size, start = _BLOB.unpack_from(content, value.blobFileValue.offset)
    dtype = np.dtype(_BLOB_TYPES[code])
    if mark != _BLOB_MARK or size % dtype.itemsize or dtype.name != kind.dtype:
        raise ValueError("not the beginning of weights")
    return np.frombuffer(content, dtype.newbyteorder("<"), size // dtype.itemsize, start).reshape(kind.shape)


def _name(op: Op, parameter: str) -> str:
    given = op.inputs.get(parameter, ())
    return given[0].name if given and isinstance(given[0], Ref) else ""
