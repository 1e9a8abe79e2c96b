"""Blame on networks whose guilty layer is known: planted, or damaged in the written file."""

from __future__ import annotations

import json
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import layers

from fer_export.calibration import calibration_set, probe_faces
from fer_export.calibration.calibration_set import CalibrationSet
from fer_export.contract import variants
from fer_export.convert import convert, converter
from fer_export.dataset import read as readers
from fer_export.errors import ConversionError, DataError, ExportFileError, UsageError
from fer_export.exporting import blame
from fer_export.exporting import export as exporting
from fer_export.model_file import inspect as modelfile
from fer_export.network import layers as network_layers
from fer_export.network.layer_names import LayerNames
from fer_export.report.text.blame import blame_text
from fer_export.report.text.next_commands import Flags
from fer_export.runtimes.op_by_op import open_activations
from helpers import tiny_tflite
from helpers.networks import checkpoint_of, classifier, grey, planted, report_like, scaled

INT8, FLOAT = variants.find("tflite", "int8"), variants.find("tflite", "none")


def faces(count=32):
    images = grey(count)
    return CalibrationSet(
        images, {"source": "made faces", "count": count, "faces": calibration_set.face_hashes(images)}
    )


def of(checkpoint, variant=INT8):
    """A file of the network, with what is needed to measure it."""
    calibrated = faces() if variant.integer else None
    content = convert(checkpoint, variant, calibration=calibrated)
    return SimpleNamespace(checkpoint=checkpoint, calibrated=calibrated, content=content)


def measured(file, content=None):
    return blame.measure(content or file.content, file.checkpoint, file.calibrated, faces())


@pytest.fixture(scope="module")
def outlier(tmp_path_factory):
    """A network whose first batch norm carries an outlier, as int8."""
    keras.backend.clear_session()  # Keras numbers layers on; the names below are those of a fresh process
    network = planted(report_like(filters=16), scaled(grey(32)), "batch_normalization")
    return of(checkpoint_of(network, tmp_path_factory.mktemp("outlier")))


@pytest.fixture(scope="module")
def found(outlier):
    return measured(outlier)


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    keras.backend.clear_session()
    return of(checkpoint_of(report_like(), tmp_path_factory.mktemp("healthy")))


@pytest.fixture(scope="module")
def varied(tmp_path_factory):
    """A network of many kinds of layers: fused, nested, used twice, with numbered names."""

    def body(x):
        x = layers.Conv2D(4, 3, padding="same")(x)
        x = layers.Activation("relu")(layers.BatchNormalization()(x))
        branch = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same", use_bias=False)(x))
        x = layers.Activation("relu")(layers.Add()([x, branch]))
        x = layers.SeparableConv2D(6, 3, activation="relu")(x)
        x = keras.Sequential([layers.Conv2D(4, 3, activation="relu"), layers.MaxPooling2D(2)], name="inner")(x)
        twice = layers.Conv2D(4, 1, activation="swish", name="twice")
        x = twice(twice(x))
        x = layers.LeakyReLU()(layers.Concatenate()([x, x]))
        x = layers.DepthwiseConv2D(3, activation="relu6")(layers.ZeroPadding2D(1)(x))
        return layers.Dropout(0.3)(x)

    keras.backend.clear_session()
    return checkpoint_of(classifier(body), tmp_path_factory.mktemp("varied"))


@pytest.fixture
def quick_probe(monkeypatch):
    monkeypatch.setattr(probe_faces, "BATCH", 16)
    monkeypatch.setattr(probe_faces.make, "__kwdefaults__", {**probe_faces.make.__kwdefaults__, "steps": 3})


def test_the_planted_layer_comes_first(found):
    worst = found.layers[0]
    assert worst.layer == "batch_normalization"
    assert worst.own_error > 0.3
    assert worst.on_grid > 0.9
    assert worst.cure == ("batch_normalization", "max_pooling2d", "conv2d_1")


def test_the_planted_layer_comes_first_in_onnx(outlier):
    layers_found = measured(of(outlier.checkpoint, variants.find("onnx", "int8"))).layers
    worst = layers_found[0]
    assert (worst.layer, worst.cure) == ("batch_normalization", ("batch_normalization", "max_pooling2d", "conv2d_1"))
    assert {"conv2d", "conv2d_1", "dense"} <= {error.layer for error in layers_found}


def test_layers_have_their_keras_names(outlier, found):
    own = {layer.name for layer in outlier.checkpoint.network.layers}
    assert {error.layer for error in found.layers if not error.added} <= own
    assert {"conv2d", "batch_normalization", "conv2d_1", "dense"} <= {error.layer for error in found.layers}
    assert {"adapter", "narrow_softmax"} <= {error.layer for error in found.layers if error.added}


@pytest.mark.parametrize("variant", [FLOAT, variants.find("onnx", "none")], ids=["tflite", "onnx"])
def test_a_float_file_has_no_error(varied, variant):
    """Every op of the file is compared with the layer that it computes: a wrong pair would differ."""
    found = measured(of(varied, variant)).layers
    assert len(found) >= 12
    assert max(error.accumulated_error for error in found) < 1e-4
    assert max(error.effect for error in found) < 1e-6


def test_every_kind_of_layer_is_found(varied):
    found = measured(of(varied))
    kinds = {(error.layer, error.call): error.ops for error in found.layers if not error.added}
    assert kinds == {
        ("conv2d", 1): ("CONV_2D",),
        ("conv2d_1", 1): ("CONV_2D",),
        ("add", 1): ("ADD",),
        ("separable_conv2d", 1): ("DEPTHWISE_CONV_2D", "CONV_2D"),
        ("inner/conv2d_2", 1): ("CONV_2D",),
        ("inner/max_pooling2d", 1): ("MAX_POOL_2D",),
        ("twice", 1): ("CONV_2D", "LOGISTIC", "MUL"),
        ("twice", 2): ("CONV_2D", "LOGISTIC", "MUL"),
        ("concatenate", 1): ("CONCATENATION",),
        ("leaky_re_lu", 1): ("LEAKY_RELU",),
        ("depthwise_conv2d", 1): ("DEPTHWISE_CONV_2D",),
        ("global_average_pooling2d", 1): ("MEAN",),
        ("dense", 1): ("FULLY_CONNECTED",),
    }
    added = {error.layer: error.ops for error in found.layers if error.added}
    assert added == {"adapter": ("CONV_2D",), "dense_softmax": ("SOFTMAX",)}
    assert max(error.own_error for error in found.layers) < 0.3


@pytest.mark.parametrize("file_format", ["tflite", "onnx"])
def test_an_op_that_also_scales_is_compared_behind_the_scaling(file_format, tmp_path):
    """Converters multiply inside the convolution before and name the op after that one alone."""
    network = classifier(
        lambda x: layers.Conv2D(4, 3, activation="relu", name="first")(layers.Rescaling(1 / 255, name="scale")(x))
    )
    checkpoint = checkpoint_of(network, tmp_path, scaling="raw")
    found = measured(of(checkpoint, variants.find(file_format, "int8"))).layers
    own_errors = {layer: error.own_error for error in found for layer in (error.layer, *error.fused)}
    assert own_errors["scale"] < 0.01
    assert own_errors["first"] < 0.05
    assert max(error.effect for error in found) < 0.01


def test_a_numbered_scope_is_a_call_and_not_the_layer_of_that_name():
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(1, 1, name="conv"), layers.Conv2D(1, 1, name="conv_1")], name="net"
    )
    names = LayerNames(keras.Model(model.inputs, model(model.inputs[0]), name="exported"))
    assert [call.layer for call in names.calls("exported_1/net_1/conv_1/Relu")] == ["conv"]
    assert [call.layer for call in names.calls("exported_1/net_1/conv_1_2/Relu;exported_1/net_1/conv_1/Add")] == [
        "conv_1",
        "conv",
    ]
    assert names.calls("tfl.quantize") == names.calls("exported_1/net_1") == ()
    with pytest.raises(UsageError, match="did you mean 'conv_1'"):
        names.check(["conv_2"])


def test_a_damaged_layer_of_the_file_is_named(healthy):
    """Reverse the weights of the second convolution in the written bytes."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(healthy.content)
    graph = model.Subgraphs(0)
    position = [op.name for op in open_activations(healthy.content).ops].index("DEPTHWISE_CONV_2D") + 2
    operators = [graph.Operators(i) for i in range(graph.OperatorsLength())]
    weights = graph.Tensors(operators[position + 1].Inputs(1))
    data = model.Buffers(weights.Buffer()).DataAsNumpy().tobytes()
    assert healthy.content.count(data) == 1
    damaged = healthy.content.replace(data, data[::-1])
    worst = measured(healthy, damaged).layers[0]
    assert (worst.layer, worst.cure) == ("conv2d_1", ("conv2d_1",))
    assert measured(healthy).layers[0].effect < 0.2 * worst.effect


def test_own_errors_leave_out_what_came_before(found):
    by_name = {error.layer: error for error in found.layers}
    assert by_name["max_pooling2d"].own_error == 0
    assert by_name["max_pooling2d"].accumulated_error > 0.3
    norm = by_name["batch_normalization_1"]
    # Behind the max pool that reads it: .11 of its own, 1.14 with what came before.
    assert 8 * norm.own_error < norm.accumulated_error


def test_the_file_itself_is_measured(outlier, found):
    """Agreement and difference are those of the file's own answers."""
    images = faces().images
    given = open_activations(outlier.content).run(images)[-1]
    difference = np.abs(given - outlier.checkpoint.predict(images)).max(axis=1).mean()
    assert found.mean_difference == pytest.approx(difference, rel=0.01)
    assert found.faces == 32


def test_the_twin_is_the_network(outlier, varied):
    """Before it is rounded, the rewritten network computes what the checkpoint does."""
    for checkpoint in (outlier.checkpoint, varied):
        images = faces(16).images
        made = converter("tflite", checkpoint).twin(variants.find("tflite", "int16x8"), faces())
        assert np.asarray(made.values(images)[made.output]) == pytest.approx(checkpoint.predict(images), abs=1e-4)


def test_the_same_twice(outlier, found):
    assert found.to_dict() == measured(outlier).to_dict()
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.slow
def test_a_written_file(tmp_path, quick_probe, healthy):
    result = exporting.export(healthy.checkpoint, "tflite", ["int8", "fp16"], tmp_path)
    integers, halves = (blame.blame(file.path, healthy.checkpoint) for file in result.files)
    assert integers.source == halves.source == "probe faces"
    assert integers.rebuilt
    assert halves.rebuilt
    assert 0 < halves.layers[0].own_error < integers.layers[0].own_error
    text = blame_text(integers, Flags(model=" --model tiny.keras", data=" --data f.csv"))
    assert text.splitlines()[0] == "tiny-int8.tflite: int8 TFLite of tiny"
    assert "--quantize int8 --model tiny.keras --data f.csv" in text.splitlines()[-1]
    assert integers.layers[0].layer in text


@pytest.mark.slow
def test_a_file_calibrated_on_training_faces_needs_them(tmp_path, tiny_csv):
    checkpoint, data = checkpoint_of(report_like(side=48), tmp_path), readers.read(tiny_csv)
    path = exporting.export(checkpoint, "tflite", ["int8"], tmp_path / "out", data=data).files[0].path
    with pytest.raises(DataError, match="`data='fer2013.csv'`"):
        blame.blame(path, checkpoint)
    result = blame.blame(path, checkpoint, data=data)
    assert result.source == "Training faces"
    assert result.rebuilt
    other = tmp_path / "other.csv"
    other.write_text(tiny_csv.read_text().replace(" 1 ", " 2 "))
    with pytest.raises(DataError, match="not the Training faces"):
        blame.blame(path, checkpoint, data=readers.read(other))


def test_files_that_cannot_be_blamed_are_refused(tmp_path, healthy, outlier):
    path = tmp_path / "file.tflite"
    path.write_bytes(healthy.content)
    with pytest.raises(ExportFileError, match="`network"):
        blame.blame(path, outlier.checkpoint)
    path.write_bytes(tiny_tflite.converted("int8"))
    with pytest.raises(ExportFileError, match="no contract"):
        blame.blame(path, healthy.checkpoint)
    path.write_bytes(of(healthy.checkpoint, FLOAT).content)
    with pytest.raises(UsageError, match="no layer of it is quantised"):
        blame.blame(path, healthy.checkpoint)


def test_a_network_without_visible_layers_is_refused(healthy, monkeypatch):
    monkeypatch.setattr(network_layers, "is_graph", lambda layer: False)
    with pytest.raises(ConversionError, match="not visible"):
        measured(healthy)


def test_printout_names_what_the_exporter_added(outlier, found, healthy):
    text = blame_text(found)
    assert "narrow_softmax*" in text
    assert "added by fer-export" in text
    assert "no effect   adapter*" in blame_text(measured(healthy))
    assert modelfile.read(outlier.content).contract["precision"] == "int8"
