"""TensorFlow's converter in a process of its own: a crash costs one file and says so."""

import json

import keras
import numpy as np
import pytest
from keras import layers

from fer_export.calibration.calibration_set import CalibrationSet
from fer_export.contract import variants
from fer_export.convert import convert, lite, lite_process
from fer_export.errors import ConversionError
from fer_export.model_file import inspect as modelfile
from fer_export.network import LayerNames, unrolled
from fer_export.network import prepare as graph
from fer_export.runtimes import open_runtime
from helpers.networks import checkpoint_of, classifier, grey, report_like

CALIBRATING = CalibrationSet(grey(8), {"source": "made", "count": 8, "faces": []})


def recurrent(x):
    return layers.LSTM(4)(layers.Reshape((16, 16))(x))


def both_ways(x):
    return layers.Bidirectional(layers.GRU(4))(layers.Reshape((16, 16))(x))


def normalised(x):
    return layers.LayerNormalization()(layers.Conv2D(4, 3)(x))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return checkpoint_of(report_like(), tmp_path_factory.mktemp("network"))


@pytest.mark.parametrize(
    ("body", "known"),
    [
        *[(recurrent, False), (normalised, True), (layers.Flatten(), True)],
        *[(layers.Activation("mish"), True), (layers.Activation("exponential"), False)],
        (layers.Dense(4, activation=lambda x: x), False),
    ],
)
def test_only_layers_that_are_known_to_convert_are_converted_here(body, known):
    assert lite_process.is_known(classifier(body)) == known


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("import os; os.abort()", r"crashed on this network \(SIGABRT\)"),
        ("import os; os.kill(os.getpid(), 11)", r"crashed on this network \(SIGSEGV\)"),
        ("import sys; sys.exit(3)", "exit status 3"),
    ],
)
def test_a_crash_is_a_sentence(checkpoint, monkeypatch, program, said):
    monkeypatch.setattr(lite_process, "is_known", lambda network: False)
    monkeypatch.setattr(lite_process, "PROGRAM", program)
    with pytest.raises(ConversionError, match=said) as caught:
        convert(checkpoint, variants.find("tflite", "int8"), calibration=CALIBRATING)
    assert "`precision='dynamic'`" in str(caught.value)


def test_the_process_gets_the_work_and_its_refusal_comes_back(checkpoint, monkeypatch):
    program = (
        "import json, pathlib, sys; folder = pathlib.Path(sys.argv[1]); task = json.loads((folder / 'task.json')"
        ".read_text()); (folder / 'refused').write_text(task['work']['precision'] + ' of ' + task['names']['root']); "
        "sys.exit(1)"
    )
    monkeypatch.setattr(lite_process, "is_known", lambda network: False)
    monkeypatch.setattr(lite_process, "PROGRAM", program)
    with pytest.raises(ConversionError, match=r"^int8 of exported$"):
        convert(checkpoint, variants.find("tflite", "int8"), calibration=CALIBRATING)


@pytest.mark.slow
def test_the_same_bytes_as_in_this_process(checkpoint, monkeypatch):
    variant = variants.find("tflite", "int8")
    here = convert(checkpoint, variant, calibration=CALIBRATING)
    monkeypatch.setattr(lite_process, "is_known", lambda network: False)
    assert convert(checkpoint, variant, calibration=CALIBRATING) == here


def test_names_travel_as_json(checkpoint):
    names = LayerNames(graph.exportable(checkpoint))
    again = LayerNames.of(json.loads(json.dumps(names.described)))
    assert again.layers == names.layers
    outputs = [f"exported_1/{checkpoint.network.name}_1/conv2d_1/Relu", "else"]
    assert again.of_ops(outputs) == names.of_ops(outputs)


def test_ops_in_float_are_counted_by_layer(checkpoint):
    found = lite.float_ops(convert(checkpoint, variants.find("tflite", "none")), LayerNames(checkpoint.network))
    assert sum(found.values()) >= 6
    assert (
        lite.float_ops(
            convert(checkpoint, variants.find("tflite", "int8"), calibration=CALIBRATING),
            LayerNames(graph.exportable(checkpoint)),
        )
        == {}
    )


def test_pictures_of_probabilities_stay_near_in_a_separable_network(tmp_path):
    """Ranges by error and fitted weights: a network of the kind they are made for."""

    def body(x):
        x = layers.Conv2D(6, 3, activation="relu", padding="same")(x)
        side = layers.Conv2D(8, 1, strides=2, padding="same")(x)
        x = layers.SeparableConv2D(8, 3, padding="same")(x)
        x = layers.MaxPooling2D(3, strides=2, padding="same")(layers.BatchNormalization()(x))
        return layers.Conv2D(6, 3, padding="same")(layers.Add()([x, side]))

    inputs = keras.Input((16, 16, 1))
    answers = layers.Softmax()(layers.GlobalAveragePooling2D()(body(inputs)))
    network = checkpoint_of(keras.Model(inputs, answers), tmp_path)
    for file_format in ("tflite", "onnx"):
        content = convert(network, variants.find(file_format, "int8"), calibration=CALIBRATING)
        given = open_runtime(content).run(grey(12, seed=3))
        assert np.abs(given - network.predict(grey(12, seed=3))).max() < 0.02


@pytest.mark.slow
@pytest.mark.parametrize("body", [recurrent, both_ways])
def test_recurrent_layers_are_unrolled_and_stay_int8(body, tmp_path):
    network = checkpoint_of(classifier(body), tmp_path)
    content = convert(network, variants.find("tflite", "int8"), calibration=CALIBRATING)
    images = grey(24)
    with open_runtime(content) as runtime:
        assert np.abs(runtime.run(images) - network.predict(images)).mean() < 0.02
    assert "WHILE" not in {op.name for op in modelfile.inspect(content).ops}
    # The network itself is as it was.
    assert not any(getattr(layer, "unroll", False) for layer in network.network._flatten_layers())


def test_layers_of_many_steps_stay_loops():
    network = classifier(lambda x: layers.LSTM(4)(layers.Reshape((256, 1))(x)))
    with unrolled(network):
        assert not any(getattr(layer, "unroll", False) for layer in network.layers)
