"""The main job, RGB files and what the data set holds, on real FER2013. FER2013_CSV names the file."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from fer_export import runtimes
from fer_export.dataset import duplicates
from fer_export.exporting import Options
from fer_export.exporting import export as exporting

pytestmark = pytest.mark.real


def test_the_command_judges_on_real_faces(fer2013, tmp_path):
    command = ["tflite", "--quantize", "int8", "--data", str(fer2013), "--output", str(tmp_path), "--json"]
    result = subprocess.run(["fer-export", *command], capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["files"][0]["parity"]["faces"] == 3589


def test_rgb_file_opens_in_mediapipe(shipped, few, tmp_path):
    python = os.environ.get("MEDIAPIPE_PYTHON")
    if not python:
        pytest.skip("MEDIAPIPE_PYTHON names no interpreter with mediapipe")
    faces = few.split("PublicTest").sample(64, 1).pixels
    labels = np.array(shipped.labels)
    for precision in ("none", "int8"):
        options = Options(input_kind="rgb")
        result = exporting.export(shipped, "tflite", [precision], tmp_path, data=few, options=options)
        path = result.files[0].path
        # Top-1 as the file itself gives it in LiteRT, and Keras's where the two agree: 98 % of the faces.
        images = np.repeat(faces, 3, axis=-1)
        given = runtimes.LiteRt(path).run(images).argmax(axis=1)
        same = given == shipped.predict(faces).argmax(axis=1)
        assert same.mean() >= 0.95
        np.savez(tmp_path / "cases.npz", images=images[same], top1=labels[given[same]], labels=labels)
        script = Path(__file__).parents[1] / "helpers" / "mediapipe_check.py"
        command = [python, str(script), str(path), str(tmp_path / "cases.npz")]
        checked = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_duplicates_are_counted(data):
    found = duplicates.find_duplicates(data)
    assert found.exact["PublicTest"] == 279
    assert found.near["PublicTest"] > 250
