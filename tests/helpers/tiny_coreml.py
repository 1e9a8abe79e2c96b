"""A small Core ML package, written without coremltools: 8x8 grey, a convolution, an average, three emotions."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from fer_export.contract import Contract
from fer_export.model_file import coreml
from fer_export.model_file.mil import schema

SIDE, LABELS = 8, ("happy", "sad", "neutral")
_CODES = {"float32": 11, "float16": 10, "int32": 23, "int8": 21, "uint8": 31}
_BLOBS = {"float16": 1, "float32": 2, "uint8": 3, "int8": 4}


def contract(precision: str = "none") -> Contract:
    return Contract(
        model="tiny",
        precision=precision,
        input_kind="gray",
        input_shape=(1, SIDE, SIDE, 1),
        input_type="uint8",
        output_shape=(1, len(LABELS)),
        output_type="float32",
        labels=LABELS,
        labels_source="its card",
        checkpoint_sha256="0" * 64,
    )


class Maker:
    """A program, op by op; values are named, constants arrays."""

    def __init__(self, side: int = SIDE, arithmetic: str = "float32") -> None:
        self.model, self.weights, self.arithmetic = schema.parse(b""), bytearray(64), arithmetic
        self.model.specificationVersion = 7
        image = self.model.description.input.add(name="image").type.imageType
        image.width = image.height = side
        image.colorSpace = 10
        self.function = self.model.mlProgram.functions.add(key="main").value
        self.function.opset = "CoreML6"
        given = self.function.inputs.add(name="image")
        _typed(given.type, (1, 1, side, side), "float32")
        self.block = self.function.blocks.add(key="CoreML6").value
        self.count = 0

    def constant(self, value: Any, stored: bool = False) -> str:
        """The name of a new constant, with `stored` in the weight file."""
        self.count += 1
        name = f"constant_{self.count}"
        op = self.block.operations.add(type="const")
        made = op.outputs.add(name=name)
        held = op.attributes.add(key="val").value
        self.fill(held, value, stored)
        made.type.CopyFrom(held.type)
        return name

    def fill(self, held: Any, value: Any, stored: bool = False) -> None:
        if isinstance(value, str):
            held.type.tensorType.dataType = 2
            held.immediateValue.tensor.strings.values.append(value)
            return
        array = np.asarray(value)
        array = array.astype("int32") if array.dtype == np.int64 else array
        _typed(held.type, array.shape, array.dtype.name)
        if stored:
            start = len(self.weights)
            self.weights += struct.pack(
                "<IIQQ", 0xDEADBEEF, _BLOBS[array.dtype.name], array.nbytes, start + 64
            ) + bytes(40)
            self.weights += array.tobytes() + bytes(-array.nbytes % 64)
            held.blobFileValue.fileName, held.blobFileValue.offset = "@model_path/weights/weight.bin", start
        elif array.dtype.kind == "f" and array.dtype.itemsize == 4:
            held.immediateValue.tensor.floats.values.extend(array.reshape(-1).tolist())
        elif array.dtype == np.int32:
            held.immediateValue.tensor.ints.values.extend(array.reshape(-1).tolist())
        else:
            held.immediateValue.tensor.bytes.values = array.tobytes()

    def op(self, kind: str, shape: tuple[int, ...], dtype: str | None = None, /, **inputs: Any) -> str:
        """The name of an op's output. Inputs: names of values, or constants; a list of names is a list of values."""
        self.count += 1
        name = f"{kind}_{self.count}"
        # Constants come before their readers.
        names = {key: given if _is_name(given) else self.constant(given) for key, given in inputs.items()}
        made = self.block.operations.add(type=kind)
        for key, given in names.items():
            argument = made.inputs.add(key=key).value
            for each in given if isinstance(given, list) else [given]:
                argument.arguments.add(name=each)
        _typed(made.outputs.add(name=name).type, shape, dtype or self.arithmetic)
        return name

    def classify(self, probabilities: str, labels: tuple[str, ...] = LABELS) -> Maker:
        made = self.block.operations.add(type="classify")
        made.inputs.add(key="probabilities").value.arguments.add(name=probabilities)
        listed = made.inputs.add(key="classes").value.arguments.add().value
        listed.type.listType.type.tensorType.dataType = 2
        for label in labels:
            self.fill(listed.immediateValue.list.values.add(), label)
        made.outputs.add(name="classLabel").type.tensorType.dataType = 2
        made.outputs.add(name="probabilities").type.dictionaryType.keyType.tensorType.dataType = 2
        self.block.outputs.extend(["classLabel", "probabilities"])
        self.model.description.predictedFeatureName = "classLabel"
        self.model.description.predictedProbabilitiesName = "probabilities"
        return self

    def packed(self, precision: str = "none") -> bytes:
        coreml.describe_in(self.model, contract(precision), None)
        return coreml.packed(self.model.SerializeToString(deterministic=True), bytes(self.weights))


def package() -> bytes:
    """A classifier of 8x8 grey pictures."""
    rng, maker = np.random.default_rng(0), Maker()
    kernel = maker.constant(rng.normal(0, 0.01, (4, 1, 3, 3)).astype("float32"), stored=True)
    x = maker.op("conv", (1, 4, 8, 8), x="image", weight=kernel, strides=[1, 1], pad_type="same", pad=[0, 0, 0, 0])
    x = maker.op("relu", (1, 4, 8, 8), x=x)
    x = maker.op("reduce_mean", (1, 4), x=x, axes=[2, 3], keep_dims=np.array(0))
    weight = maker.constant(rng.normal(0, 1, (3, 4)).astype("float32"), stored=True)
    x = maker.op("linear", (1, 3), x=x, weight=weight, bias=rng.normal(0, 1, 3).astype("float32"))
    return maker.classify(maker.op("softmax", (1, 3), x=x, axis=np.array(-1))).packed()


def _typed(message: Any, shape: tuple[int, ...], dtype: str) -> None:
    message.tensorType.dataType, message.tensorType.rank = _CODES[dtype], len(shape)
    for size in shape:
        message.tensorType.dimensions.add().constant.size = size


def _is_name(given: Any) -> bool:
    return (
        isinstance(given, str)
        and (given == "image" or given.rpartition("_")[2].isdigit())
        or (isinstance(given, list) and bool(given) and isinstance(given[0], str))
    )
