"""Exported files that declare more than they hold: one clear line at once, whatever reads them."""

import io
import json
import time
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils
from onnx import TensorProto, helper
from tests.helpers import tiny_onnx, tiny_tflite

from fer_export.errors import ExportFileError
from fer_export.model_file import inspect as modelfile
from fer_export.model_file import tflite_metadata


def refused(content: bytes, pattern: str) -> None:
    started = time.perf_counter()
    for look in (modelfile.inspect, modelfile.read):
        with pytest.raises(ExportFileError, match=pattern):
            look(content)
    assert time.perf_counter() - started < 5


class Shared:
    """A FlatBuffer written by hand, of which every vector refers to one table again and again."""

    def __init__(self) -> None:
        import flatbuffers

        self.builder = flatbuffers.Builder(1 << 20)

    def again(self, table: int, times: int) -> int:
        self.builder.StartVector(4, times, 4)
        for _ in range(times):
            self.builder.PrependUOffsetTRelative(table)
        return int(self.builder.EndVector())

    def file(self, subgraphs: int, **fields: int) -> bytes:
        schema.ModelStart(self.builder)
        schema.ModelAddVersion(self.builder, 3)
        schema.ModelAddSubgraphs(self.builder, subgraphs)
        for name, offset in fields.items():
            getattr(schema, f"ModelAdd{name}")(self.builder, offset)
        self.builder.Finish(schema.ModelEnd(self.builder), file_identifier=b"TFL3")
        return bytes(self.builder.Output())


def shared_graphs(file: Shared) -> bytes:
    schema.SubGraphStart(file.builder)
    return file.file(file.again(schema.SubGraphEnd(file.builder), 2000))


def shared_operators(file: Shared) -> bytes:
    schema.OperatorStart(file.builder)
    operators = file.again(schema.OperatorEnd(file.builder), 2000)
    schema.SubGraphStart(file.builder)
    schema.SubGraphAddOperators(file.builder, operators)
    return file.file(file.again(schema.SubGraphEnd(file.builder), 1))


def shared_signatures(file: Shared) -> bytes:
    schema.TensorMapStart(file.builder)
    maps = file.again(schema.TensorMapEnd(file.builder), 2000)
    schema.SignatureDefStart(file.builder)
    schema.SignatureDefAddInputs(file.builder, maps)
    signatures = file.again(schema.SignatureDefEnd(file.builder), 2000)
    schema.SubGraphStart(file.builder)
    graph = file.again(schema.SubGraphEnd(file.builder), 1)
    return file.file(graph, SignatureDefs=signatures)


@pytest.mark.parametrize("write", [shared_graphs, shared_operators, shared_signatures])
def test_a_table_that_is_referred_to_again_is_refused(write: Callable[[Shared], bytes]) -> None:
    refused(write(Shared()), "refers to a table twice")


def shared_dimensions(file: Shared) -> bytes:
    schema.DimensionMetadataStart(file.builder)
    dimensions = file.again(schema.DimensionMetadataEnd(file.builder), 2000)
    schema.SparsityParametersStart(file.builder)
    schema.SparsityParametersAddDimMetadata(file.builder, dimensions)
    sparsity = schema.SparsityParametersEnd(file.builder)
    schema.TensorStart(file.builder)
    schema.TensorAddSparsity(file.builder, sparsity)
    tensors = file.again(schema.TensorEnd(file.builder), 1)
    schema.SubGraphStart(file.builder)
    schema.SubGraphAddTensors(file.builder, tensors)
    return file.file(file.again(schema.SubGraphEnd(file.builder), 1))


def test_tables_inside_a_tensor_are_counted_too() -> None:
    refused(shared_dimensions(Shared()), "refers to a table twice")


def test_a_text_that_many_tables_share_is_refused() -> None:
    file = Shared()
    code = file.builder.CreateString("x" * 5000)
    codes = []
    for _ in range(2000):
        schema.OperatorCodeStart(file.builder)
        schema.OperatorCodeAddCustomCode(file.builder, code)
        codes.append(schema.OperatorCodeEnd(file.builder))
    file.builder.StartVector(4, len(codes), 4)
    for each in codes:
        file.builder.PrependUOffsetTRelative(each)
    held = file.builder.EndVector()
    schema.SubGraphStart(file.builder)
    graph = file.again(schema.SubGraphEnd(file.builder), 1)
    refused(file.file(graph, OperatorCodes=held), "more than it holds")


def changed(change: Callable[[Any], None]) -> bytes:
    """The tiny file with something else in its objects."""
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(tiny_tflite.converted()))
    change(model)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def test_a_tensor_of_more_than_memory_holds_is_refused() -> None:
    def change(model: Any) -> None:
        model.subgraphs[0].tensors[-1].shape = [1, 1 << 20, 1 << 20]

    refused(changed(change), "elements")


def test_a_tensor_of_many_dimensions_is_refused() -> None:
    def change(model: Any) -> None:
        model.subgraphs[0].tensors[-1].shape = [1] * 5000

    refused(changed(change), "dimensions")


def with_documents(**documents: bytes) -> bytes:
    """The tiny file with metadata, and other documents in its zip."""
    whole = tflite_metadata.embed(tiny_tflite.converted(), tiny_tflite.contract())
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
        start = min(entry.header_offset for entry in archive.infolist())
    file = io.BytesIO(whole[:start])
    file.seek(0, io.SEEK_END)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**held, **{key.replace("_", "."): value for key, value in documents.items()}}.items():
            archive.writestr(name, content)
    return file.getvalue()


def test_documents_inside_are_bounded() -> None:
    said = json.loads(json.dumps(tiny_tflite.contract().to_dict()))
    assert modelfile.read(with_documents()).contract == said
    for content, pattern in (
        (b"\0" * (20 << 20), "unpack to 2. MiB"),
        (b"[" * 100_000 + b"]" * 100_000, "not valid JSON"),
    ):
        with pytest.raises(ExportFileError, match=pattern):
            modelfile.read(with_documents(contract_json=content))


def outside(name: str) -> TensorProto:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[16], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="secret.bin")
    return tensor


def in_a_constant(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Constant", [], ["c"], value=outside("c")))


def in_a_branch(model: onnx.ModelProto) -> None:
    out = helper.make_tensor_value_info("r", TensorProto.FLOAT, [16])
    graph = helper.make_graph([helper.make_node("Identity", ["e"], ["r"])], "g", [], [out], [outside("e")])
    model.graph.node.append(helper.make_node("If", ["c"], ["d"], then_branch=graph, else_branch=graph))


def in_a_list(model: onnx.ModelProto) -> None:
    attribute = model.graph.node[0].attribute.add(name="more", type=onnx.AttributeProto.TENSORS)
    attribute.tensors.append(outside("t"))


def in_a_sparse_tensor(model: onnx.ModelProto) -> None:
    model.graph.sparse_initializer.add().values.CopyFrom(outside("s"))


def in_a_function(model: onnx.ModelProto) -> None:
    node = helper.make_node("Constant", [], ["c"], value=outside("c"))
    model.functions.append(helper.make_function("local", "F", [], ["c"], [node], []))


@pytest.mark.parametrize("put", [in_a_constant, in_a_branch, in_a_list, in_a_sparse_tensor, in_a_function])
def test_data_in_another_file_is_refused_wherever_it_stands(put: Callable[[onnx.ModelProto], None]) -> None:
    model = onnx.load_model_from_string(tiny_onnx.model())
    put(model)
    refused(model.SerializeToString(), "keeps data in another file")


def test_functions_that_multiply_by_calling_are_refused() -> None:
    model = onnx.load_model_from_string(tiny_onnx.model())
    for level in range(20):
        calls = [helper.make_node(f"F{level + 1}", ["x"], [f"y{i}"], domain="local") for i in range(4)]
        model.functions.append(helper.make_function("local", f"F{level}", ["x"], ["y0"], calls, []))
    last = helper.make_node("Identity", ["x"], ["y0"])
    model.functions.append(helper.make_function("local", "F20", ["x"], ["y0"], [last], []))
    model.graph.node.append(helper.make_node("F0", ["image"], ["z"], domain="local"))
    refused(model.SerializeToString(), "more than 200,000 ops")


def test_an_input_of_more_than_memory_holds_is_refused() -> None:
    model = onnx.load_model_from_string(tiny_onnx.model())
    for dim in model.graph.input[0].type.tensor_type.shape.dim[1:3]:
        dim.dim_value = 1 << 40
    refused(model.SerializeToString(), "no memory holds it")


@pytest.mark.parametrize("precision", ["none", "fp16", "dynamic", "int8"])
def test_libraries_write_the_bytes_that_tensorflow_writes(precision: str) -> None:
    """ai-edge-litert's objects in place of TensorFlow's internal ones change no exported file."""
    from tensorflow.lite.tools import flatbuffer_utils as tensorflow_utils

    content = bytearray(tiny_tflite.converted(precision))
    ours, theirs = (
        bytes(each.convert_object_to_bytearray(each.convert_bytearray_to_object(content)))
        for each in (flatbuffer_utils, tensorflow_utils)
    )
    assert ours == theirs
    assert np.frombuffer(ours, np.uint8).size > 1000
