"""Conversion of tiny networks to ONNX at every precision: what the written bytes hold, not what was asked for."""

import dataclasses
import logging
import tempfile

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from keras import layers, ops
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from fer_export.calibration import calibration_set
from fer_export.calibration.calibration_set import CalibrationSet
from fer_export.contract import variants
from fer_export.convert import convert, onnx_graph
from fer_export.convert.onnx import Converter
from fer_export.dataset.pixels import as_input
from fer_export.errors import ConversionError, OutputError, UsageError
from fer_export.exporting import float_ops
from fer_export.model_file import onnx as onnxfile
from fer_export.runtimes import OnnxRuntime
from helpers.networks import checkpoint_of, classifier, grey, report_like

PRECISIONS = variants.precisions("onnx")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """Wide enough for dynamic quantisation: 2,304 weights in conv2d_1, 2,048 in dense."""
    keras.backend.clear_session()  # Keras numbers layers on; the names below are those of a fresh process
    return checkpoint_of(report_like(filters=16), tmp_path_factory.mktemp("network"))


@pytest.fixture(scope="module")
def calibrating():
    images = grey(20)
    return CalibrationSet(
        images, {"source": "made", "count": len(images), "faces": calibration_set.face_hashes(images)}
    )


@pytest.fixture(scope="module")
def files(checkpoint, calibrating):
    """The grey file of every precision."""
    return all_of(checkpoint, calibrating)


def all_of(checkpoint, calibrating, *options):
    converter = Converter(checkpoint, *options)
    return {precision: converter.convert(variants.find("onnx", precision), calibrating) for precision in PRECISIONS}


def converted(checkpoint, calibrating, precision, **options):
    return convert(checkpoint, variants.find("onnx", precision), calibration=calibrating, **options)


def constants(content):
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load_from_string(content).graph.initializer}


def computing(content):
    """Nodes with weights, by Keras layer."""
    nodes = onnx.load_from_string(content).graph.node
    return {onnxfile.layer_of(node.name): node for node in nodes if node.op_type in onnxfile.COMPUTE_OPS}


@pytest.mark.parametrize("input_kind", ["gray", "rgb"])
def test_every_precision_keeps_the_contract(checkpoint, calibrating, files, input_kind):
    size, channels = checkpoint.size, 3 if input_kind == "rgb" else 1
    judged = grey(20, seed=1)
    contents = files if input_kind == "gray" else all_of(checkpoint, calibrating, input_kind)
    for precision, content in contents.items():
        graph, said = onnxfile.inspect(content), onnxfile.read(content)
        ends = [(end.name, end.dtype, end.shape) for end in (*graph.inputs, *graph.outputs)]
        assert ends == [("image", "uint8", (1, size, size, channels)), ("probabilities", "float32", (1, 6))]
        assert graph.op_counts.get("Transpose", 0) == (1 if channels == 3 else 0)
        assert said.labels == checkpoint.labels
        assert said.contract["checkpoint_sha256"] == checkpoint.sha256
        assert (said.contract["precision"], said.contract["input_kind"]) == (precision, input_kind)
        assert bool(said.calibration) == variants.find("onnx", precision).integer
        given = OnnxRuntime(content).run(as_input(judged, channels))
        tolerance = {"none": 1e-5, "fp16": 0.01}.get(precision, 0.12)
        assert np.abs(given - checkpoint.predict(judged)).max() < tolerance


@pytest.mark.parametrize("precision", PRECISIONS)
def test_files_are_clean_and_old_enough(files, precision):
    onnx.checker.check_model(files[precision], full_check=True)
    model = onnx.load_from_string(files[precision])
    assert model.ir_version == 7
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 13)]
    assert (model.producer_name, model.producer_version, model.graph.name) == ("fer-export", "", "tiny")


def test_layers_are_found_by_node_names(files):
    assert set(computing(files["none"])) == {
        *("adapter", "conv2d", "batch_normalization", "conv2d_1", "batch_normalization_1", "dense", "dense_1")
    }
    assert set(computing(files["int8"])) == set(computing(files["none"]))


def test_int8_weights_have_a_scale_for_each_channel(files):
    content = files["int8"]
    values, nodes = constants(content), onnx.load_from_string(content).graph.node
    written = {node.output[0]: node for node in nodes if node.op_type == "DequantizeLinear"}
    filters = {"adapter": 1, "dense": 8, "dense_1": 6}
    for layer, node in computing(content).items():
        given, weights = (written[name] for name in node.input[:2])
        kernel, scales, zero = (values[name] for name in weights.input)
        assert kernel.dtype == zero.dtype == np.int8
        assert scales.shape == (filters.get(layer, 16),)
        assert not zero.any()
        assert np.abs(kernel).max() == 127
        assert len(set(scales.tolist())) == len(scales)
        assert values[given.input[1]].shape == ()
        assert values[given.input[2]].dtype == np.uint8
        if len(node.input) > 2:
            assert values[written[node.input[2]].input[0]].dtype == np.int32


def test_int8_takes_the_bytes_as_they_are(files):
    values = constants(files["int8"])
    nodes = onnx.load_from_string(files["int8"]).graph.node
    first = next(node for node in nodes if node.op_type == "QuantizeLinear")
    assert onnxfile.layer_of(first.name) == "adapter"
    assert (values[first.input[1]], values[first.input[2]]) == (1, 0)


def test_only_int8_has_no_float_layer(files):
    model = {precision: onnx.load_from_string(content) for precision, content in files.items()}
    assert onnxfile.float_ops(model["int8"]) == []
    assert len(onnxfile.float_ops(model["none"])) == len(onnxfile.float_ops(model["fp16"])) == 7
    # The logits stay float: no quantisation between the last dense layer and softmax.
    nodes = {node.name: node for node in model["int8"].graph.node}
    assert list(nodes["dense_1/Softmax"].input) == list(nodes["dense_1/Gemm"].output)


def test_fp16_halves_every_weight(files):
    values = constants(files["fp16"])
    assert {value.dtype for name, value in values.items() if not name.endswith(".shape")} == {np.dtype("float16")}
    casts = [node.attribute[0].i for node in onnx.load_from_string(files["fp16"]).graph.node if node.op_type == "Cast"]
    assert casts == [TensorProto.FLOAT16, TensorProto.FLOAT]


def test_dynamic_quantises_large_layers(files):
    values = constants(files["dynamic"])
    stored = {name: value.dtype for name, value in values.items() if name.endswith("_quantized")}
    assert stored == {"conv2d_1/Conv.W_quantized": np.uint8, "dense/Gemm.B_quantized": np.uint8}
    assert len(values["dense/Gemm.B_scale"]) == 8
    assert set(computing(files["dynamic"])) == {
        *("adapter", "conv2d", "batch_normalization", "batch_normalization_1", "dense_1")
    }


def test_layers_can_stay_float(checkpoint, calibrating):
    content = converted(checkpoint, calibrating, "int8", float_layers=["conv2d_1", "dense"])
    floats = onnxfile.float_ops(onnx.load_from_string(content))
    assert {onnxfile.layer_of(node.name) for node in floats} == {"conv2d_1", "dense"}
    values = constants(content)
    assert values["conv2d_1/Conv.W"].dtype == values["dense/Gemm.B"].dtype == np.float32
    assert onnxfile.read(content).contract["float_layers"] == ["conv2d_1", "dense"]


def test_all_layers_can_stay_float(checkpoint, calibrating, files):
    every = [layer for layer in computing(files["none"]) if layer != "adapter"]
    given = OnnxRuntime(converted(checkpoint, calibrating, "int8", float_layers=every)).run(calibrating.images)
    assert np.abs(given - checkpoint.predict(calibrating.images)).max() < 1e-3


def test_onnxruntime_leaves_float_layers_alone():
    """Two channels of unlike range: on one int8 scale the small one would be lost."""
    random = np.random.default_rng(0)
    kernel = (random.normal(size=(2, 1, 3, 3)) * np.array([1e3, 1]).reshape(2, 1, 1, 1)).astype(np.float32)
    steps = {"s": np.float32(1), "z": np.uint8(0), "t": np.float32(100), "u": np.uint8(128)}
    values = {name: np.asarray(value) for name, value in steps.items()} | {"w": kernel}
    graph = helper.make_graph(
        [
            helper.make_node("DequantizeLinear", ["image", "s", "z"], ["x"]),
            helper.make_node("Conv", ["x", "w"], ["y"], name="layer/Conv"),
            helper.make_node("Relu", ["y"], ["r"]),
            helper.make_node("QuantizeLinear", ["r", "t", "u"], ["q"]),
            helper.make_node("DequantizeLinear", ["q", "t", "u"], ["a"]),
        ],
        "two",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [1, 1, 8, 8])],
        [helper.make_tensor_value_info("a", TensorProto.FLOAT, [1, 2, 6, 6])],
        [numpy_helper.from_array(value, name) for name, value in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    onnx_graph.keep_float(model)
    onnx.checker.check_model(model, full_check=True)
    picture = {"image": random.integers(0, 256, (1, 1, 8, 8), dtype=np.uint8)}
    plain = onnxruntime.SessionOptions()
    plain.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    answers = [
        onnxruntime.InferenceSession(model.SerializeToString(), options).run(None, picture)[0]
        for options in (plain, onnxruntime.SessionOptions())
    ]
    assert answers[0].max() > 0
    assert np.array_equal(*answers)


def test_float_files_take_bytes_as_floats(checkpoint, calibrating, files):
    for precision, content in all_of(checkpoint, calibrating, "gray", "float32").items():
        assert onnxfile.inspect(content).inputs[0].dtype == "float32"
        plain = OnnxRuntime(files[precision]).run(calibrating.images)
        assert OnnxRuntime(content).run(calibrating.images) == pytest.approx(plain, abs=1e-6)


@pytest.mark.parametrize("io", ["uint8", "int8"])
def test_outputs_are_float(checkpoint, calibrating, io):
    with pytest.raises(UsageError, match="`io='float32'`"):
        converted(checkpoint, calibrating, "int8", io=io)


def test_int8_needs_a_calibration_set(checkpoint):
    with pytest.raises(UsageError, match="`data"):
        converted(checkpoint, None, "int8")


def test_float_layers_must_make_sense(checkpoint, calibrating):
    with pytest.raises(UsageError, match="'conv2d_1'"):
        converted(checkpoint, calibrating, "int8", float_layers=["conv2_1"])
    with pytest.raises(UsageError, match="`precision='int8'`"):
        converted(checkpoint, calibrating, "dynamic", float_layers=["conv2d_1"])


def test_same_input_gives_the_same_bytes(checkpoint, calibrating, files):
    again = Converter(checkpoint)
    for precision in reversed(PRECISIONS):
        assert again.convert(variants.find("onnx", precision), calibrating) == files[precision]


@pytest.mark.parametrize(("input_kind", "precision"), [("gray", "int8"), ("rgb", "none")])
def test_networks_trained_on_rgb_take_either_picture(tmp_path, calibrating, input_kind, precision):
    trained = checkpoint_of(report_like(channels=3), tmp_path)
    content = converted(trained, calibrating, precision, input_kind=input_kind)
    channels = 3 if input_kind == "rgb" else 1
    assert onnxfile.inspect(content).inputs[0].shape == (1, 16, 16, channels)
    given = OnnxRuntime(content).run(as_input(calibrating.images, channels))
    assert np.abs(given - trained.predict(calibrating.images)).max() < (1e-5 if precision == "none" else 0.12)


def residual(x):
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same", use_bias=False)(x)))
    y = layers.BatchNormalization()(layers.SeparableConv2D(8, 3, padding="same", use_bias=False)(x))
    y = layers.MaxPooling2D(3, 2, padding="same")(y)
    return layers.add([y, layers.Conv2D(8, 1, strides=2)(x)])


def test_residual_networks_convert(tmp_path, calibrating):
    network = checkpoint_of(classifier(residual), tmp_path)
    given = OnnxRuntime(converted(network, calibrating, "int8")).run(calibrating.images)
    assert np.abs(given - network.predict(calibrating.images)).max() < 0.12


@pytest.mark.parametrize("kind", [layers.SimpleRNN, layers.LSTM])
def test_layers_that_cannot_be_int8_stay_in_float_and_are_named(tmp_path, calibrating, kind):
    named = kind(4, name="recurrent")
    network = checkpoint_of(classifier(lambda x: named(layers.Reshape((16, 16))(x))), tmp_path)
    content = converted(network, calibrating, "int8")
    assert set(float_ops.of(content)) == {"recurrent"}
    given = OnnxRuntime(content).run(calibrating.images)
    assert np.abs(given - network.predict(calibrating.images)).max() < 0.05


@pytest.mark.parametrize("kind", [layers.GRU, layers.LSTM])
@pytest.mark.parametrize("flat", [layers.Flatten, layers.GlobalAveragePooling2D])
def test_recurrent_layers_behind_time_distributed_ones(tmp_path, kind, flat):
    """A loop reads what a reshape in front of it writes."""

    def body(x):
        parts = layers.TimeDistributed(layers.Conv2D(4, 3, strides=2))(layers.Reshape((2, 8, 16, 1))(x))
        return kind(4)(layers.TimeDistributed(flat())(parts))

    network, images = checkpoint_of(classifier(body), tmp_path), grey(8)
    given = OnnxRuntime(convert(network, variants.find("onnx", "none"))).run(images)
    assert np.abs(given - network.predict(images)).max() < 1e-5


@pytest.mark.parametrize(("kernel", "padding"), [(4, 1), (4, 2), (2, None), ((4, 2), (2, 0))])
def test_transposed_convolutions_with_a_padded_output(tmp_path, kernel, padding):
    """tf2onnx gives them pads below 0."""

    def body(x):
        return layers.Flatten()(layers.Conv2DTranspose(3, kernel, strides=3, output_padding=padding)(x))

    network, images = checkpoint_of(classifier(body), tmp_path), grey(8)
    given = OnnxRuntime(convert(network, variants.find("onnx", "none"))).run(images)
    assert np.abs(given - network.predict(images)).max() < 1e-5


@pytest.mark.parametrize("shape", [(14, 14, 4), (196, 4)])
@pytest.mark.parametrize(
    ("normalization", "most"), [(layers.UnitNormalization, 0.03), (layers.LayerNormalization, 0.0018)]
)
def test_int8_computes_inverse_roots_in_float(tmp_path, calibrating, normalization, most, shape):
    def body(x):
        rows = layers.Reshape(shape)(layers.Conv2D(4, 3, activation="relu")(x))
        # Some rows vary little, as a class token does: their inverse root is far above the others'.
        return layers.Reshape((14, 14, 4))(
            normalization()(rows * np.geomspace(0.01, 1, shape[-2], dtype="float32")[:, None])
        )

    network = checkpoint_of(classifier(body), tmp_path)
    content = converted(network, calibrating, "int8")
    given = OnnxRuntime(content).run(calibrating.images)
    assert np.abs(given - network.predict(calibrating.images)).max() < most
    assert set(float_ops.of(content)) == set()


@pytest.mark.parametrize(
    "body",
    [
        layers.Activation("gelu"),
        layers.Activation("celu"),
        lambda x: ops.log1p(ops.exp(-ops.abs(x))),
        lambda x: ops.expm1(-ops.abs(x)) * ops.expm1(-ops.square(x)),
    ],
)
def test_ops_that_tf2onnx_lacks_are_made_of_others(tmp_path, body):
    network = checkpoint_of(classifier(body), tmp_path)
    given = OnnxRuntime(converted(network, None, "none")).run(grey(20))
    np.testing.assert_allclose(given, network.predict(grey(20)), atol=1e-5)


@pytest.mark.parametrize("precision", ["none", "int8"])
def test_constants_that_a_layer_captured_are_not_inputs_of_the_file(tmp_path, calibrating, precision):
    def body(x):
        adapted = layers.Normalization()
        adapted.adapt(np.random.default_rng(0).normal(0.4, 0.2, (50, *x.shape[1:])))
        return layers.Conv2D(4, 3)(layers.Normalization(mean=0.1, variance=0.9)(adapted(x)))

    network = checkpoint_of(classifier(body), tmp_path)
    content = converted(network, calibrating, precision)
    assert [given.name for given in onnx.load_from_string(content).graph.input] == ["image"]
    given = OnnxRuntime(content).run(calibrating.images)
    assert np.abs(given - network.predict(calibrating.images)).max() < (1e-5 if precision == "none" else 0.05)


@pytest.mark.parametrize("precision", ["none", "fp16"])
@pytest.mark.parametrize(
    "body",
    [
        lambda x: layers.Conv2D(8, 3, groups=4, strides=2, activation="relu")(layers.Conv2D(8, 3)(x)),
        lambda x: layers.Multiply()([x, layers.Softmax(axis=[1, 2])(layers.Conv2D(1, 1)(x))]),
    ],
)
def test_convolutions_in_groups_and_shares_of_a_picture(tmp_path, body, precision):
    network = checkpoint_of(classifier(body), tmp_path)
    given = OnnxRuntime(converted(network, None, precision)).run(grey(20))
    np.testing.assert_allclose(given, network.predict(grey(20)), atol=1e-5 if precision == "none" else 5e-3)


def test_ops_that_onnx_lacks_are_named(tmp_path):
    def odd(x):
        return ops.cast(layers.Discretization([0.0], name="odd")(x), "float32")

    network = checkpoint_of(classifier(odd), tmp_path)
    with pytest.raises(ConversionError, match=r"Bucketize \(layer odd\); .*`format='tflite'`") as caught:
        converted(network, None, "none")
    assert "\n" not in str(caught.value)


def test_labels_must_fit_the_output(checkpoint):
    with pytest.raises(ConversionError, match="`labels"):
        converted(dataclasses.replace(checkpoint, labels=("happy", "sad")), None, "none")


def test_a_place_for_temporary_files_is_needed(checkpoint, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(OutputError, match="TMPDIR"):
        converted(checkpoint, None, "none")


def test_tools_leave_logging_and_stdout_alone(checkpoint, calibrating, capfd):
    before = logging.getLogger().handlers[:]
    converted(checkpoint, calibrating, "int8")
    assert logging.getLogger().handlers == before
    assert not logging.root.manager.disable
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("precision", ["none", "int8"])
def test_the_standards_own_evaluator_agrees(files, precision):
    """onnx's reference implementation, which shares no code with onnxruntime."""
    model = onnx.load_from_string(files[precision])
    # It knows the quantised ops as of opset 19.
    evaluator = ReferenceEvaluator(onnx.version_converter.convert_version(model, 19))
    faces = grey(4, seed=2)
    given = np.concatenate([evaluator.run(None, {"image": face[None]})[0] for face in faces])
    expected = OnnxRuntime(files[precision]).run(faces)
    assert np.abs(given - expected).max() < (1e-5 if precision == "none" else 0.02)
    assert (given.argmax(axis=1) == expected.argmax(axis=1)).all()
