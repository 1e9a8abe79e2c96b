"""The protocol that all runtimes keep, and which of them goes with what."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fer_export.contract import formats
from fer_export.errors import CheckpointError, ExportFileError, UsageError
from fer_export.runtimes import (
    KerasRuntime,
    LiteRt,
    OnnxRuntime,
    Runtime,
    TfliteRuntime,
    open_runtime,
    runtimes_of,
    tflite_runtime_,
)
from fer_export.system import machine
from helpers import stand_in, tiny_coreml, tiny_onnx, tiny_tflite
from helpers.networks import checkpoint_of, grey, report_like

RUNTIMES = tuple(formats.runtimes())
HERE = ("litert", "tflite-runtime", "onnxruntime", "mil", "keras")
"""Runtimes that need nothing else installed; the others have tests of their own, with the same claims."""


@pytest.fixture(scope="module")
def keras_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint_of(report_like(), tmp_path_factory.mktemp("keras")).source


@pytest.fixture(scope="module")
def openers(tmp_path_factory: pytest.TempPathFactory, keras_file: Path) -> dict[str, Callable[[], Runtime]]:
    """Name -> a runtime with a tiny network in it."""
    python = stand_in.interpreter(tmp_path_factory.mktemp("stand-in"), "1.26.4")
    model = tiny_tflite.converted("int8")
    return {
        "litert": lambda: LiteRt(model, threads=2),
        "tflite-runtime": lambda: TfliteRuntime(model, threads=2, python=python),
        "onnxruntime": lambda: OnnxRuntime(tiny_onnx.model(), threads=2),
        "mil": lambda: open_runtime(tiny_coreml.package(), "mil", threads=2),
        "keras": lambda: KerasRuntime(keras_file),
    }


def faces_of(runtime: Runtime, count: int = 6) -> np.ndarray:
    _, side, _, channels = runtime.input_shape
    return grey(count, side, channels)


def test_every_runtime_belongs_to_a_format() -> None:
    assert set(HERE) | {"openvino", "tflite-micro", "coreml"} == set(RUNTIMES)
    assert {name for file_format in formats.FORMATS for name in runtimes_of(file_format)} == set(RUNTIMES)
    # Every format that is exported can be run.
    assert all(runtimes_of(file_format) for file_format in formats.FORMATS)


@pytest.mark.parametrize("name", HERE)
def test_every_runtime_keeps_the_protocol(name: str, openers: dict[str, Callable[[], Runtime]]) -> None:
    told: list[tuple[int, int]] = []
    with openers[name]() as runtime:
        images = faces_of(runtime)
        given = runtime.run(images, lambda done, total: told.append((done, total)))
        assert runtime.name == name
        assert runtime.version[0].isdigit()
        assert runtime.kernels
        assert runtime.threads == (2 if name != "keras" else runtime.threads) > 0
        assert (given.dtype, given.ndim, len(given)) == (np.float32, 2, 6)
        np.testing.assert_allclose(given.sum(axis=1), 1, atol=0.05)
        assert len({tuple(row) for row in given.tolist()}) > 1
        # One by one as all together, and from any memory layout.
        np.testing.assert_allclose(runtime.run(images[2:3]), given[2:3], atol=1e-6)
        np.testing.assert_allclose(runtime.run(np.asfortranarray(images)), given, atol=1e-6)
        assert runtime.run(images[:0]).shape == (0, given.shape[1])
    assert told[-1] == (6, 6)
    assert told == sorted(set(told))
    runtime.close()


@pytest.mark.parametrize("name", HERE)
def test_other_shapes_are_refused(name: str, openers: dict[str, Callable[[], Runtime]]) -> None:
    with openers[name]() as runtime, pytest.raises((ExportFileError, UsageError), match=r"\[.*5, 5, 1\]") as caught:
        runtime.run(np.zeros((2, 5, 5, 1), np.uint8))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", HERE)
def test_opening_is_silent(
    name: str, openers: dict[str, Callable[[], Runtime]], capfd: pytest.CaptureFixture[str]
) -> None:
    with openers[name]() as runtime:
        runtime.run(faces_of(runtime))
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_the_format_chooses_the_runtime(tmp_path: Path, keras_file: Path) -> None:
    tflite, onnx = tmp_path / "a.tflite", tmp_path / "a.onnx"
    tflite.write_bytes(tiny_tflite.converted("int8"))
    onnx.write_bytes(tiny_onnx.model())
    for model, name in (
        (tflite, "litert"),
        (tflite.read_bytes(), "litert"),
        (onnx, "onnxruntime"),
        (onnx.read_bytes(), "onnxruntime"),
        (tiny_coreml.package(), formats.FORMATS["coreml"].usual.name),
        (keras_file, "keras"),
    ):
        for asked in (None, name):
            with open_runtime(model, asked, threads=1) as runtime:
                assert runtime.name == name
    # It is the content that tells, not the suffix.
    tflite.rename(onnx)
    with open_runtime(onnx) as runtime:
        assert runtime.name == "litert"


def test_open_runtime_hands_threads_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(tflite_runtime_.LIBRARY.variable, str(stand_in.interpreter(tmp_path, "1.26.4")))
    for model, name in (
        (tiny_tflite.converted("int8"), "litert"),
        (tiny_tflite.converted("int8"), "tflite-runtime"),
        (tiny_onnx.model(), "onnxruntime"),
    ):
        with open_runtime(model, name, threads=3) as runtime:
            assert (runtime.name, runtime.threads) == (name, 3)


@pytest.mark.parametrize(
    ("model", "name", "message"),
    [
        ("tflite", "onnxruntime", r"onnxruntime cannot run a TFLite file; use `runtime=litert or tfl.* or openvino`$"),
        ("tflite", "keras", r"keras cannot run a TFLite file; use `runtime=litert or tflite-runtime or openvino`$"),
        ("onnx", "litert", r"litert cannot run an ONNX file; use `runtime=onnxruntime or openvino`$"),
        ("onnx", "tflite-runtime", r"tflite-runtime cannot run an ONNX file; use `runtime=onnxruntime or openvino`$"),
        ("keras", "onnxruntime", r"onnxruntime cannot run a Keras network; use `runtime=keras`$"),
        ("tflite", "onnx", r"unknown runtime 'onnx' \(did you mean 'onnxruntime'\?\); choose one of litert, .*keras$"),
        ("tflite", "lite-rt", r"did you mean 'litert'"),
        ("tflite", "xyz", r"unknown runtime 'xyz'; choose one of"),
    ],
)
def test_what_does_not_go_together_is_refused(model: str, name: str, message: str, keras_file: Path) -> None:
    given = {"tflite": tiny_tflite.converted("int8"), "onnx": tiny_onnx.model(), "keras": keras_file}[model]
    with pytest.raises(UsageError, match=message):
        open_runtime(given, name)


@pytest.mark.parametrize("threads", [0, -1])
def test_no_threads_are_refused(threads: int) -> None:
    with pytest.raises(UsageError, match=f"^{threads} threads are not possible; use `threads=1` or more$"):
        open_runtime(tiny_tflite.converted("int8"), threads=threads)


def test_more_threads_than_cores_are_allowed() -> None:
    with open_runtime(tiny_tflite.converted("int8"), threads=machine.cores() + 2) as runtime:
        assert runtime.threads == machine.cores() + 2
        assert runtime.run(tiny_tflite.images()).shape == (24, 4)


def test_files_that_are_no_model_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportFileError, match=r"cannot read .*absent\.tflite"):
        open_runtime(tmp_path / "absent.tflite")
    for content, message in (
        (b"", "empty"),
        (b"no model at all", "is not a TFLite, ONNX, tflite-micro or Core ML model"),
    ):
        with pytest.raises(ExportFileError, match=message):
            open_runtime(content)
    with pytest.raises(CheckpointError):
        open_runtime(tmp_path / "absent", "keras")


def test_keras_is_the_checkpoint_itself(keras_file: Path, tmp_path: Path) -> None:
    checkpoint = checkpoint_of(report_like(channels=3), tmp_path)
    images = grey(300, channels=3)
    told: list[tuple[int, int]] = []
    with KerasRuntime(checkpoint) as runtime:
        given = runtime.run(images, lambda done, total: told.append((done, total)))
    np.testing.assert_array_equal(given, checkpoint.predict(images))
    assert runtime.input_shape == (1, 16, 16, 3)
    assert told == [(256, 300), (300, 300)]
    assert runtime.kernels.startswith("TensorFlow 2.")


def test_keras_threads_are_those_tensorflow_has(keras_file: Path) -> None:
    import tensorflow as tf

    with KerasRuntime(keras_file, threads=machine.cores() + 5) as runtime:
        # This process has computed already, so TensorFlow keeps the number it has.
        assert runtime.threads == (tf.config.threading.get_intra_op_parallelism_threads() or machine.cores())
