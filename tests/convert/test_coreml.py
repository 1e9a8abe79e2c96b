"""Core ML packages as coremltools writes them: judged by the interpreter of the file, the same bytes twice."""

import importlib.util
import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers, ops

import fer_export as fer
from fer_export.calibration import probe_faces
from fer_export.contract import find
from fer_export.convert import coreml as converting
from fer_export.dataset import as_input
from fer_export.errors import ConversionError, UsageError
from fer_export.model_file import coreml, read_file
from fer_export.model_file.mil import program as programs
from fer_export.runtimes import open_runtime
from helpers.networks import checkpoint_of, classifier, report_like

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("coremltools") is None, reason="coremltools is not installed"),
    pytest.mark.slow,
]

PRECISIONS = ("none", "fp16", "int8", "palette6")
LARGE = 24
"""Filters of a network whose second convolution has more weights than coremltools leaves in float16."""


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return checkpoint_of(report_like(LARGE), tmp_path_factory.mktemp("network"))


@pytest.fixture(scope="module")
def exported(network, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probe_faces.make, "__kwdefaults__", {**probe_faces.make.__kwdefaults__, "steps": 3})
        options = fer.Options(min_agreement=0.9)
        return fer.export(network, "coreml", list(PRECISIONS), tmp_path_factory.mktemp("out"), options=options)


def test_every_precision_keeps_the_network_and_says_who_ran_it(exported):
    assert exported.passed, str(exported)
    names = [file.path.name for file in exported.files]
    assert names == [f"tiny-{name}.mlpackage" for name in ("fp32", "fp16", "int8", "palette6")]
    differences = [file.parity.largest_difference for file in exported.files]
    assert differences[0] < 1e-5
    assert differences[1] < 0.02
    weights = [file.graph.weights_bytes for file in exported.files]
    assert weights == sorted(weights, reverse=True)
    text = str(exported)
    if sys.platform != "darwin":
        assert "Apple's Core ML was not run" in text
        assert all(file.runtime.startswith("mil ") for file in exported.files)
    assert "int8 weights; it computes in float" in text


@pytest.mark.parametrize("number", range(len(PRECISIONS)))
def test_the_package_says_what_it_takes_and_gives(exported, network, number):
    content = read_file(exported.files[number].path)
    model = programs.program_of(content).model
    assert model.specificationVersion == 7  # iOS 16
    image = model.description.input[0].type.imageType
    assert (model.description.input[0].name, image.width, image.height, image.colorSpace) == ("image", 16, 16, 10)
    assert [feature.name for feature in model.description.output] == ["classLabel", "probabilities"]
    said, summary = coreml.read(content), coreml.inspect(content)
    assert said.labels == network.labels
    assert said.contract["precision"] == PRECISIONS[number]
    assert (said.calibration is not None) == (PRECISIONS[number] == "int8")
    assert summary.inputs[0].shape == (1, 16, 16, 1)
    assert summary.macs > 0
    files = [path for path in exported.files[number].path.rglob("*") if path.is_file()]
    assert len(files) == 3
    assert sum(path.stat().st_size for path in files) == exported.files[number].bytes
    assert "Core ML of iOS 16, macOS 13 or later" in str(fer.inspect(exported.files[number].path))


def test_int8_weights_lie_on_the_grid_of_tflite(exported):
    """The rounding that was fitted to the calibration faces is kept: its steps are 127ths of a filter's largest."""
    program = programs.program_of(read_file(exported.files[2].path))
    found = [op for op in program.ops if op.kind == "constexpr_affine_dequantize"]
    assert found
    for op in found:
        stored = op.inputs["quantized_data"][0]
        assert stored.dtype == np.int8
        assert (np.abs(stored.astype(int)).reshape(len(stored), -1).max(axis=1) == 127).all()
        assert not np.any(op.inputs["zero_point"][0])


AGAIN = """
import sys
import fer_export as fer
from fer_export.calibration import probe_faces

probe_faces.make.__kwdefaults__["steps"] = 3
network, folder, *precisions = sys.argv[1:]
fer.export(network, "coreml", precisions, folder, options=fer.Options(min_agreement=0.9))
"""


def test_another_process_makes_the_same_bytes(exported, network, tmp_path):
    command = [sys.executable, "-c", AGAIN, str(network.source), str(tmp_path), *PRECISIONS]
    # The order of Python's sets and dictionaries of texts is another one in each process but with a seed.
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stderr
    for file in exported.files:
        assert read_file(tmp_path / file.path.name) == read_file(file.path), file.path.name


def test_rgb_takes_three_channels(network):
    content = converting.Converter(network, "rgb").convert(find("coreml", "fp16"))
    faces = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 1), dtype=np.uint8)
    with open_runtime(content) as runtime:
        assert runtime.input_shape == (1, 16, 16, 3)
        found = runtime.run(as_input(faces, 3))
    assert np.abs(found - network.predict(faces)).max() < 0.02


def test_parity_of_written_packages_in_a_process_of_its_own(exported, network):
    judged = fer.judge([exported.files[0].path, exported.files[1].path], network)
    assert judged.passed, str(judged)
    assert "Apple's Core ML was not run" in str(judged) or sys.platform == "darwin"
    json.dumps(judged.to_dict())


def test_a_package_is_replaced_but_another_folder_is_not(exported, network, tmp_path):
    kept = tmp_path / "tiny-fp32.mlpackage"
    kept.mkdir()
    (kept / "notes.txt").write_text("mine")
    with pytest.raises(fer.OutputError, match="holds other files"):
        fer.export(network, "coreml", "none", tmp_path)
    assert [path.name for path in kept.iterdir()] == ["notes.txt"]
    (kept / "notes.txt").unlink()
    for _ in range(2):
        fer.export(network, "coreml", "none", tmp_path)
    assert read_file(kept) == read_file(exported.files[0].path)
    assert [path.name for path in tmp_path.iterdir()] == [kept.name]


def modern(x):
    """Depthwise, separable, swish, squeeze-and-excitation and residual connections, as common networks have."""
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.Activation("swish")(layers.BatchNormalization()(x))
    y = layers.DepthwiseConv2D(3, padding="same")(x)
    y = layers.ReLU(max_value=6.0)(layers.BatchNormalization()(y))
    gate = layers.Dense(8, activation="sigmoid")(layers.Dense(4, activation="relu")(layers.GlobalAveragePooling2D()(y)))
    y = layers.Multiply()([y, layers.Reshape((1, 1, 8))(gate)])
    x = layers.Concatenate()([layers.Add()([x, y]), layers.AveragePooling2D(3, 1, "same")(x)])
    x = layers.SeparableConv2D(12, 3, padding="same", activation="elu")(layers.ZeroPadding2D(1)(x))
    x = layers.LayerNormalization()(layers.PReLU(shared_axes=[1, 2])(x))
    return layers.Dropout(0.5)(layers.MaxPooling2D(3, 2, "same")(x))


def test_layers_of_common_networks(tmp_path):
    network = checkpoint_of(classifier(modern), tmp_path)
    content = converting.Converter(network).convert(find("coreml", "none"))
    faces = np.random.default_rng(0).integers(0, 256, (70, 16, 16, 1), dtype=np.uint8)
    with open_runtime(content) as runtime:
        assert np.abs(runtime.run(faces) - network.predict(faces)).max() < 1e-4


@pytest.mark.parametrize(
    "body",
    [
        layers.Activation("gelu"),
        lambda x: ops.log1p(ops.exp(-ops.abs(x))) * ops.expm1(-ops.square(x)),
        lambda x: layers.Conv2D(4, 3)(layers.Normalization(mean=0.3, variance=0.2)(x)),
        layers.Conv2D(8, 3, groups=4),
        lambda x: layers.LSTM(4)(layers.Reshape((14, 112))(x)),
        layers.Conv2DTranspose(4, 3, strides=2, padding="same"),
    ],
)
def test_ops_that_coremltools_lacks_are_made_of_others(tmp_path, body):
    network = checkpoint_of(classifier(lambda x: body(layers.Conv2D(8, 3)(x))), tmp_path)
    faces = np.random.default_rng(0).integers(0, 256, (20, 16, 16, 1), dtype=np.uint8)
    with open_runtime(converting.Converter(network).convert(find("coreml", "none"))) as runtime:
        assert np.abs(runtime.run(faces) - network.predict(faces)).max() < 1e-4


def test_what_core_ml_does_not_take_is_said(network, monkeypatch):
    with pytest.raises(UsageError, match="takes an image of bytes"):
        converting.Converter(network, io="int8")
    with pytest.raises(UsageError, match="needs a calibration set"):
        converting.Converter(network).convert(find("coreml", "int8"))
    with pytest.raises(UsageError, match="does not take `input_kind=frame`"):
        fer.export(network, "coreml", "none", options=fer.Options(input_kind="frame"))
    with pytest.raises(UsageError, match="computes in float at int8, too; remove `strict_int8`"):
        fer.export(network, "coreml", "int8", options=fer.Options(strict_int8=True))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    # Before any face is made.
    monkeypatch.setattr(probe_faces, "make", None)
    with pytest.raises(UsageError, match="fer-export\\[coreml\\]"):
        fer.export(network, "coreml", "int8")


# What coremltools leaves behind when it fails, it removes with a warning.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_layer_that_coremltools_cannot_convert_is_one_line(tmp_path):
    def body(x):
        return keras.ops.fft2((x, x))[0]

    network = checkpoint_of(classifier(body), tmp_path)
    with pytest.raises(ConversionError, match="coremltools cannot convert this network"):
        converting.Converter(network).convert(find("coreml", "none"))
