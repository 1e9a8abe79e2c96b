"""A face and its mirror image, averaged inside the file: the same mean at every precision, and judged as such."""

import io
import json
from contextlib import redirect_stdout
from dataclasses import replace

import numpy as np
import pytest
from keras import layers

from fer_export.calibration.calibration_set import CalibrationSet, face_hashes
from fer_export.cli import main, objects
from fer_export.contract import tensors, variants
from fer_export.convert import convert, onnx
from fer_export.exporting import blame
from fer_export.model_file import inspect as modelfile
from fer_export.model_file import onnx as onnxfile
from fer_export.model_file import tflite as flatbuffer
from fer_export.network.prepare import exportable
from fer_export.parity import judge
from fer_export.parity import judge as judging
from fer_export.parity.figures import ParityFaces
from fer_export.parity.judge import Judge
from fer_export.runtimes import open_runtime
from helpers.networks import answers, checkpoint_of, grey, report_like

# Keras's own model.save under NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("network")
    return replace(checkpoint_of(report_like(), folder), mirror=True)


@pytest.fixture(scope="module")
def calibrating():
    images = grey(40)
    return CalibrationSet(images, {"source": "made faces", "count": 40, "faces": face_hashes(images)})


def converted(checkpoint, variant, calibrating, **options):
    calibration = calibrating if variant.integer else None
    return convert(checkpoint, variant, calibration=calibration, **options)


def run(content, images):
    with open_runtime(content) as opened:
        return opened.run(images)


def test_keras_answers_with_the_mean_of_both_sides(checkpoint):
    alone, images = replace(checkpoint, mirror=False), grey(5, seed=1)
    flipped = np.ascontiguousarray(images[:, :, ::-1])
    expected = (alone.predict(images) + alone.predict(flipped)) / 2
    assert np.abs(expected - alone.predict(images)).max() > 0.01
    assert checkpoint.predict(images) == pytest.approx(expected, abs=1e-6)
    assert checkpoint.predict(flipped) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("input_kind", ["gray", "rgb"])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_graph_gives_the_same_mean_for_any_number_of_faces(tmp_path, input_kind, channels):
    given = replace(checkpoint_of(report_like(channels=channels), tmp_path), mirror=True)
    images = grey(5, seed=2)
    network = exportable(given, input_kind)
    faces = images.repeat(tensors.channels(input_kind), axis=-1).astype("float32")
    assert answers(network, faces) == pytest.approx(given.predict(images), abs=1e-5)
    assert network.count_params() == exportable(replace(given, mirror=False), input_kind).count_params()


@pytest.mark.slow
@pytest.mark.parametrize("variant", variants.compared(), ids=lambda variant: f"{variant.precision}-{variant.format}")
def test_every_precision_answers_like_keras_on_both_sides(checkpoint, calibrating, variant):
    content, images = converted(checkpoint, variant, calibrating), grey(20, seed=3)
    tolerance = {"none": 1e-5, "fp16": 0.01}.get(variant.precision, 0.12)
    given = run(content, images)
    assert np.abs(given - checkpoint.predict(images)).max() < tolerance
    flipped = run(content, np.ascontiguousarray(images[:, :, ::-1]))
    assert given == pytest.approx(flipped, abs=1e-5)
    assert modelfile.read(content).contract["mirror"] is True


@pytest.mark.parametrize("file_format", ["tflite", "onnx"])
def test_int8_computes_in_integers_only_at_twice_the_cost(checkpoint, calibrating, file_format):
    variant = variants.find(file_format, "int8")
    both = converted(checkpoint, variant, calibrating)
    one = converted(replace(checkpoint, mirror=False), variant, calibrating)
    assert modelfile.inspect(both).macs == pytest.approx(2 * modelfile.inspect(one).macs, rel=0.01)
    assert len(both) < len(one) + 6000, "one copy of the weights"
    assert "mirror" not in modelfile.read(one).contract
    if file_format == "tflite":
        assert not flatbuffer.float_ops(flatbuffer.inspect(both))


def test_onnx_averages_in_float_and_needs_no_newer_opset(checkpoint, calibrating):
    import onnx as onnx_package

    model = onnx_package.load_from_string(converted(checkpoint, variants.find("onnx", "int8"), calibrating))
    [mean] = [node for node in model.graph.node if node.op_type == "ReduceMean"]
    quantised = {name for node in model.graph.node if node.op_type == "DequantizeLinear" for name in node.output}
    assert not quantised.intersection(mean.input)
    assert not onnxfile.float_ops(model)
    assert [entry.version for entry in model.opset_import] == [onnx.OPSET]


@pytest.mark.slow
@pytest.mark.parametrize("file_format", ["tflite", "onnx"])
def test_a_file_is_held_against_what_its_contract_says(checkpoint, tmp_path, monkeypatch, file_format):
    images = grey(30, seed=4)
    faces = ParityFaces(images, None, "made faces", ())
    monkeypatch.setattr(judge, "without_data", lambda network, on_step: faces)
    alone, variant = replace(checkpoint, mirror=False), variants.find(file_format, "none")
    paths = []
    for network in (checkpoint, alone):
        paths.append(tmp_path / variant.file_name("tiny", "gray", network.mirror))
        paths[-1].write_bytes(converted(network, variant, None))
    assert [path.stem for path in paths] == ["tiny-fp32-mirror", "tiny-fp32"]
    assert all(judged.parity.passed for _, judged in judge.judge_files(paths, alone).files)
    wrong = Judge.of(alone, faces).judge(paths[0].read_bytes(), variant.gate)
    assert not wrong.parity.passed


@pytest.mark.slow
@pytest.mark.parametrize("file_format", ["tflite", "onnx"])
def test_blame_finds_the_layers_of_a_mirrored_file(checkpoint, calibrating, file_format):
    content = converted(checkpoint, variants.find(file_format, "int8"), calibrating)
    found = blame.measure(content, replace(checkpoint, mirror=False), calibrating, calibrating)
    assert found.mean_difference < 0.1
    convolutions = {layer.name for layer in checkpoint.network.layers if isinstance(layer, layers.Conv2D)}
    assert convolutions <= {name for error in found.layers for name in (error.layer, *error.fused)}
    again = blame.converter_of(content, replace(checkpoint, mirror=False))
    assert again.convert(variants.find(file_format, "int8"), calibrating) == content


@pytest.mark.slow
def test_command_writes_names_and_tells_the_cost(checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(objects, "checkpoint_of", lambda options: replace(checkpoint, mirror=False))
    images = grey(30, seed=5)
    faces = ParityFaces(images, None, "made faces", tuple(face_hashes(images)))
    monkeypatch.setattr(judging, "without_data", lambda network, on_step: faces)
    printed = io.StringIO()
    with redirect_stdout(printed):
        assert main(["tflite", "--quantize", "none", "--mirror", "--output", str(tmp_path)]) == 0
    assert "about twice the multiply-adds" in printed.getvalue()
    path = tmp_path / "tiny-fp32-mirror.tflite"
    with redirect_stdout(printed):
        assert main(["inspect", str(path)]) == 0
    assert "input gray, mean over the face and its mirror image" in printed.getvalue()
    with redirect_stdout(io.StringIO()) as document:
        main(["onnx", "--quantize", "none", "--mirror", "--output", str(tmp_path), "--json"])
    assert json.loads(document.getvalue())["checkpoint"]["mirror"] is True


@pytest.mark.parametrize("file_format", ["tflite", "onnx"])
def test_whole_frames_are_averaged_too(checkpoint, file_format):
    variant = variants.find(file_format, "none")
    content = converted(checkpoint, variant, None, input_kind="frame")
    faces = ParityFaces(grey(10, seed=6), None, "made faces", ())
    assert Judge.of(checkpoint, faces).judge(content, variant.gate).parity.passed
