"""Reading .onnx files: ours, anyone's, and what is none."""

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from fer_export.contract.tensors import Contract
from fer_export.convert import onnx_graph
from fer_export.errors import ExportFileError
from fer_export.model_file import onnx as onnxfile

LABELS = ("angry", "gl\u00fccklich", "sad", "neutral")
CONTRACT = Contract(
    model="tiny",
    precision="int8",
    input_kind="gray",
    input_shape=(1, 8, 8, 1),
    input_type="uint8",
    output_shape=(1, 4),
    output_type="float32",
    labels=LABELS,
    labels_source="the test",
    checkpoint_sha256="0" * 64,
)
RECORD = {"source": "made", "count": 2, "faces": ["00", "11"]}
RANDOM = np.random.default_rng(0)


def tiny(**changes):
    """A classifier by hand: bytes, reshape, convolution, ReLU, a grouped convolution, dense layer, softmax."""
    values = {
        "shape": np.array([1, 1, 8, 8]),
        "wide": RANDOM.normal(size=(4, 1, 3, 3)).astype(np.float32),
        "bias": np.zeros(4, np.float32),
        "grouped": RANDOM.normal(size=(4, 2, 1, 1)).astype(np.float32),
        "flat": np.array([1, -1]),
        "dense": RANDOM.normal(size=(4 * 36, 4)).astype(np.float32),
        "offset": np.zeros(4, np.float32),
    } | changes
    nodes = [
        helper.make_node("Cast", ["image"], ["f"], "Cast", to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["f", "shape"], ["x"], "conv/Reshape"),
        helper.make_node("Conv", ["x", "wide", "bias"], ["c"], "conv/Conv"),
        helper.make_node("Relu", ["c"], ["r"], "conv/Relu"),
        helper.make_node("Conv", ["r", "grouped"], ["g"], "grouped/Conv", group=2),
        helper.make_node("Reshape", ["g", "flat"], ["v"], "flatten/Reshape"),
        helper.make_node("Gemm", ["v", "dense", "offset"], ["l"], "dense/Gemm"),
        helper.make_node("Softmax", ["l"], ["probabilities"], "dense/Softmax"),
    ]
    return model_of(nodes, values)


def model_of(nodes, values, batch=1):
    graph = helper.make_graph(
        nodes,
        "by hand",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [batch, 8, 8, 1])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [batch, 4])],
        [numpy_helper.from_array(value, name) for name, value in values.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)


def integer():
    """The dense layer alone, quantised, with an integer product in the two forms that files have."""
    values = {
        "one": np.float32(1),
        "zero": np.uint8(0),
        "flat": np.array([1, 64]),
        "weights": RANDOM.integers(-127, 128, (64, 4), dtype=np.int8),
        "scales": np.full(4, 0.01, np.float32),
        "zeros": np.zeros(4, np.int8),
        "bias": np.zeros(4, np.int32),
        "bias_scale": np.full(4, 0.01, np.float32),
        "plain": np.int8(0),
    }
    nodes = [
        helper.make_node("Reshape", ["image", "flat"], ["v"], "dense/Reshape"),
        helper.make_node("DequantizeLinear", ["v", "one", "zero"], ["x"]),
        helper.make_node("DequantizeLinear", ["weights", "scales", "zeros"], ["w"], axis=1),
        helper.make_node("DequantizeLinear", ["bias", "bias_scale"], ["b"], axis=0),
        helper.make_node("Gemm", ["x", "w", "b"], ["l"], "dense/Gemm"),
        helper.make_node("MatMulInteger", ["v", "weights", "zero", "plain"], ["unused"], "other/MatMulInteger"),
        helper.make_node("Softmax", ["l"], ["probabilities"], "dense/Softmax"),
    ]
    return model_of(nodes, values)


@pytest.fixture(scope="module")
def content():
    return onnxfile.embed(tiny(), CONTRACT, RECORD)


def test_what_a_file_consists_of(content):
    summary = onnxfile.inspect(content)
    assert [(end.name, end.shape, end.dtype, end.scale) for end in (*summary.inputs, *summary.outputs)] == [
        ("image", (1, 8, 8, 1), "uint8", None),
        ("probabilities", (1, 4), "float32", None),
    ]
    assert [op.name for op in summary.ops] == [node.op_type for node in tiny().graph.node]
    assert [op.name for op in summary.ops if op.boundary] == ["Cast", "Softmax"]
    assert (summary.ops[0].inputs, summary.ops[0].outputs) == (("uint8",), ("float32",))
    assert summary.ops[2].version == 11
    assert (summary.format, summary.opset, summary.min_runtime_version) == ("onnx", 13, None)
    assert summary.file_bytes == len(content)
    assert summary.weights_bytes == 8 * (4 + 2) + 4 * summary.parameters
    assert summary.parameters == 4 * 9 + 4 + 8 + 4 * 36 * 4 + 4
    assert summary.macs == 36 * 4 * 9 + 36 * 4 * 2 + 4 * 36 * 4
    assert json.dumps(summary.to_dict())


def test_integer_products_count_like_float_ones():
    summary = onnxfile.inspect(integer().SerializeToString())
    assert summary.macs == 2 * 64 * 4
    assert summary.parameters == 64 * 4 + 4
    assert {op.name: op.inputs for op in summary.ops}["MatMulInteger"] == ("uint8", "int8", "uint8", "int8")


def test_float_ops_read_no_dequantisation():
    assert [node.name for node in onnxfile.float_ops(tiny())] == ["conv/Conv", "grouped/Conv", "dense/Gemm"]
    assert onnxfile.float_ops(integer()) == []


def test_names_tell_the_layer():
    names = ("conv3/Conv", "backbone/conv3/Relu_QuantizeLinear", "conv3/Conv.W_scale", "Cast")
    assert [onnxfile.layer_of(name) for name in names] == ["conv3", "backbone/conv3", "conv3", ""]


def test_free_batches_and_other_peoples_ops_are_read():
    nodes = [
        helper.make_node("Cast", ["image"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("GlobalThing", ["f"], ["v"], domain="com.example"),
        helper.make_node("MatMul", ["v", "dense"], ["probabilities"]),
    ]
    model = model_of(nodes, {"dense": np.ones((4, 4), np.float32)}, batch="N")
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    summary = onnxfile.inspect(model.SerializeToString())
    assert summary.inputs[0].shape == (-1, 8, 8, 1)
    assert (summary.macs, summary.parameters) == (None, 16)
    assert summary.ops[1].outputs == ("unknown",)


def test_labels_contract_and_record_return(content):
    said = onnxfile.read(content)
    assert (said.name, said.labels, said.files) == ("tiny", LABELS, None)
    assert said.contract == json.loads(json.dumps(CONTRACT.to_dict()))
    assert said.calibration == RECORD
    assert "gl\u00fccklich" in said.description
    assert onnxfile.read(onnxfile.embed(tiny(), CONTRACT)).calibration is None
    # As any reader finds them, ours aside.
    entries = {entry.key: entry.value for entry in onnx.load_from_string(content).metadata_props}
    assert json.loads(entries["labels"]) == list(LABELS)


def test_embedding_repeats():
    plain = tiny().SerializeToString()
    first, second = (onnxfile.embed(onnx.load_from_string(plain), CONTRACT, RECORD) for _ in range(2))
    assert first == second


def test_files_of_others_say_nothing():
    said = onnxfile.read(tiny().SerializeToString())
    assert (said.name, said.labels, said.contract, said.calibration) == ("by hand", (), None, None)


@pytest.mark.parametrize(
    ("key", "value"), [("labels", "{}"), ("labels", "[not"), ("contract", "[]"), ("contract", "7")]
)
def test_odd_documents_are_refused(key, value):
    model = tiny()
    model.metadata_props.add(key=key, value=value)
    with pytest.raises(ExportFileError, match="export it again|export or download"):
        onnxfile.read(model.SerializeToString())


def test_cut_off_files_are_refused(content):
    # The end holds the boundaries between the parts of the message, where what is left may parse.
    for length in (*range(0, len(content) - 1500, 41), *range(len(content) - 1500, len(content))):
        with pytest.raises(ExportFileError) as caught:
            onnxfile.inspect(content[:length])
        assert "\n" not in str(caught.value)


def test_foreign_bytes_are_refused():
    foreign = (
        b"",
        b"PK\x03\x04",
        b"\x89HDF\r\n\x1a\n" * 9,
        b"\x1c\0\0\0TFL3" + bytes(64),
        b"\x08\x07",
        bytes(100),
        b"\x08" * 64,
    )
    for content in foreign:
        for reading in (onnxfile.inspect, onnxfile.read):
            with pytest.raises(ExportFileError):
                reading(content)


def test_damaged_bytes_raise_nothing_else(content):
    random = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        damaged = np.frombuffer(content, np.uint8).copy()
        damaged[random.integers(0, len(content), 20)] = random.integers(0, 256, 20)
        try:
            onnxfile.inspect(damaged.tobytes())
            onnxfile.read(damaged.tobytes())
        except ExportFileError:
            refused += 1
    assert refused > 50


def test_weights_must_be_there_and_fill_their_shape():
    outside = tiny()
    outside.graph.initializer[1].data_location = TensorProto.EXTERNAL
    with pytest.raises(ExportFileError, match="another file"):
        onnxfile.inspect(outside.SerializeToString())
    short = tiny()
    short.graph.initializer[1].raw_data = short.graph.initializer[1].raw_data[:-4]
    missing = tiny()
    del missing.graph.initializer[1]
    for model in (short, missing):
        with pytest.raises(ExportFileError, match="damaged"):
            onnxfile.inspect(model.SerializeToString())


def test_idle_reshapes_and_transposes_go():
    """(1, 4, 6, 6) to channels-last, flattened, into a dense layer: the same answers without the transpose."""
    model = tiny(again=np.array([1, 1, 8, 8]))
    nodes = model.graph.node
    nodes.insert(2, helper.make_node("Reshape", ["x", "again"], ["same"], "conv/Reshape_2"))
    nodes[3].input[0] = "same"
    nodes.insert(6, helper.make_node("Transpose", ["g"], ["t"], "flatten/Transpose", perm=[0, 2, 3, 1]))
    nodes[7].input[0] = "t"
    onnx.checker.check_model(model, full_check=True)
    picture = {"image": RANDOM.integers(0, 256, (1, 8, 8, 1), dtype=np.uint8)}
    before = ReferenceEvaluator(model).run(None, picture)[0]
    onnx_graph.drop_idle_reshapes(model)
    onnx_graph.flatten_channels_first(model)
    assert [node.op_type for node in model.graph.node] == [node.op_type for node in tiny().graph.node]
    onnx.checker.check_model(model, full_check=True)
    assert ReferenceEvaluator(model).run(None, picture)[0] == pytest.approx(before, abs=1e-6)
