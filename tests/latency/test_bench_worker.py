from __future__ import annotations

import ast
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fer_export.errors import ExportFileError, UsageError
from fer_export.latency import matmul
from fer_export.latency import worker as bench_worker
from fer_export.latency.process import Process
from fer_export.model_file import tflite
from helpers import hostile_onnx, tiny_tflite

FIRST_ANSWER = (
    '{"version": "1", "numpy": "2", "python": "3", "import_ns": 1, "load_ns": 1, "first_ns": 1, "imported_bytes": 1}'
)


@pytest.fixture
def int8_file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny-int8.tflite"
    path.write_bytes(tiny_tflite.converted("int8"))
    return path


def script(folder: Path, text: str) -> Path:
    """A program that stands in for an interpreter."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_fresh_process_loads_times_and_tells(int8_file: Path) -> None:
    # What this process holds must not count as the child's: Linux hands its peak down.
    ballast = np.ones(40_000_000)
    with Process("litert", int8_file, 1) as process:
        assert process.version[0].isdigit()
        assert process.import_s > 0
        assert process.load_ms > 0
        assert process.first_ms > 0
        timed = process.time(5)
        assert len(timed.ns) == 5
        assert all(ns > 0 for ns in timed.ns)
        assert 0 <= timed.off_cpu <= 1
        peak = process.peak_mb()
        assert 10 < process.imported_mb <= peak < 200 < ballast.nbytes / 1e6
        kernels = process.kernels()
    ops = tflite.inspect(int8_file.read_bytes()).op_counts
    assert (kernels.delegate, kernels.library) == ("XNNPACK", "built-in kernels")
    assert kernels.total == sum(ops.values())
    # XNNPACK takes the convolutions and dense layers of an int8 file.
    assert not {"CONV_2D", "FULLY_CONNECTED"} & set(kernels.ops)
    assert kernels.delegated >= ops["CONV_2D"] + ops["FULLY_CONNECTED"]


def test_delegated_ops_are_those_between_the_ends_of_a_delegate() -> None:
    def op(index: int, name: str, inputs: list[int], outputs: list[int]) -> dict[str, object]:
        return {"index": index, "op_name": name, "inputs": inputs, "outputs": outputs}

    class Interpreter:
        def _get_ops_details(self) -> list[dict[str, object]]:
            return [
                op(0, "QUANTIZE", [0], [1]),
                op(1, "CONV_2D", [1, 8, -1], [2]),
                op(2, "RELU", [2], [3]),
                op(3, "SOFTMAX", [3], [4]),
                op(4, "CONV_2D", [4, 9], [5]),
                op(5, "DELEGATE", [1, 8], [3]),
                op(6, "DELEGATE", [4, 9], [5]),
            ]

    file = bench_worker.Tflite.__new__(bench_worker.Tflite)
    file.interpreter = Interpreter()
    assert file.kernels() == {"library": "built-in kernels", "ops": {"QUANTIZE": 1, "SOFTMAX": 1}, "delegated": 3}


def test_onnxruntime_tells_the_ops_that_ran(tmp_path: Path) -> None:
    path = tmp_path / "product.onnx"
    path.write_bytes(matmul.onnx("int8"))
    with Process("onnxruntime", path, 2) as process:
        assert len(process.time(3).ns) == 3
        kernels = process.kernels()
    assert (kernels.library, kernels.delegate, kernels.delegated) == ("CPUExecutionProvider", None, 0)
    # Four nodes in the file, fused into one.
    assert kernels.ops == {"QLinearMatMul": 1}


@pytest.mark.slow
def test_a_keras_network_runs_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "tiny.keras"
    tiny_tflite.network().save(path)
    with Process("keras", path, 1) as process:
        assert len(process.time(2).ns) == 2
        assert process.parameters == tiny_tflite.network().count_params()
        assert process.kernels().library.startswith("TensorFlow 2.")


def test_inputs_are_random_bytes_of_the_type_asked_for() -> None:
    free = bench_worker.picture(np, [None, "height", 8, 3], "uint8")
    assert (free.shape, free.dtype) == ((1, 1, 8, 3), np.uint8)
    whole = bench_worker.picture(np, np.array([1, 8, 8, 1], np.int32), "float32")
    assert (whole.shape, whole.dtype, whole.max() > 200) == ((1, 8, 8, 1), np.float32, True)
    assert bench_worker.picture(np, [64], "int8").min() < 0


def test_the_worker_can_be_read_by_python_3_8_and_imports_nothing_of_the_package() -> None:
    source = Path(bench_worker.__file__).read_text()
    tree = ast.parse(source, feature_version=(3, 8))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert not any(node.level for node in froms)
    roots = {name.split(".")[0] for name in imported | {node.module or "" for node in froms}}
    runtimes = {"numpy", "ai_edge_litert", "tflite_runtime", "onnxruntime", "openvino", "keras", "tensorflow"}
    assert roots <= runtimes | set(sys.stdlib_module_names)


def test_interrupting_the_group_leaves_the_end_to_the_parent(int8_file: Path, tmp_path: Path) -> None:
    python = script(tmp_path, f'echo $$ > "{tmp_path}/pid"; exec "{sys.executable}" "$@"')
    with Process("litert", int8_file, 1, python=python) as process:
        number = int((tmp_path / "pid").read_text())
        os.kill(number, signal.SIGINT)
        assert len(process.time(1).ns) == 1
    assert not exists(number)


def test_a_killed_process_is_named(int8_file: Path, tmp_path: Path) -> None:
    python = script(tmp_path, f'echo $$ > "{tmp_path}/pid"; exec "{sys.executable}" "$@"')
    with Process("litert", int8_file, 1, python=python) as process:
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
        with pytest.raises(ExportFileError, match=r"tiny-int8\.tflite.*killed.*memory"):
            process.time(1)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("kill -9 $$", "killed, as the system does when memory runs out"),
        ("echo 'Illegal instruction somewhere' >&2; kill -ILL $$", r"SIGILL \(Illegal instruction somewhere\)"),
        ("exit 3", "exit code 3; export it again"),
        (f"echo '{FIRST_ANSWER}'; read request; exit 7", "exit code 7"),
    ],
)
def test_a_process_that_ends_is_one_line(int8_file: Path, tmp_path: Path, text: str, reason: str) -> None:
    with (
        pytest.raises(ExportFileError, match=reason) as caught,
        Process("litert", int8_file, 1, python=script(tmp_path, text)) as process,
    ):
        process.time(1)
    assert "\n" not in str(caught.value)


def test_an_interpreter_without_the_runtime_is_a_matter_of_usage(int8_file: Path, tmp_path: Path) -> None:
    # -S leaves site-packages out.
    bare = script(tmp_path, f'exec "{sys.executable}" -S "$@"')
    with pytest.raises(UsageError, match="no onnxruntime that works .*pip install onnxruntime"):
        Process("onnxruntime", int8_file, 1, python=bare)
    with pytest.raises(UsageError, match="cannot start"):
        Process("litert", int8_file, 1, python=tmp_path / "nowhere")


def test_a_file_that_the_runtime_refuses_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cut.tflite"
    path.write_bytes(tiny_tflite.converted("none")[:600])
    with pytest.raises(ExportFileError, match=r"cut\.tflite.*litert \d.*cannot run the file") as caught:
        Process("litert", path, 1)
    assert "\n" not in str(caught.value)


def test_a_file_without_end_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr("fer_export.latency.process.STARTING", 3.0)
    monkeypatch.setattr("fer_export.latency.process.PATIENCE", 0.2)
    (tmp_path / "loop.onnx").write_bytes(hostile_onnx.looping(2**62))
    with pytest.raises(ExportFileError, match="may compute without end"):
        Process("onnxruntime", tmp_path / "loop.onnx", 1)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux ends a process with its parent")
def test_a_file_without_end_ends_with_a_killed_command(tmp_path):
    (tmp_path / "loop.onnx").write_bytes(hostile_onnx.looping(2**62))
    program = "import pathlib, sys; from fer_export.latency.process import Process; "
    program += "Process('onnxruntime', pathlib.Path(sys.argv[1]), 1)"
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "loop.onnx")]) as command:
        children = Path(f"/proc/{command.pid}/task/{command.pid}/children")
        worker = awaited(lambda: int((children.read_text().split() or [0])[0]))
        assert awaited(lambda: b"onnxruntime" in Path(f"/proc/{worker}/maps").read_bytes())
        command.kill()
    try:
        assert awaited(lambda: ended(worker))
    except AssertionError:
        os.kill(worker, signal.SIGKILL)
        raise


def ended(process):
    status = Path(f"/proc/{process}/status")
    return not status.exists() or "(zombie)" in status.read_text()


def awaited(found, seconds=20.0):
    """What a call gives as soon as that is true."""
    end = time.monotonic() + seconds
    while not (answer := found()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return answer
