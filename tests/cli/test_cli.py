"""The command as a user runs it: a process of its own, exit codes, one clear line for bad input, nothing touched."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import zipfile

import keras
import numpy as np
import pytest

from fer_export.calibration import probe_faces
from fer_export.checkpoint import checkpoint
from fer_export.cli import main
from fer_export.cli.commands import commands
from fer_export.errors import UsageError
from fer_export.exporting import blame
from fer_export.exporting import export as exporting

COMMAND = [sys.executable, "-m", "fer_export"]


def run(*arguments, **options):
    return subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=300, **options)


@pytest.fixture
def here(capfd, monkeypatch):
    """`run` in this process, which has Keras already: for what a process of its own would not show better."""

    def run_here(*arguments, cwd=None):
        if cwd is not None:
            monkeypatch.chdir(cwd)
        capfd.readouterr()
        code = main([*map(str, arguments)])
        return subprocess.CompletedProcess(arguments, code, *capfd.readouterr())

    return run_here


def refused(result, *words):
    """Exit code 2, nothing on stdout, one line on stderr that holds the words."""
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("fer-export: ")
    for word in words:
        assert word in lines[0]


def test_help_is_quick_and_names_every_command():
    run("--help")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = run("--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Seconds of a core, as a busy machine takes longer; this catches a heavy import, benchmarks/speed has the figure.
    assert after.ru_utime - before.ru_utime < 1.0
    for command in commands():
        assert command in result.stdout
        assert run(command, "--help").returncode == 0


@pytest.mark.slow
def test_main_job_prints_the_result_and_no_noise(tmp_path, tiny_csv):
    result = run("tflite", "--quantize", "int8", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    for words in ("compact-7", "probe faces", "compute op", "is int8", "PASSED", "next:", "fer-export parity"):
        assert words in result.stdout
    assert "oneDNN" not in result.stdout
    assert sorted(os.listdir(tmp_path / "exports")) == [
        "compact-7-int8.tflite",
        "compact-7-int8.tflite.calibration.json",
    ]
    path = tmp_path / "exports" / "compact-7-int8.tflite"
    inspected = json.loads(run("inspect", path, "--json").stdout)
    assert inspected["metadata"]["labels"] == ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
    judged = run("parity", path, "--json")
    assert judged.returncode == 0
    assert json.loads(judged.stdout)["files"][0]["passed"] is True
    strict = run("parity", path, "--data", tiny_csv, "--max-drop", "-200")
    assert strict.returncode == 1, strict.stderr
    assert "FAILED" in strict.stdout
    refused(run("parity", path, "--model", "report-512-6"), "labels", "--model")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("unshare") is None or os.geteuid() != 0, reason="unshare -n needs root on Linux")
def test_main_job_needs_no_network(tmp_path):
    command = ["unshare", "-n", *COMMAND, "tflite", "--output", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr


@pytest.fixture(scope="module")
def bad(tmp_path_factory):
    """A folder of files that cannot be networks."""
    folder = tmp_path_factory.mktemp("bad")
    (folder / "folder").mkdir()
    (folder / "empty.keras").write_bytes(b"")
    (folder / "text.h5").write_text("<html>not found</html>")
    (folder / "text.keras").write_text("not a zip")
    (folder / "text.onnx").write_text("not a model at all")
    with zipfile.ZipFile(folder / "foreign.keras", "w") as archive:
        archive.writestr("readme.txt", "not keras")
    from fer_export.checkpoint import shipped

    whole = (shipped.shipped_folder() / "compact-7" / "model.keras").read_bytes()
    (folder / "truncated.keras").write_bytes(whole[: len(whole) // 2])
    return folder


BAD_MODELS = {
    "missing.keras": "missing.keras",
    "report-512-8": "report-512-7",
    "folder": "folder",
    "empty.keras": "empty",
    "text.h5": "text.h5",
    "text.keras": "text.keras",
    "foreign.keras": "foreign.keras",
    "truncated.keras": "truncated.keras",
}


@pytest.mark.parametrize("name", BAD_MODELS)
def test_bad_networks_are_refused_in_one_line(here, bad, tmp_path, name):
    model = name if name == "report-512-8" else bad / name
    refused(here("tflite", "--model", model, "--output", tmp_path / "out"), BAD_MODELS[name])
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_no_library_adds_a_line_to_a_refusal(bad, odd_networks, tmp_path):
    refused(run("tflite", "--model", bad / "truncated.keras", "--output", tmp_path / "out"), "truncated.keras")
    refused(run("tflite", "--model", odd_networks / "two.keras", "--output", tmp_path / "out"))
    refused(run("bench", bad / "text.onnx"), "is not a TFLite")
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def odd_networks(tmp_path_factory):
    """Networks of a shape that is no face classifier, and a good one with 5 outputs."""
    import keras
    from keras import layers

    folder = tmp_path_factory.mktemp("odd")

    def classifier(shape, classes=7):
        inputs = keras.Input(shape)
        return keras.Model(inputs, layers.Dense(classes, activation="softmax")(layers.Flatten()(inputs)))

    classifier((48, 32, 1)).save(folder / "oblong.keras")
    classifier((48, 48, 2)).save(folder / "channels.keras")
    classifier((2000,)).save(folder / "flat.keras")
    classifier((8, 8, 1), 5).save(folder / "five.keras")
    first, second = keras.Input((8, 8, 1)), keras.Input((8, 8, 1))
    both = layers.Flatten()(layers.Concatenate()([first, second]))
    keras.Model([first, second], layers.Dense(7, activation="softmax")(both)).save(folder / "two.keras")
    return folder


@pytest.mark.parametrize("name", ["oblong", "channels", "flat", "two"])
def test_networks_of_another_shape_are_refused(here, odd_networks, tmp_path, name):
    refused(here("tflite", "--model", odd_networks / f"{name}.keras", "--output", tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_labels_are_never_guessed(here, odd_networks, tmp_path):
    five = ("tflite", "--model", odd_networks / "five.keras", "--quantize", "none", "--output", tmp_path / "out")
    refused(here(*five), "--labels")
    refused(here(*five, "--labels", "a,b,c"), "3", "5")
    assert here(*five, "--labels", "a,b,c,d,e").returncode == 0


BAD_ROWS = {
    "2303 pixels": (f"0,{' '.join(['1'] * 2303)},Training", "2303"),
    "256 as a pixel": (f"0,{' '.join(['1'] * 2303)} 256,Training", "256"),
    "label 7": (f"7,{' '.join(['1'] * 2304)},Training", "7"),
    "unknown split": (f"0,{' '.join(['1'] * 2304)},Holdout", "Holdout"),
    "a column too many": (f"0,{' '.join(['1'] * 2304)},Training,x", "row 2"),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_bad_rows_are_named(tmp_path, name):
    row, word = BAD_ROWS[name]
    good = f"0,{' '.join(['1'] * 2304)},Training"
    path = tmp_path / "fer.csv"
    path.write_text(f"emotion,pixels,Usage\n{good}\n{row}\n")
    refused(run("tflite", "--data", path, "--output", tmp_path / "out"), "row 2", "line 3", word)
    assert not (tmp_path / "out").exists()


def test_files_that_are_no_data_set_are_refused(tmp_path):
    header, binary = tmp_path / "header.csv", tmp_path / "binary.csv"
    header.write_text("label,image\n0,1\n")
    binary.write_bytes(bytes(np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8)))
    for path in (header, binary, tmp_path / "missing.csv", tmp_path):
        refused(run("data", path), path.name)


def test_unknown_precisions_get_the_nearest_word(tmp_path):
    for word, meant in (
        ("int6", "int8"),
        ("INT8", "int8"),
        ("fp32", "none"),
        ("float16", "fp16"),
        ("dynmic", "dynamic"),
    ):
        refused(run("tflite", "--quantize", word, cwd=tmp_path), word, f"'{meant}'")
    assert os.listdir(tmp_path) == []


def test_places_that_cannot_be_written_are_refused(here, tmp_path):
    (tmp_path / "file").write_text("in the way")
    refused(here("tflite", "--output", tmp_path / "file"), "--output")
    refused(here("tflite", "--output", "/proc/fer-export"), "/proc/fer-export")


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="mounting a small disk needs root on Linux")
def test_a_full_disk_leaves_no_half_file(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], check=True)
    try:
        refused(run("tflite", "--output", disk), "disk is full")
        assert [path for path in disk.rglob("*") if path.suffix in (".tflite", ".partial")] == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [1.0, 2.5, 4.5, 6.0])
def test_ctrl_c_leaves_nothing_half_written(tmp_path, seconds):
    process = subprocess.Popen(
        # What runs in the background of a shell, as these tests may, is deaf to Ctrl-C.
        ["env", "--default-signal=INT", *COMMAND, "tflite", "--output", str(tmp_path / "out")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert "Traceback" not in said
    left = sorted(os.listdir(tmp_path / "out")) if (tmp_path / "out").exists() else []
    assert [name for name in left if name.endswith(".partial")] == []
    if process.returncode != 0:
        assert process.returncode in (130, -signal.SIGINT)


def test_a_backend_that_cannot_convert_is_refused(tmp_path, monkeypatch):
    for name in ("jax", "nothing"):
        refused(run("tflite", cwd=tmp_path, env={**os.environ, "KERAS_BACKEND": name}), name, "unset")
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    network = checkpoint.load("nano-7")
    for convert in (
        lambda: exporting.export(network, "tflite", ["none"], tmp_path),
        lambda: probe_faces.make(network),
        lambda: blame.blame(tmp_path / "any.tflite", network),
    ):
        with pytest.raises(UsageError, match="not on jax; unset KERAS_BACKEND"):
            convert()


def test_usage_errors_are_one_line():
    refused(run("tflit"), "tflite")
    refused(run("tflite", "--min-agreement", "98"), "share")
    refused(run("parity"), "FILE")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("onnx", "--quantize", "int16x8"), ("int16x8", "choose one of none, fp16, dynamic, int8")),
        (("onnx", "--io", "int8"), ("--io int8", "--io float32")),
        (("bench", "nothere.tflite"), ("nothere.tflite", "cannot read")),
        (("bench", "cut.onnx"), ("cut.onnx", "cut off")),
        (("bench", "cut.onnx", "--threads", "0"), ("--threads", "above 0")),
        (("bench", "cut.onnx", "--runtime", "onxruntime"), ("did you mean 'onnxruntime'",)),
        (("inspect", "cut.onnx"), ("cut.onnx", "cut off")),
        (("inspect", "text.onnx"), ("is not a TFLite, ONNX, tflite-micro or Core ML model", "ONNX")),
        (("blame", "text.onnx"), ("is not a TFLite, ONNX, tflite-micro or Core ML model",)),
        (("parity", "cut.onnx"), ("cut.onnx", "cut off")),
        (("all", "--output", "text.onnx"), ("a file is in the way",)),
        (("all", "--io", "int8"), ("--io", "float32")),
        (("all", "--max-drop", "inf"), ("--max-drop", "'inf'", "points")),
        (("probe", "--output", "text.onnx"), ("a file is in the way",)),
    ],
)
def test_bad_input_of_the_later_commands_is_one_line(here, tmp_path, arguments, words):
    (tmp_path / "cut.onnx").write_bytes(b"\x08\x07\x12\x05damag")
    (tmp_path / "text.onnx").write_text("not a model at all")
    refused(here(*arguments, cwd=tmp_path), *words)
