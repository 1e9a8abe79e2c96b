"""TFLite metadata: labels, contract and calibration record inside the .tflite file itself.

The standard form, which Android Studio and MediaPipe Tasks read: a ModelMetadata FlatBuffer in the buffer
TFLITE_METADATA, and the files it names as an uncompressed zip after the model (`unzip -l` lists them).
Its tables are those of `metadata_schema`.

The converter's bytes stay as they are: a new root table is put in front of them. FlatBuffers offsets point
forward, so it refers to the old tables where they lie, and the weights stay bit-identical and aligned.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from ..contract import Contract, FrameRule, describe
from ..errors import ConversionError, ExportFileError
from ..harmless import json_text
from ..system import unpacking
from . import embedded, metadata_schema
from .metadata_schema import (
    AssociatedFile,
    AssociatedFileType,
    BoundingBoxProperties,
    BoundingBoxType,
    ColorSpaceType,
    Content,
    ContentProperties,
    CoordinateType,
    ImageProperties,
    Model,
    ModelMetadata,
    NormalizationOptions,
    ProcessUnit,
    ProcessUnitOptions,
    Stats,
    SubGraphMetadata,
    TensorMetadata,
)
from .summary import ModelInfo, TensorSummary
from .tflite import IDENTIFIER, guarded, inspect, metadata_of

ENTRY = "TFLITE_METADATA"
MIN_PARSER_VERSION = "1.0.0"
LABELS_FILE = "labels.txt"
CONTRACT_FILE = "contract.json"
CALIBRATION_FILE = "calibration.json"

_MOST_DOCUMENTS = 16 << 20
"""Bytes that the files inside a .tflite file may come to."""

_MOST_TABLES = 10_000
_ALIGNMENT = 16
"""What the schema asks for constants; the old bytes may only move by a multiple of it."""


def embed(model: bytes, contract: Contract, calibration: Mapping[str, Any] | None = None) -> bytes:
    """The .tflite file with its metadata: labels.txt, contract.json and, where given, calibration.json.

    model: what the converter wrote.

    The same arguments give the same bytes. A float32 or int8 input gets NormalizationOptions(mean 0, std 1): it takes
    byte values 0..255, and the scaling is in the graph.

    Raises ConversionError for labels that do not fit the output or one line each, ExportFileError when the file is not
    a TFLite model, has metadata already, or is not what the contract says.
    """
    _check_labels(contract)
    image, output = _check_contract(model, contract)
    documents: dict[str, bytes] = {
        LABELS_FILE: "".join(f"{label}\n" for label in contract.labels).encode(),
        CONTRACT_FILE: _json(contract.to_dict()),
    }
    if calibration is not None:
        # On one line: with the marks of 300 faces, indents would be a fiftieth of a small network's file.
        documents[CALIBRATION_FILE] = json.dumps(calibration, separators=(",", ":"), allow_nan=False).encode()
    with guarded():
        if metadata_of(model, ENTRY) is not None:
            raise ExportFileError("the TFLite file has metadata already; export it again from its network")
        described = _with_entry(model, ENTRY, _model_metadata(contract, image, output, tuple(documents)))
    return _with_zip(described, documents)


def read(model: bytes) -> ModelInfo:
    """What a .tflite file says about itself, from any exporter: name, labels of its output, contract.

    Raises ExportFileError when the bytes are not a TFLite model, or its metadata is damaged or cut off.
    """
    content = metadata_of(model, ENTRY)
    if content is None:
        return ModelInfo(files=())
    with guarded():
        table = Table.root(content)
        labels_file = _labels_file(table)
        name, description = table.text(ModelMetadata.NAME), table.text(ModelMetadata.DESCRIPTION)
    documents = _unzip(model) if labels_file else {}
    if labels_file and labels_file not in documents:
        raise ExportFileError(f"the TFLite file names {labels_file} but does not hold it; export it again")
    with guarded():
        labels = documents[labels_file].decode().splitlines() if labels_file else []
        return ModelInfo(
            name=name,
            description=description,
            labels=tuple(labels),
            contract=embedded.contract(documents[CONTRACT_FILE], CONTRACT_FILE) if CONTRACT_FILE in documents else None,
            calibration=embedded.calibration(documents[CALIBRATION_FILE], CALIBRATION_FILE)
            if CALIBRATION_FILE in documents
            else None,
            files=tuple(documents),
        )


def _check_labels(contract: Contract) -> None:
    labels = contract.labels
    if len(labels) != contract.output_shape[-1]:
        raise ConversionError(
            f"{len(labels)} labels for {contract.output_shape[-1]} outputs; pass one label per output with `labels`"
        )
    odd = [label for label in labels if label.splitlines() != [label]]
    if odd:
        raise ConversionError(f"the label {odd[0]!r} is not one line of text; pass other `labels`")


def _check_contract(model: bytes, contract: Contract) -> tuple[TensorSummary, TensorSummary]:
    """The file's image and its output, if all its ends are what the contract says."""
    summary = inspect(model)
    found = [(t.name, t.shape, t.dtype) for t in (*summary.inputs, *summary.outputs)]
    promised = [*contract.inputs, *contract.outputs]
    if found != promised:
        raise ExportFileError(f"the TFLite file has the tensors {found} where its contract says {promised}")
    return summary.inputs[0], summary.outputs[0]


def _model_metadata(contract: Contract, image: TensorSummary, output: TensorSummary, documents: Sequence[str]) -> bytes:
    """The ModelMetadata FlatBuffer."""
    import flatbuffers

    builder = flatbuffers.Builder(4096)
    kind = AssociatedFileType.TENSOR_AXIS_LABELS
    labels = _associated_file(builder, LABELS_FILE, "Labels of the probabilities, in order.", kind)
    others = [
        _associated_file(builder, name, "JSON document.", AssociatedFileType.DESCRIPTIONS)
        for name in documents
        if name != LABELS_FILE
    ]
    inputs = [_image_metadata(builder, image)]
    if contract.frame:
        inputs.append(_box_metadata(builder, contract.frame))
    subgraph = {
        SubGraphMetadata.INPUT_TENSOR_METADATA: _vector(builder, inputs),
        SubGraphMetadata.OUTPUT_TENSOR_METADATA: _vector(builder, [_probabilities_metadata(builder, output, labels)]),
    }
    fields = {
        ModelMetadata.NAME: builder.CreateString(contract.model),
        ModelMetadata.DESCRIPTION: builder.CreateString(describe(contract)),
        ModelMetadata.SUBGRAPH_METADATA: _vector(builder, [_table(builder, subgraph)]),
        ModelMetadata.ASSOCIATED_FILES: _vector(builder, others),
        ModelMetadata.MIN_PARSER_VERSION: builder.CreateString(MIN_PARSER_VERSION),
    }
    builder.Finish(_table(builder, fields), file_identifier=metadata_schema.IDENTIFIER)
    return bytes(builder.Output())


def _image_metadata(builder: Any, tensor: TensorSummary) -> int:
    space = ColorSpaceType.RGB if tensor.shape[-1] == 3 else ColorSpaceType.GRAYSCALE
    properties = _table(builder, {}, {ImageProperties.COLOR_SPACE: space})
    words = f"{'Picture' if -1 in tensor.shape else 'Face crop'}, byte values 0-255."
    fields = {
        TensorMetadata.NAME: builder.CreateString(tensor.name),
        TensorMetadata.DESCRIPTION: builder.CreateString(words),
        TensorMetadata.CONTENT: _content(builder, ContentProperties.IMAGE_PROPERTIES, properties),
        TensorMetadata.STATS: _stats(builder, 0.0, 255.0),
    }
    if tensor.dtype != "uint8":
        normalization = {
            NormalizationOptions.MEAN: _floats(builder, 0.0),
            NormalizationOptions.STD: _floats(builder, 1.0),
        }
        options = {ProcessUnit.OPTIONS: _table(builder, normalization)}
        kind = {ProcessUnit.OPTIONS_TYPE: ProcessUnitOptions.NORMALIZATION_OPTIONS}
        fields[TensorMetadata.PROCESS_UNITS] = _vector(builder, [_table(builder, options, kind)])
    return _table(builder, fields)


def _box_metadata(builder: Any, rule: FrameRule) -> int:
    meaning = {
        BoundingBoxProperties.TYPE: BoundingBoxType.BOUNDARIES,
        BoundingBoxProperties.COORDINATE_TYPE: CoordinateType.PIXEL,
    }
    properties = _table(builder, {}, meaning)
    fields = {
        TensorMetadata.NAME: builder.CreateString(rule.box_name),
        TensorMetadata.DESCRIPTION: builder.CreateString("Face in the picture: left, top, right, bottom in pixels."),
        TensorMetadata.CONTENT: _content(builder, ContentProperties.BOUNDING_BOX_PROPERTIES, properties),
    }
    return _table(builder, fields)


def _probabilities_metadata(builder: Any, tensor: TensorSummary, labels: int) -> int:
    fields = {
        TensorMetadata.NAME: builder.CreateString(tensor.name),
        TensorMetadata.DESCRIPTION: builder.CreateString("Probability of each label."),
        TensorMetadata.CONTENT: _content(builder, ContentProperties.FEATURE_PROPERTIES, _table(builder, {})),
        TensorMetadata.STATS: _stats(builder, 0.0, 1.0),
        TensorMetadata.ASSOCIATED_FILES: _vector(builder, [labels]),
    }
    return _table(builder, fields)


def _content(builder: Any, kind: ContentProperties, properties: int) -> int:
    return _table(builder, {Content.CONTENT_PROPERTIES: properties}, {Content.CONTENT_PROPERTIES_TYPE: kind})


def _associated_file(builder: Any, name: str, description: str, kind: AssociatedFileType) -> int:
    texts = {
        AssociatedFile.NAME: builder.CreateString(name),
        AssociatedFile.DESCRIPTION: builder.CreateString(description),
    }
    return _table(builder, texts, {AssociatedFile.TYPE: kind})


def _stats(builder: Any, low: float, high: float) -> int:
    return _table(builder, {Stats.MAX: _floats(builder, high), Stats.MIN: _floats(builder, low)})


def _table(builder: Any, offsets: Mapping[Any, int], codes: Mapping[Any, int] | None = None) -> int:
    """Write a table: fields with the offset of what they refer to, fields with the value of an enumeration."""
    codes = codes or {}
    builder.StartObject(max([*offsets, *codes], default=-1) + 1)
    for slot, offset in offsets.items():
        builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
    for slot, code in codes.items():
        builder.PrependUint8Slot(slot, code, 0)
    return int(builder.EndObject())


def _vector(builder: Any, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _floats(builder: Any, value: float) -> int:
    builder.StartVector(4, 1, 4)
    builder.PrependFloat32(value)
    return int(builder.EndVector())


def _with_entry(model: bytes, name: str, content: bytes) -> bytes:
    """The model with one more metadata buffer: a new root, its buffer list and metadata list in front."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    root = Table.root(model)
    old = model + bytes(-len(model) % _ALIGNMENT)
    builder = flatbuffers.Builder(len(old) + 2 * len(content) + 65536)
    # A builder works backwards and counts offsets from the end, so the old bytes are its first content.
    builder.head -= len(old)
    builder.Bytes[builder.head :] = old
    buffers, entries = (
        [len(old) - position for position in root.items(slot)] for slot in (Model.BUFFERS, Model.METADATA)
    )
    builder.StartVector(1, len(content), _ALIGNMENT)
    builder.head -= len(content)
    builder.Bytes[builder.head : builder.head + len(content)] = content
    data = builder.EndVector()
    schema.BufferStart(builder)
    schema.BufferAddData(builder, data)
    buffers.append(schema.BufferEnd(builder))
    text = builder.CreateString(name)
    schema.MetadataStart(builder)
    schema.MetadataAddName(builder, text)
    schema.MetadataAddBuffer(builder, len(buffers) - 1)
    entries.append(schema.MetadataEnd(builder))
    # Every field of Model but the first, the version, refers to a string or a vector.
    fields = {
        slot: len(old) - position for slot in range(Model.OPERATOR_CODES, root.slots) if (position := root.target(slot))
    }
    fields |= {Model.BUFFERS: _vector(builder, buffers), Model.METADATA: _vector(builder, entries)}
    builder.StartObject(max(fields) + 1)
    for slot, offset in fields.items():
        builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
    schema.ModelAddVersion(builder, schema.Model.GetRootAs(model).Version())
    builder.Finish(schema.ModelEnd(builder), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def _with_zip(model: bytes, documents: Mapping[str, bytes]) -> bytes:
    file = io.BytesIO(model)
    with zipfile.ZipFile(file, "a") as archive:
        for name, content in documents.items():
            # ZipInfo's default date is 1980-01-01; system and mode are fixed so that every machine writes the same.
            entry = zipfile.ZipInfo(name)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, content)
    return file.getvalue()


def _unzip(model: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(model)) as archive:
            unpacking.check_zip(archive, len(model), _MOST_DOCUMENTS)
            return {name: unpacking.read_entry(archive, name) for name in archive.namelist()}
    except unpacking.UnpackedSizeError as error:
        raise ExportFileError(f"the files inside the TFLite file are not read: {error}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise ExportFileError("the files inside the TFLite file are cut off or damaged; export it again") from error


def _labels_file(metadata: Table) -> str:
    """Name of the label file of the first output that has one, "" if none has."""
    left = _MOST_TABLES  # tables may be referred to again and again
    for graph in metadata.tables(ModelMetadata.SUBGRAPH_METADATA):
        for tensor in graph.tables(SubGraphMetadata.OUTPUT_TENSOR_METADATA):
            for file in tensor.tables(TensorMetadata.ASSOCIATED_FILES):
                left -= 1
                if left < 0:
                    raise ValueError("more tables than metadata has")
                if file.code(AssociatedFile.TYPE) == AssociatedFileType.TENSOR_AXIS_LABELS:
                    return file.text(AssociatedFile.NAME)
    return ""


def _json(document: Mapping[str, Any]) -> bytes:
    return (json_text(document) + "\n").encode()


class Table:
    """A FlatBuffers table read by the number of a field. Use it inside `guarded()`."""

    def __init__(self, content: bytes, position: int) -> None:
        from flatbuffers.table import Table

        self._content = content
        self._table = Table(content, position)

    @classmethod
    def root(cls, content: bytes) -> Table:
        return cls(content, int.from_bytes(content[:4], "little"))

    @property
    def slots(self) -> int:
        """How many fields the table was written with."""
        position = self._table.Pos
        start = position - int.from_bytes(self._content[position : position + 4], "little", signed=True)
        return (int.from_bytes(self._content[start : start + 2], "little") - 4) // 2

    def target(self, slot: int) -> int:
        """Position of what the field refers to, 0 if it is left out."""
        field = self._table.Offset(4 + 2 * slot)
        return int(self._table.Indirect(self._table.Pos + field)) if field else 0

    def items(self, slot: int) -> list[int]:
        """Positions of the tables in a vector."""
        field = self._table.Offset(4 + 2 * slot)
        if not field:
            return []
        start = self._table.Vector(field)
        if self._table.VectorLen(field) > _MOST_TABLES:
            raise ValueError("more tables than metadata has")
        return [int(self._table.Indirect(start + 4 * i)) for i in range(self._table.VectorLen(field))]

    def tables(self, slot: int) -> list[Table]:
        return [Table(self._content, position) for position in self.items(slot)]

    def text(self, slot: int) -> str:
        field = self._table.Offset(4 + 2 * slot)
        return bytes(self._table.String(self._table.Pos + field)).decode() if field else ""

    def code(self, slot: int) -> int:
        field = self._table.Offset(4 + 2 * slot)
        return self._content[self._table.Pos + field] if field else 0
