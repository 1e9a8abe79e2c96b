"""The figures that are promised, on real FER2013. FER2013_CSV names the file."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from fer_export import checkpoint, duplicates, exporting, files, metadata, readers, runtimes

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def data(fer2013):
    return readers.read(fer2013)


@pytest.fixture(scope="module")
def shipped():
    return checkpoint.load("report-512-7")


@pytest.fixture(scope="module")
def exported(shipped, data, tmp_path_factory):
    precisions = ["none", "fp16", "dynamic", "int8", "int16x8"]
    return exporting.export(shipped, "tflite", precisions, tmp_path_factory.mktemp("real"), data=data)


@pytest.mark.parametrize(
    ("position", "agreement", "drop"),
    [(0, 0.995, 0.5), (1, 0.995, 0.5), (2, 0.98, 0.5), (3, 0.98, 0.5), (4, 0.995, 0.5)],
)
def test_precisions_keep_the_network(exported, position, agreement, drop):
    judged = exported.files[position].parity
    assert judged.faces == 3589
    assert judged.agreement.value >= agreement
    assert judged.drop <= drop


def test_probe_faces_calibrate_as_well_as_real_ones(exported, shipped, data, tmp_path):
    probed = exporting.export(shipped, "tflite", ["int8"], tmp_path)
    [(_, judged)] = exporting.judge_files([probed.files[0].path], shipped, data=data)
    real = exported.files[3].parity
    assert abs(judged.file_accuracy.value - real.file_accuracy.value) <= 0.005


def test_two_runs_give_the_same_bytes(exported, shipped, data, tmp_path):
    again = exporting.export(shipped, "tflite", ["int8"], tmp_path, data=data)
    assert again.files[0].sha256 == exported.files[3].sha256


def test_training_faces_of_the_test_split_never_calibrate(exported, data):
    content = exported.files[3].path.read_bytes()
    calibrating = set(metadata.read(content).calibration["faces"])
    public = {files.sha256(face.tobytes())[:16] for face in data.split("PublicTest").pixels}
    assert len(calibrating) > 250
    assert not calibrating & public


def test_duplicates_are_counted(data):
    found = duplicates.find_duplicates(data)
    assert found.exact["PublicTest"] == 279
    assert found.near["PublicTest"] > 250


def test_rgb_file_opens_in_mediapipe(shipped, data, tmp_path):
    python = os.environ.get("MEDIAPIPE_PYTHON")
    if not python:
        pytest.skip("MEDIAPIPE_PYTHON names no interpreter with mediapipe")
    faces = data.split("PublicTest").sample(64, 1).pixels
    labels = np.array(shipped.labels)
    for precision in ("none", "int8"):
        options = exporting.Options(input_kind="rgb")
        result = exporting.export(shipped, "tflite", [precision], tmp_path, data=data, options=options)
        path = result.files[0].path
        # Top-1 as the file itself gives it in LiteRT, and Keras's where the two agree: 98 % of the faces.
        images = np.repeat(faces, 3, axis=-1)
        given = runtimes.LiteRt(path).run(images).argmax(axis=1)
        same = given == shipped.predict(faces).argmax(axis=1)
        assert same.mean() >= 0.95
        np.savez(tmp_path / "cases.npz", images=images[same], top1=labels[given[same]], labels=labels)
        script = Path(__file__).with_name("mediapipe_check.py")
        command = [python, str(script), str(path), str(tmp_path / "cases.npz")]
        checked = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_dynamic_file_runs_in_the_oldest_runtime(exported, shipped, data):
    python = os.environ.get("TFLITE_RUNTIME_PYTHON")
    if not python:
        pytest.skip("TFLITE_RUNTIME_PYTHON names no interpreter with tflite-runtime")
    faces = data.split("PublicTest").sample(300, 1).pixels
    for position in (2, 3):
        with runtimes.TfliteRuntime(exported.files[position].path, python=python) as runtime:
            given = runtime.run(faces)
        agreement = (given.argmax(axis=1) == shipped.predict(faces).argmax(axis=1)).mean()
        assert agreement >= 0.97


def test_the_command_judges_on_real_faces(fer2013, tmp_path):
    command = ["tflite", "--quantize", "int8", "--data", str(fer2013), "--output", str(tmp_path), "--json"]
    result = subprocess.run(["fer-export", *command], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["files"][0]["parity"]["faces"] == 3589
