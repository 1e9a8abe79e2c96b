"""Conversion of a tiny network at every precision; what the written bytes hold is checked, not what was asked."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils
from keras import layers, ops

from fer_export.calibration import calibration_set
from fer_export.calibration.calibration_set import CalibrationSet
from fer_export.contract import variants
from fer_export.convert import convert
from fer_export.errors import ConversionError, UsageError
from fer_export.exporting import float_ops
from fer_export.model_file import tflite as flatbuffer
from fer_export.model_file import tflite_metadata
from fer_export.runtimes import LiteRt
from fer_export.runtimes.op_by_op import open_activations
from helpers.networks import checkpoint_of, classifier, report_like


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return checkpoint_of(report_like(), tmp_path_factory.mktemp("network"))


@pytest.fixture(scope="module")
def faces(checkpoint):
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (40, 4, 4, 1), dtype=np.uint8)
    return coarse.repeat(checkpoint.size // 4, axis=1).repeat(checkpoint.size // 4, axis=2)


@pytest.fixture(scope="module")
def calibrating(faces):
    return CalibrationSet(faces[:20], {"source": "made", "count": 20, "faces": calibration_set.face_hashes(faces[:20])})


def converted(checkpoint, calibrating, precision, **options):
    return convert(checkpoint, variants.find("tflite", precision), calibration=calibrating, **options)


@pytest.mark.parametrize("precision", variants.precisions("tflite"))
@pytest.mark.parametrize("input_kind", ["gray", pytest.param("rgb", marks=pytest.mark.slow)])
def test_every_precision_keeps_the_contract(checkpoint, calibrating, faces, precision, input_kind):
    content = converted(checkpoint, calibrating, precision, input_kind=input_kind)
    graph, said = flatbuffer.inspect(content), tflite_metadata.read(content)
    size, channels = checkpoint.size, 3 if input_kind == "rgb" else 1
    given, answer = graph.inputs[0], graph.outputs[0]
    assert (given.name, given.dtype, given.shape) == ("image", "uint8", (1, size, size, channels))
    assert (answer.name, answer.dtype, answer.shape) == ("probabilities", "float32", (1, len(checkpoint.labels)))
    assert said.labels == checkpoint.labels
    assert said.contract["checkpoint_sha256"] == checkpoint.sha256
    assert bool(said.calibration) == variants.find("tflite", precision).integer
    judged = faces[20:]
    given = LiteRt(content).run(np.repeat(judged, channels, axis=-1))
    assert given.sum(axis=1) == pytest.approx(np.ones(20), abs=0.02)
    tolerance = {"none": 1e-5, "fp16": 0.01}.get(precision, 0.12)
    assert np.abs(given - checkpoint.predict(judged)).max() < tolerance


@pytest.mark.parametrize("input_kind", ["gray", pytest.param("rgb", marks=pytest.mark.slow)])
def test_int8_computes_in_integers_only(checkpoint, calibrating, input_kind):
    graph = flatbuffer.inspect(converted(checkpoint, calibrating, "int8", input_kind=input_kind))
    assert flatbuffer.float_ops(graph) == ()
    assert (graph.inputs[0].scale, graph.inputs[0].zero_point) == (1.0, 0)
    assert graph.op_counts["QUANTIZE"] == graph.op_counts["DEQUANTIZE"] == 1
    float_graph = flatbuffer.inspect(converted(checkpoint, calibrating, "none", input_kind=input_kind))
    assert flatbuffer.float_ops(float_graph)


@pytest.mark.slow
@pytest.mark.parametrize(("io", "scale"), [("uint8", (1.0, 0)), ("int8", (1.0, -128)), ("float32", (None, None))])
def test_io_overrides_both_types(checkpoint, calibrating, faces, io, scale):
    content = converted(checkpoint, calibrating, "int8", io=io)
    graph = flatbuffer.inspect(content)
    assert graph.inputs[0].dtype == graph.outputs[0].dtype == io
    assert (graph.inputs[0].scale, graph.inputs[0].zero_point) == scale
    plain = LiteRt(converted(checkpoint, calibrating, "int8")).run(faces)
    assert LiteRt(content).run(faces) == pytest.approx(plain, abs=0.01)


def test_float_files_take_bytes_as_floats(checkpoint, calibrating, faces):
    graph = converted(checkpoint, None, "none", io="float32")
    assert LiteRt(graph).run(faces) == pytest.approx(checkpoint.predict(faces), abs=1e-5)
    with pytest.raises(UsageError, match="`io='float32'`"):
        converted(checkpoint, None, "none", io="uint8")


def test_integer_precisions_need_a_calibration_set(checkpoint):
    for precision in ("int8", "int16x8"):
        with pytest.raises(UsageError, match="`data"):
            converted(checkpoint, None, precision)


def test_ops_that_tflite_lacks_are_named(tmp_path):
    network = checkpoint_of(classifier(layers.Resizing(20, 20, interpolation="bicubic", name="larger")), tmp_path)
    with pytest.raises(ConversionError, match=r"ResizeBicubic \(layer larger\); .*`format='onnx'`"):
        converted(network, None, "none")


@pytest.mark.parametrize("precision", ["none", "int8"])
def test_same_input_gives_the_same_bytes(checkpoint, calibrating, precision):
    assert converted(checkpoint, calibrating, precision) == converted(checkpoint, calibrating, precision)


def elu_and_leaky(x):
    return layers.LeakyReLU()(layers.Conv2D(4, 3)(layers.Conv2D(6, 3, activation="elu")(x)))


def test_an_elu_beside_a_leaky_relu(tmp_path, calibrating, faces):
    network = checkpoint_of(classifier(elu_and_leaky), tmp_path)
    content = converted(network, calibrating, "int8")
    assert {"ELU": 1, "LEAKY_RELU": 1}.items() <= flatbuffer.inspect(content).op_counts.items()
    assert np.abs(LiteRt(content).run(faces) - network.predict(faces)).max() < 0.02


def elu_twice(x):
    x = layers.Conv2D(6, 3, activation="elu", name="first")(x)
    return layers.ELU(name="second")(layers.BatchNormalization()(layers.Conv2D(6, 3)(x)))


@pytest.mark.parametrize("kept", [(), ("first",)])
def test_elu_is_int8(tmp_path, calibrating, faces, kept):
    network = checkpoint_of(classifier(elu_twice), tmp_path)
    content = converted(network, calibrating, "int8", float_layers=kept)
    found = flatbuffer.inspect(content).op_counts
    assert found["ELU"] == 2
    codes = flatbuffer_utils.convert_bytearray_to_object(bytearray(content)).operatorCodes
    assert schema.BuiltinOperator.LEAKY_RELU not in [code.builtinCode for code in codes]
    assert set(float_ops.of(content)) == set()
    in_float = [op.in_float for op in flatbuffer.computing(content) if op.kind == "ELU"]
    assert sorted(in_float) == [False, bool(kept)]
    assert np.abs(LiteRt(content).run(faces) - network.predict(faces)).max() < 0.02


def wide(activation):
    """An activation of values from some -30 to 30; what follows makes them small again."""
    return lambda x: layers.Rescaling(0.05)(activation(layers.Rescaling(60.0, -10.0)(layers.Conv2D(6, 3)(x))))


@pytest.mark.parametrize("precision", ["int8", "int16x8"])
@pytest.mark.parametrize("name", ["selu", "celu", "softplus", "log_sigmoid", "mish", "minimum"])
def test_no_part_of_an_activation_outgrows_the_others(tmp_path, calibrating, faces, name, precision):
    """e^30 on the way to a softplus leaves no step of the grid for all else."""
    activation = layers.Activation(name) if name != "minimum" else lambda x: ops.minimum(0.0, x)
    network = checkpoint_of(classifier(wide(activation)), tmp_path)
    content = converted(network, calibrating, precision)
    assert "float32" not in {op.dtype for op in open_activations(content).ops if op.name in ("EXP", "LOG", "RELU")}
    limit = 0.03 if precision == "int8" else 0.01
    assert np.abs(LiteRt(content).run(faces) - network.predict(faces)).max() < limit


def test_a_difference_that_is_always_0_gets_a_step_that_older_runtimes_take(tmp_path, calibrating, faces):
    """tflite-runtime 2.14 and tflite-micro abort where a SUB's output step is a millionth of its inputs' step."""
    network = checkpoint_of(
        classifier(lambda x: layers.Activation("selu")(layers.Conv2D(4, 3, activation="relu")(x))), tmp_path
    )
    content = converted(network, calibrating, "int8")
    graph = flatbuffer_utils.convert_bytearray_to_object(bytearray(content)).subgraphs[0]
    differences = {op.output for op in flatbuffer.computing(content) if op.kind == "SUB"}
    steps = [
        [float(graph.tensors[number].quantization.scale[0]) for number in (op.outputs[0], *op.inputs)]
        for op in graph.operators
        if graph.tensors[op.outputs[0]].name.decode() in differences
    ]
    assert steps
    assert all(output > max(inputs) / 256 for output, *inputs in steps)
    assert np.abs(LiteRt(content).run(faces) - network.predict(faces)).max() < 0.03


@pytest.mark.slow
def test_layers_without_a_kernel_of_16_bits_stay_in_float_and_are_named(tmp_path, calibrating, faces):
    def body(x):
        return layers.ELU(name="odd")(layers.Conv2D(4, 3, activation="relu")(x))

    network = checkpoint_of(classifier(body), tmp_path)
    content = converted(network, calibrating, "int16x8")
    assert float_ops.in_words(float_ops.of(content), "int16x8") == "int16x8 but for odd (1 op)"
    assert np.abs(LiteRt(content).run(faces) - network.predict(faces)).max() < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["int8", "int16x8"])
def test_a_normalisation_without_a_layer_stays_in_float(tmp_path, calibrating, precision):
    def body(x):
        return ops.normalize(layers.GlobalAveragePooling2D()(layers.Conv2D(8, 3, activation="relu")(x)), axis=-1)

    network = checkpoint_of(classifier(body), tmp_path)
    content = converted(network, calibrating, precision)
    assert set(float_ops.of(content)) == {"outside layers"}
    given = LiteRt(content).run(calibrating.images)
    assert np.abs(given - network.predict(calibrating.images)).max() < 0.05


@pytest.mark.slow
@pytest.mark.parametrize(
    "odd",
    [
        layers.LayerNormalization(name="odd"),
        layers.UnitNormalization(name="odd"),
        layers.Activation("soft_shrink", name="odd"),
    ],
)
def test_int16x8_keeps_a_layer_wholly_in_float_where_litert_lacks_one_of_its_ops(tmp_path, calibrating, odd):
    def body(x):
        x = layers.Conv2DTranspose(4, 3, activation="relu")(layers.Conv2D(4, 3, strides=2, activation="relu")(x))
        x = x + np.linspace(0, 1, 4, dtype="float32")
        return layers.Conv2D(4, 3, activation="relu")(odd(x))

    network = checkpoint_of(classifier(body), tmp_path)
    content = converted(network, calibrating, "int16x8")
    assert set(float_ops.of(content)) == {"odd"}
    given = LiteRt(content).run(calibrating.images)
    assert np.abs(given - network.predict(calibrating.images)).max() < 0.02


@pytest.mark.parametrize("precision", ["none", "fp16", "dynamic", pytest.param("int8", marks=pytest.mark.slow)])
def test_vectors_of_zeros_stay_zeros_under_unit_normalization(tmp_path, calibrating, faces, precision):
    def body(x):
        return layers.UnitNormalization()(layers.Conv2D(4, 3, activation="relu", use_bias=False)(x))

    network = checkpoint_of(classifier(body), tmp_path)
    dark = np.concatenate([np.zeros_like(faces[:1]), faces])
    given = LiteRt(converted(network, calibrating, precision)).run(dark)
    assert np.abs(given - network.predict(dark)).max() < (0.05 if precision == "int8" else 1e-3)


def norms_between_dense_layers(x):
    for units in (12, 10):
        x = layers.BatchNormalization()(layers.Dense(units, activation="elu")(layers.Flatten()(x)))
    return x


@pytest.mark.parametrize("precision", ["none", "int8", "int16x8"])
def test_a_batch_norm_between_dense_layers_keeps_its_bias(tmp_path, calibrating, precision):
    """TensorFlow's converter could move it into the dense layer behind, which then computes with huge numbers."""
    network = checkpoint_of(classifier(norms_between_dense_layers), tmp_path)
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(converted(network, calibrating, precision)))
    graph, depthwise = model.subgraphs[0], schema.BuiltinOperator.DEPTHWISE_CONV_2D
    codes = [code.builtinCode for code in model.operatorCodes]
    norms = [op for op in graph.operators if codes[op.opcodeIndex] == depthwise]
    assert len(norms) == 2
    for op in norms:
        assert np.any(model.buffers[graph.tensors[op.inputs[2]].buffer].data)
