"""Networks for microcontrollers: the C array, what is written beside it, and the program that replays golden faces.

No package ships tflite-micro's sources, so the program is compiled against headers of ours with the published names
(helpers/tflite_micro_stub). What computes behind them is tflite-micro's own interpreter where
FER_EXPORT_TFLITE_MICRO names a Python that has it, in exactly the arena that the header gives; LiteRT elsewhere.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

import fer_export as fer
from fer_export.cli import main
from fer_export.contract import KernelGate
from fer_export.convert.microcontroller_project import companions, resolver_ops
from fer_export.errors import ExportFileError, UsageError
from fer_export.model_file import inspect as modelfile
from fer_export.model_file import microcontroller
from fer_export.parity.kernels import compare_kernels
from fer_export.runtimes import LiteRt, op_by_op, open_runtime
from helpers import tflite_micro_stand_in, tiny_tflite

VARIABLE = "FER_EXPORT_TFLITE_MICRO"
HELPERS = Path(__file__).parents[1] / "helpers"
SYMBOL = "fer_tiny_int8"

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
needs_tflite_micro = pytest.mark.skipif(not os.environ.get(VARIABLE), reason=f"{VARIABLE} names no interpreter")


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """An interpreter with tflite-micro, or a stand-in."""
    return Path(os.environ.get(VARIABLE) or tflite_micro_stand_in.interpreter(tmp_path_factory.mktemp("python")))


@pytest.fixture(scope="module")
def network():
    """The shipped network that the command exports by default; its probe faces are shipped too."""
    return fer.load("nano-7")


@pytest.fixture(scope="module")
def exported(network, python, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(python))
        return fer.export(network, "microcontroller", "int8", tmp_path_factory.mktemp("out"))


@pytest.fixture
def project(exported, tmp_path):
    """A copy of the folder, to change."""
    return Path(shutil.copytree(exported.path.parent, tmp_path / "project"))


@pytest.fixture
def array() -> bytes:
    """A small C array."""
    model, said = tiny_tflite.converted("int8"), tiny_tflite.contract("int8")
    return microcontroller.source(model, SYMBOL, said, None)


def test_the_array_holds_a_network_that_answers_as_the_kernels_of_litert(exported):
    [file] = exported.files
    assert exported.passed, str(exported)
    assert file.kernels.runtime.startswith("litert ")
    assert file.kernels.agreement.value >= 0.985
    model = microcontroller.model_of(exported.path.read_bytes())
    # Without metadata, of which every byte would take flash.
    assert b"TFLITE_METADATA" not in model
    assert LiteRt(model).input_shape == (1, 48, 48, 1)
    assert exported.path.read_text().count("alignas(16) const unsigned char fer_nano_7_int8[") == 1


def test_what_is_written_beside_it(exported):
    folder = exported.path.parent
    assert {path.name for path in folder.iterdir()} == {
        "nano-7-int8.cc",
        "nano-7-int8.cc.calibration.json",
        "nano-7-int8.h",
        "nano-7-int8-golden.h",
        "nano-7-int8-labels.txt",
        "nano-7-int8-main.cc",
    }
    assert (folder / "nano-7-int8-labels.txt").read_text().split() == list(exported.checkpoint.labels)
    said = json.loads(json.dumps(exported.to_dict()))["files"][0]["companions"]
    assert said["flash_bytes"] == len(microcontroller.model_of(exported.path.read_bytes()))
    assert said["macs"] == exported.files[0].graph.macs > 0
    assert said["arena_bytes"] % 16 == 0
    assert 1 <= said["golden_faces"] <= 4
    lines = len((folder / "nano-7-int8-main.cc").read_text().splitlines())
    assert 50 <= lines <= 70
    text = str(exported)
    assert f"MicroMutableOpResolver<{len(said['ops'])}>: {', '.join(said['ops'])}" in text
    assert "multiply-adds a face" in text
    assert "PASSED  nano-7-int8.cc on the kernels of litert" in text


def test_the_same_files_are_written_again(exported, network, python, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(python))
    folder = exported.path.parent
    made = companions(exported.path.read_bytes(), "nano-7-int8", network)
    assert made.files == {name: (folder / name).read_bytes() for name in made.files}
    assert made.facts == exported.files[0].companions.facts


def built(folder: Path, *flags: str) -> Path:
    """The program of a folder, compiled with every warning as an error."""
    program = folder / "program"
    sources = [str(folder / "nano-7-int8.cc"), str(folder / "nano-7-int8-main.cc")]
    include = ["-I", str(HELPERS / "tflite_micro_stub"), "-I", str(folder)]
    strict = ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-O0"]
    subprocess.run(["g++", *strict, *flags, *include, *sources, "-o", str(program)], check=True)
    return program


def replayed(folder: Path, python: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """What the compiled program prints, with the interpreter behind the headers of ours."""
    model = microcontroller.model_of((folder / "nano-7-int8.cc").read_bytes())
    interpreter = Interpreter(model_content=model)
    ops = {op["op_name"] for op in interpreter._get_ops_details()} - {"DELEGATE"}
    settings = {
        "STUB_MODEL_BYTES": str(len(model)),
        "STUB_INPUT_BYTES": "2304",
        "STUB_OPS": ",".join(sorted(ops)),
        "STUB_RUN": f"{python} {HELPERS / 'tflite_micro_run.py'}",
    }
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | settings
    return subprocess.run(
        [built(folder, *flags)], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@needs_compiler
@pytest.mark.parametrize("release", ["-DSTUB_2026", "-DSTUB_2025"])
def test_the_program_replays_the_golden_faces(release, project, python):
    found = replayed(project, python, release)
    assert found.stdout.splitlines()[-1] == "OK", found
    assert found.returncode == 0


@needs_compiler
def test_the_program_says_what_is_wrong(project, python):
    golden = project / "nano-7-int8-golden.h"
    before = golden.read_text()
    # Another expected answer for the first face.
    row = re.search(r"kAnswers\[kFaces\]\[kLabels\] = \{\n    \{ ([^}]*) \}", before)
    values = row[1].split(", ")
    golden.write_text(before.replace(row[1], ", ".join(values[1:] + values[:1])))
    found = replayed(project, python)
    assert (found.returncode, "differs" in found.stdout) == (1, True)
    assert found.stdout.splitlines()[-1].startswith("FAILED: 1 of ")
    golden.write_text(before)
    # An arena that is too small by one step.
    header = project / "nano-7-int8.h"
    text = header.read_text()
    arena = int(re.search(r"kArenaBytes = (\d+);", text)[1])
    header.write_text(text.replace(f"kArenaBytes = {arena};", f"kArenaBytes = {arena - 16};"))
    said = replayed(project, python).stdout.splitlines()[-1]
    assert said == f"FAILED: the arena of {arena - 16} bytes is too small"
    # An op that nobody registers.
    header.write_text(re.sub(r"ops\.AddSoftmax\(\) == kTfLiteOk &&|&&\s+ops\.AddSoftmax\(\) == kTfLiteOk", "", text))
    assert replayed(project, python).returncode == 1


@needs_tflite_micro
def test_flash_and_arena_of_the_default_network(exported):
    said = exported.files[0].companions.facts
    assert said["flash_bytes"] < 150_000
    assert 50_000 < said["arena_bytes"] < 90_000
    assert 16e6 < said["macs"] < 18e6


@needs_tflite_micro
def test_tflite_micro_refuses_float_files():
    content = microcontroller.source(tiny_tflite.converted("none"), SYMBOL, tiny_tflite.contract("none"), None)
    with open_runtime(content) as runtime, pytest.raises(ExportFileError, match="Input type UINT8 .* not supported"):
        runtime.run(tiny_tflite.images())


def test_labels_of_any_letters_stay_inside_their_string_and_comment(array):
    assert microcontroller.read(array).labels == tiny_tflite.LABELS
    assert b"*/" not in array
    assert all(byte < 128 for byte in array)


def test_kernels_that_answer_otherwise_fail_their_gate():
    given = np.eye(4, dtype=np.float32).repeat(10, axis=0)
    gate = KernelGate(0.985, 16 / 256)
    assert compare_kernels(given, given, gate, "litert").passed
    one_flip = given.copy()
    one_flip[0] = one_flip[0, ::-1]
    assert not compare_kernels(given, one_flip, gate, "litert").passed
    assert not compare_kernels(given, given * np.float32(0.9), gate, "litert").passed
    assert not compare_kernels(given, given * np.float32("nan"), gate, "litert").passed


def test_parity_of_a_written_file_judges_its_kernels_too(exported, network, tmp_path, monkeypatch):
    wrong = tflite_micro_stand_in.interpreter(tmp_path, answer="[:, ::-1]")
    monkeypatch.setenv(VARIABLE, str(wrong))
    judged = fer.judge([exported.path], network)
    [(_, found)] = judged.files
    assert not judged.passed
    assert not found.kernels.passed
    assert f"FAILED  {exported.path} on the kernels of litert" in str(judged)


def test_ops_are_registered_by_the_resolvers_own_names():
    class Op:
        def __init__(self, name: str) -> None:
            self.name = name

    class Graph:
        ops = [Op(name) for name in ("CONV_2D", "RELU6", "SPACE_TO_BATCH_ND", "PADV2", "CONV_2D", "L2_POOL_2D")]

    expected = ["AddConv2D", "AddL2Pool2D", "AddPadV2", "AddRelu6", "AddSpaceToBatchNd"]
    assert resolver_ops(Graph()) == expected


def test_without_tflite_micro_nothing_is_converted(network, tmp_path, monkeypatch):
    monkeypatch.setattr("fer_export.convert.tflite.Converter.bare", lambda *_: pytest.fail("converted"))
    for python, finding in (
        ("/bin/false", "does not answer as a Python"),
        (str(tmp_path / "none"), "is not a program that can be started"),
    ):
        monkeypatch.setenv(VARIABLE, python)
        with pytest.raises(UsageError, match=f"{finding}.*pip install tflite-micro.*{VARIABLE}=") as raised:
            fer.export(network, "microcontroller", "int8", tmp_path / "out")
        assert "\n" not in str(raised.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("invoke", "said"),
    [
        ("while True: pass", "more computing than such a file may"),
        ("bytearray(1 << 34)", "cannot run the file"),
        ('os.write(2, b"what():  std::bad_alloc"); os.abort()', "more memory than such a file may"),
        ('os.write(2, b"scale <= 0"); os.abort()', r"its library gave up.*scale <= 0\)"),
        ("os.abort()", "gave up, for lack of memory or for what it found in the file"),
        ("os._exit(0)", "its process ended"),
    ],
)
def test_a_file_of_others_has_bounds(invoke, said, array, tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tflite_micro_stand_in.interpreter(tmp_path, invoke)))
    with open_runtime(array) as runtime:
        assert runtime.version == "0.dev1"
        with pytest.raises(ExportFileError, match=said):
            runtime.run(tiny_tflite.images())


def test_arena_is_the_smallest_that_does(array, tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tflite_micro_stand_in.interpreter(tmp_path)))
    with open_runtime(array) as runtime:
        assert runtime.arena_bytes == tflite_micro_stand_in.ARENA
        np.testing.assert_array_equal(
            runtime.run(tiny_tflite.images()), LiteRt(tiny_tflite.converted("int8")).run(tiny_tflite.images())
        )
        assert runtime.run(tiny_tflite.images()[:0]).shape == (0, 4)


def test_a_damaged_array_is_refused_in_one_line(array):
    assert modelfile.format_of(array) == "microcontroller"
    assert modelfile.inspect(array).format == "microcontroller"
    middle = array.index(b"= {") + 30
    inspected = array[:-40], array[:middle], array.replace(b"alignas(16)", b"alignas(8)")
    inspected += array[:middle] + b"0xzz" + array[middle + 4 :], array[:middle] + array[middle + 6 :]
    read = array.replace(b'// contract {"', b'// contract [{"'), array.replace(b"// contract ", b"// contrast ")
    for reader, damaged in (
        *((modelfile.inspect, each) for each in inspected),
        *((modelfile.read, each) for each in read),
    ):
        with pytest.raises(ExportFileError) as raised:
            reader(damaged)
        assert "\n" not in str(raised.value)


def test_it_cannot_be_run_op_by_op(array):
    with pytest.raises(ExportFileError, match="a C array cannot be run op by op; blame a TFLite or ONNX file"):
        op_by_op.open_activations(array)


def test_the_command_refuses_in_one_line(array, tmp_path, capsys):
    (tmp_path / "own.cc").write_text("int main() {}\n")
    (tmp_path / "tiny-int8.cc").write_bytes(array)
    for words, said in (
        (["microcontroller", "--quantize", "none"], "choose one of int8"),
        (["microcontroller", "--input", "frame"], "frame"),
        (["inspect", str(tmp_path / "own.cc")], "own.cc"),
        (["bench", str(tmp_path / "tiny-int8.cc")], "is not timed: its kernels on this processor"),
    ):
        assert main(words) == 2
        [line] = capsys.readouterr().err.splitlines()
        assert said in line
