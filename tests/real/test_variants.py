"""The figures that are promised, on real FER2013. FER2013_CSV names the file."""

import importlib.util
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from fer_export import runtimes
from fer_export.checkpoint import checkpoint
from fer_export.exporting import blame
from fer_export.exporting import export as exporting
from fer_export.model_file import inspect as modelfile
from fer_export.parity import judge
from fer_export.system import files

pytestmark = pytest.mark.real

OPENCV_READS = ("fp32", "fp16", "int8")


@pytest.fixture(scope="module")
def everything(fer2013, tmp_path_factory):
    """`fer-export all --data` as a user runs it: its JSON, and the folder it wrote."""
    folder = tmp_path_factory.mktemp("all")
    command = ["fer-export", "all", "--data", str(fer2013), "--output", str(folder), "--json"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout), folder


@pytest.fixture(scope="module")
def files_by_name(everything):
    document, _ = everything
    return {Path(file["path"]).name.removeprefix(f"{checkpoint.DEFAULT_MODEL}-"): file for file in document["files"]}


@pytest.mark.parametrize(
    ("name", "agreement", "difference"),
    [
        ("fp32.tflite", 1.0, 1e-5),
        ("fp16.tflite", 0.995, 0.01),
        ("dynamic.tflite", 0.98, 0.3),
        ("int8.tflite", 0.98, 0.3),
        ("int16x8.tflite", 0.995, 0.1),
        ("fp32.onnx", 1.0, 1e-5),
        ("fp16.onnx", 0.995, 0.01),
        ("dynamic.onnx", 0.98, 0.3),
        ("int8.onnx", 0.98, 0.3),
    ],
)
def test_every_variant_keeps_the_network(files_by_name, name, agreement, difference):
    judged = files_by_name[name]["parity"]
    faces = judged["faces"]
    # An int16x8 file is judged on as many as decide about its gate.
    assert 646 <= faces < 3589 if name == "int16x8.tflite" else faces == 3589
    assert judged["agreement"]["value"] >= agreement
    assert judged["largest_difference"] <= difference
    assert judged["drop"] <= 0.5
    flips = judged["flips"]
    assert flips["total"] == faces - judged["agreement"]["hits"]
    assert flips["right_to_wrong"] - flips["wrong_to_right"] == round(judged["drop"] * faces / 100)
    assert sum(recall["faces"] for recall in judged["recalls"]) == faces


def test_all_says_what_to_ship_and_writes_one_page(everything):
    document, folder = everything
    assert {choice["format"] for choice in document["choices"] if choice["file"]} == {"tflite", "onnx"}
    assert len(document["bench"]["rows"]) == 9
    page = (folder / f"{checkpoint.DEFAULT_MODEL}-report.html").read_text()
    assert page.count("data:image/png") >= 24
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in page


@pytest.fixture(scope="module")
def probed(shipped, data, tmp_path_factory):
    """Format -> parity on real faces of the int8 file that probe faces calibrated."""
    found = {}
    for file_format in ("tflite", "onnx"):
        exported = exporting.export(shipped, file_format, ["int8"], tmp_path_factory.mktemp("probed"))
        [(_, judged)] = judge.judge_files([exported.files[0].path], shipped, data=data).files
        found[file_format] = judged.parity
    return found


@pytest.mark.parametrize("file_format", ["tflite", "onnx"])
def test_probe_faces_calibrate_as_well_as_real_ones(files_by_name, probed, file_format):
    real = files_by_name[f"int8.{file_format}"]["parity"]["file_accuracy"]["value"]
    assert abs(probed[file_format].file_accuracy.value - real) <= 0.005
    assert probed[file_format].drop <= 0.5


@pytest.mark.parametrize("file_format", ["tflite", "onnx"])
def test_probe_faces_keep_the_gates_agreement_on_real_ones(probed, file_format):
    assert probed[file_format].agreement.value >= 0.98


@pytest.mark.parametrize("file_format", ["tflite", "onnx"])
def test_two_runs_give_the_same_bytes(files_by_name, shipped, data, tmp_path, file_format):
    again = exporting.export(shipped, file_format, ["int8"], tmp_path, data=data)
    assert again.files[0].sha256 == files_by_name[f"int8.{file_format}"]["sha256"]


@pytest.mark.parametrize("name", ["int8.tflite", "int8.onnx"])
def test_training_faces_of_the_test_split_never_calibrate(files_by_name, data, name):
    content = Path(files_by_name[name]["path"]).read_bytes()
    calibrating = set(modelfile.read(content).calibration["faces"])
    public = {files.sha256(face.tobytes())[:16] for face in data.split("PublicTest").pixels}
    assert len(calibrating) > 250
    assert not calibrating & public


def test_blame_of_a_file_that_real_faces_calibrated(files_by_name, shipped, data):
    for name in ("int8.tflite", "int8.onnx"):
        result = blame.blame(Path(files_by_name[name]["path"]), shipped, data=data)
        assert result.rebuilt
        assert result.source == "Training faces"
        assert max(layer.effect for layer in result.layers) < 0.02


def test_files_declare_the_runtime_that_computes_them_rightly(files_by_name):
    needs = [
        files_by_name[f"{precision}.tflite"]["graph"]["min_runtime_version"]
        for precision in ("fp32", "fp16", "dynamic", "int8", "int16x8")
    ]
    assert needs == ["1.6.0", "1.15.0", "2.4.0", "2.10.0", "2.10.0"]


@pytest.mark.parametrize("precision", ["fp32", "fp16", "dynamic", "int8", "int16x8"])
def test_files_answer_the_same_in_the_oldest_runtime(files_by_name, data, precision):
    if "FER_EXPORT_TFLITE_RUNTIME" not in os.environ:
        pytest.skip("FER_EXPORT_TFLITE_RUNTIME names no interpreter with tflite-runtime")
    path = Path(files_by_name[f"{precision}.tflite"]["path"])
    # Without fast kernels, int16x8 takes 30 ms a face.
    faces = data.split("PublicTest").sample(100 if precision == "int16x8" else 300, 1).pixels
    with runtimes.open_runtime(path, "tflite-runtime") as old, runtimes.open_runtime(path) as new:
        assert (old.run(faces).argmax(axis=1) == new.run(faces).argmax(axis=1)).mean() >= 0.99


def test_onnx_files_open_in_opencv(files_by_name, shipped, data, tmp_path):
    python = os.environ.get("OPENCV_PYTHON")
    if not python:
        pytest.skip("OPENCV_PYTHON names no interpreter with OpenCV")
    faces = data.split("PublicTest").sample(64, 1).pixels
    paths = [files_by_name[f"{precision}.onnx"]["path"] for precision in OPENCV_READS]
    same = np.ones(len(faces), dtype=bool)
    expected = shipped.predict(faces).argmax(axis=1)
    for path in paths:
        with runtimes.open_runtime(Path(path)) as runtime:
            same &= runtime.run(faces).argmax(axis=1) == expected
    assert same.mean() >= 0.95
    np.savez(tmp_path / "cases.npz", images=faces[same], top1=expected[same])
    script = Path(__file__).parents[1] / "helpers" / "opencv_check.py"
    command = [python, str(script), str(tmp_path / "cases.npz"), *paths]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_faces_shared_by_two_interpreters_get_the_same_answers(files_by_name, data):
    path, faces = Path(files_by_name["int16x8.tflite"]["path"]), data.split("PublicTest").sample(80, 1).pixels
    with runtimes.LiteRt(path, workers=1) as one, runtimes.LiteRt(path, workers=2) as two:
        assert (one.run(faces) == two.run(faces)).all()


@pytest.mark.skipif(importlib.util.find_spec("coremltools") is None, reason="coremltools is not installed")
def test_core_ml_keeps_the_network_on_real_faces(few, tmp_path):
    """In an interpreter of the file; Apple's runtime was not run."""
    network = checkpoint.load("nano-7")
    made = exporting.export(network, "coreml", ["none", "fp16", "int8", "palette6"], tmp_path, data=few)
    assert [file.parity.failures for file in made.files] == [()] * 4
    assert [file.parity.faces for file in made.files] == [718] * 4
    none, fp16, int8, palette6 = (file.parity.agreement.value for file in made.files)
    assert none == 1
    assert fp16 >= 0.995
    assert int8 >= 0.985
    assert palette6 >= 0.97
