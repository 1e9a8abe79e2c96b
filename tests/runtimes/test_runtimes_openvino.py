"""OpenVINO in its own process: its answers, its bounds, and the messages where it is missing."""

from __future__ import annotations

import os
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from tests.helpers import hostile_onnx, tiny_onnx, tiny_tflite

import fer_export as fer
from fer_export.calibration import probe_cache
from fer_export.contract import formats, variants
from fer_export.errors import ExportFileError, UsageError
from fer_export.exporting import Options
from fer_export.predict.pipeline import default_file
from fer_export.runtimes import LiteRt, OnnxRuntime, open_runtime, openvino_
from helpers.networks import checkpoint_of, report_like

needs_openvino = pytest.mark.skipif(
    not (os.environ.get("FER_EXPORT_OPENVINO") or find_spec("openvino")),
    reason="openvino is not installed, and FER_EXPORT_OPENVINO names no interpreter",
)


@needs_openvino
def test_an_int8_tflite_file_answers_as_in_litert() -> None:
    path = default_file()
    expected, images = LiteRt(path), probe_cache.probe_faces(fer.load("compact-7")).verify
    with open_runtime(path, "openvino") as runtime:
        given = runtime.run(images)
        assert (runtime.name, runtime.input_shape) == ("openvino", expected.input_shape)
        assert runtime.version[:2].isdigit()
        assert runtime.run(images[:0]).shape == (0, 7)
        with pytest.raises(ExportFileError, match="takes pictures"):
            runtime.run(images[:, 1:])
    assert given.dtype == np.float32
    assert (given.argmax(axis=1) == expected.run(images).argmax(axis=1)).mean() > 0.98
    np.testing.assert_allclose(given, expected.run(images), atol=0.1)


@needs_openvino
@pytest.mark.slow
@pytest.mark.parametrize("io", ["uint8", "int8"])
def test_bytes_at_both_ends_are_read_right(io: str, tmp_path: Path) -> None:
    options = Options(io=io)
    result = fer.export("nano-7", "tflite", "int8", tmp_path, options=options)
    assert fer.judge([result.path], "nano-7", runtime="openvino").passed


@needs_openvino
@pytest.mark.parametrize(
    ("make", "direct"), [(lambda: tiny_tflite.converted("none"), LiteRt), (tiny_onnx.model, OnnxRuntime)]
)
def test_floats_are_computed_in_float32(make, direct, tmp_path: Path) -> None:
    """Left alone it takes bfloat16, which moves probabilities by a hundredth."""
    path, expected = tmp_path / "file", direct(make())
    path.write_bytes(make())
    images = np.random.default_rng(0).integers(0, 256, (40, *expected.input_shape[1:]), dtype=np.uint8)
    with open_runtime(path, "openvino") as runtime:
        np.testing.assert_allclose(runtime.run(images), expected.run(images), atol=2e-5)


@needs_openvino
def test_a_loop_without_end_is_ended() -> None:
    shape = OnnxRuntime(tiny_onnx.model()).input_shape
    started = os.times()
    with (
        pytest.raises(ExportFileError, match="more computing than such a file may|cannot run the file"),
        open_runtime(hostile_onnx.looping(2**62), "openvino") as runtime,
    ):
        runtime.run(np.zeros((3, *shape[1:]), np.uint8))
    used = os.times()
    assert used.children_user + used.children_system - started.children_user - started.children_system < 40


@needs_openvino
def test_memory_is_bounded() -> None:
    started = time.perf_counter()
    with (
        pytest.raises(ExportFileError, match="openvino.* cannot run the file"),
        open_runtime(hostile_onnx.swollen(), "openvino") as runtime,
    ):
        runtime.run(np.zeros((1, *runtime.input_shape[1:]), np.uint8))
    assert time.perf_counter() - started < 120


@needs_openvino
def test_it_is_timed_and_judged_and_taken_by_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only = tuple(each for each in variants.VARIANTS if each.precision == "none" and each.format == "onnx")
    monkeypatch.setattr(variants, "VARIANTS", only)
    network = checkpoint_of(report_like(), tmp_path)
    compared = fer.compare(network, tmp_path / "out")
    timed = {row.runtime: row for row in compared.bench.rows}
    assert sorted(timed) == ["onnxruntime", "openvino"]
    [file] = compared.export.files
    assert compared.latency(file).runtime == "onnxruntime"
    row = timed["openvino"]
    assert f"p50 ms in openvino {row.runtime_version}: {file.path.name} " in str(compared)
    assert row.kernels.library == "CPU, f32"
    assert row.kernels.ops
    assert row.p50_ms > 0
    judged = fer.judge([file.path], network, runtime="openvino")
    assert judged.passed
    assert judged.files[0][1].runtime.startswith("openvino ")


def test_a_damaged_file_is_refused_before_openvino_sees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino_, "Process", lambda *_: pytest.fail("started"))
    for damaged in (tiny_tflite.converted()[:700], tiny_onnx.model()[:200]):
        with pytest.raises(ExportFileError):
            openvino_.OpenVino(damaged)


def test_where_it_is_missing_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FER_EXPORT_OPENVINO", str(tmp_path / "none"))
    assert not openvino_.installed()
    with pytest.raises(UsageError, match="openvino cannot run: .*pip install openvino` and set FER_EXPORT_OPENVINO="):
        open_runtime(tiny_tflite.converted(), "openvino")
    monkeypatch.setenv("FER_EXPORT_OPENVINO", "/bin/false")
    with pytest.raises(UsageError, match="does not answer as a Python"):
        openvino_.interpreter()


def test_it_reads_two_formats_of_the_table() -> None:
    rows = [row.name for row in formats.FORMATS.values() if "openvino" in {each.name for each in row.runtimes}]
    assert rows == ["tflite", "onnx"]
    assert sys.modules.get("openvino") is None
