from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import numpy as np
import pytest

import tiny_tflite
from fer_export.errors import ExportFileError, UsageError
from fer_export.runtimes import LiteRt, Runtime, Tensors, TfliteRuntime

TFLITE_RUNTIME_PYTHON = os.environ.get("TFLITE_RUNTIME_PYTHON")
needs_tflite_runtime = pytest.mark.skipif(
    not TFLITE_RUNTIME_PYTHON, reason="TFLITE_RUNTIME_PYTHON names no interpreter that has tflite-runtime 2.14"
)

FAKE_PACKAGE = """
import numpy
numpy.__version__ = {numpy!r}
from ai_edge_litert.interpreter import Interpreter as Real
def Interpreter(**settings):
    print("chatter on stdout", flush=True)
    if {numpy!r} > "2":
        raise SystemError("returned a result with an exception set")
    return Real(**settings)
"""


def written(folder: Path, precision: str, io: str | None = None) -> Path:
    path = folder / f"{precision}-{io}.tflite"
    path.write_bytes(tiny_tflite.converted(precision, 1, io))
    return path


def stand_in(folder: Path, numpy: str) -> Path:
    """An interpreter whose `tflite_runtime` is LiteRT under that name and another version of numpy."""
    package = folder / "packages" / "tflite_runtime"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("__version__ = '2.14.0'\n")
    (package / "interpreter.py").write_text(FAKE_PACKAGE.format(numpy=numpy))
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{package.parent}" exec "{sys.executable}" "$@"\n')
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    return python


@pytest.fixture
def worker_python(tmp_path: Path) -> Path:
    return stand_in(tmp_path, "1.26.4")


@pytest.mark.parametrize("io", [None, "float32", "uint8", "int8"])
def test_the_same_bytes_go_into_every_input_type(io: str | None) -> None:
    runtime: Runtime = LiteRt(tiny_tflite.converted("int8", 1, io))
    given = runtime.run(tiny_tflite.images())
    assert given.dtype == np.float32
    np.testing.assert_allclose(given, tiny_tflite.probabilities(), atol=0.05)
    np.testing.assert_array_equal(given.argmax(axis=1), tiny_tflite.probabilities().argmax(axis=1))


def test_float_file_equals_keras(tmp_path: Path) -> None:
    runtime = LiteRt(written(tmp_path, "none"), threads=2)
    np.testing.assert_allclose(runtime.run(tiny_tflite.images()), tiny_tflite.probabilities(), atol=1e-6)
    assert (runtime.name, runtime.version[0].isdigit()) == ("litert", True)


def test_construction_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    LiteRt(tiny_tflite.converted("none"))
    assert capfd.readouterr() == ("", "")


def test_progress_and_input_shape_are_told(worker_python: Path, tmp_path: Path) -> None:
    path = written(tmp_path, "int8")
    images = np.repeat(tiny_tflite.images(), 12, axis=0)
    told: list[tuple[int, int]] = []
    in_process = LiteRt(path)
    expected = in_process.run(images, lambda done, total: told.append((done, total)))
    assert told == [(i + 1, 288) for i in range(288)]
    told.clear()
    with TfliteRuntime(path, python=worker_python) as worker:
        given = worker.run(images, lambda done, total: told.append((done, total)))
        assert worker.input_shape == in_process.input_shape == (1, 8, 8, 1)
    assert told == [(256, 288), (288, 288)]
    np.testing.assert_array_equal(given, expected)


def test_no_faces_give_no_probabilities() -> None:
    none = np.zeros((0, 8, 8, 1), np.uint8)
    assert LiteRt(tiny_tflite.converted("int8")).run(none).shape == (0, 4)


def test_faces_may_lie_anyhow_in_memory() -> None:
    turned = tiny_tflite.images().transpose(0, 2, 1, 3)[::2]
    for io in (None, "float32", "int8"):
        runtime = LiteRt(tiny_tflite.converted("int8", 1, io))
        np.testing.assert_array_equal(runtime.run(turned), runtime.run(np.ascontiguousarray(turned)))


def test_int8_input_is_value_minus_128() -> None:
    stored = Tensors.of(tiny_tflite.converted("int8", 1, "int8")).encode(tiny_tflite.images())
    np.testing.assert_array_equal(stored, tiny_tflite.images().astype(int) - 128)


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ExportFileError, match=r"\[8, 8, 1\].*\[8, 8, 3\]"):
        LiteRt(tiny_tflite.converted("int8")).run(tiny_tflite.images(3))


def test_files_that_are_no_model_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportFileError, match="cannot read"):
        LiteRt(tmp_path / "absent.tflite")
    with pytest.raises(ExportFileError, match="cannot read"):
        TfliteRuntime(tmp_path / "absent.tflite")
    for content in (b"", b"no model at all", tiny_tflite.converted("int8")[:3000]):
        with pytest.raises(ExportFileError):
            LiteRt(content)


@pytest.mark.parametrize(("precision", "io"), [("none", None), ("int8", None), ("int8", "int8"), ("none", "float32")])
def test_worker_gives_what_its_runtime_gives(
    precision: str, io: str | None, worker_python: Path, tmp_path: Path
) -> None:
    path, images = written(tmp_path, precision, io), tiny_tflite.images()
    with TfliteRuntime(path, python=worker_python) as runtime:
        assert (runtime.name, runtime.version) == ("tflite-runtime", "2.14.0")
        np.testing.assert_array_equal(runtime.run(images), LiteRt(path).run(images))
        np.testing.assert_array_equal(runtime.run(images[:1]), LiteRt(path).run(images[:1]))
        assert runtime.run(images[:0]).shape == (0, 4)


def test_worker_that_dies_is_reported_and_closes(worker_python: Path, tmp_path: Path) -> None:
    runtime = TfliteRuntime(written(tmp_path, "int8"), python=worker_python)
    runtime._process.kill()
    runtime._process.wait()
    with pytest.raises(ExportFileError, match="its process ended"):
        runtime.run(tiny_tflite.images())
    runtime.close()
    runtime.close()


@pytest.mark.parametrize(
    ("python", "message"),
    [
        ("/nonexistent/python", "cannot start /nonexistent/python"),
        ("/bin/false", "does not run as a Python"),
        (sys.executable, "no tflite-runtime that can be used"),
    ],
)
def test_missing_tflite_runtime_says_how_to_get_it(python: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        TfliteRuntime(written(tmp_path, "int8"), python=python)
    for part in ("Linux", "Python 3.11", 'pip install tflite-runtime==2.14.0 "numpy<2"'):
        assert part in str(caught.value)


def test_tflite_runtime_beside_numpy_2_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot use numpy 2\.4\.6"):
        TfliteRuntime(written(tmp_path, "int8"), python=stand_in(tmp_path, "2.4.6"))


@needs_tflite_runtime
@pytest.mark.parametrize("precision", ["none", "fp16", "dynamic", "int8"])
def test_files_run_in_tflite_runtime_2_14(precision: str, tmp_path: Path) -> None:
    with TfliteRuntime(written(tmp_path, precision), python=TFLITE_RUNTIME_PYTHON or "") as runtime:
        given = runtime.run(tiny_tflite.images())
        assert runtime.version == "2.14.0"
    np.testing.assert_array_equal(given.argmax(axis=1), tiny_tflite.probabilities().argmax(axis=1))
    np.testing.assert_allclose(given, tiny_tflite.probabilities(), atol=0.05)
