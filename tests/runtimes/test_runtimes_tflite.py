"""tflite-runtime in its own process: protocol with the worker, messages where it is missing, the real 2.14."""

from __future__ import annotations

import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from fer_export.errors import ExportFileError, UsageError
from fer_export.runtimes import LiteRt, TfliteRuntime, open_runtime, tflite_runtime_python
from fer_export.runtimes.tflite_runtime_ import LIBRARY
from helpers import stand_in, tiny_tflite

PYTHON = os.environ.get(LIBRARY.variable) or (sys.executable if find_spec("tflite_runtime") else "")
needs_tflite_runtime = pytest.mark.skipif(
    not PYTHON,
    reason=f"tflite-runtime is not installed, and {LIBRARY.variable} names no interpreter that has it",
)


@pytest.fixture
def worker_python(tmp_path: Path) -> Path:
    return stand_in.interpreter(tmp_path, "1.26.4")


@pytest.mark.parametrize(("precision", "io"), [("none", None), ("int8", None), ("int8", "int8"), ("none", "float32")])
def test_worker_gives_what_its_runtime_gives(precision: str, io: str | None, worker_python: Path) -> None:
    model, images = tiny_tflite.converted(precision, 1, io), tiny_tflite.images()
    with TfliteRuntime(model, python=worker_python) as runtime:
        assert (runtime.name, runtime.version, runtime.input_shape) == ("tflite-runtime", "2.14.0", (1, 8, 8, 1))
        in_process = LiteRt(model)
        np.testing.assert_array_equal(runtime.run(images), in_process.run(images))
        np.testing.assert_array_equal(runtime.run(images[:1]), in_process.run(images[:1]))
        assert runtime.kernels == in_process.kernels


def test_many_faces_go_in_chunks(worker_python: Path, tmp_path: Path) -> None:
    path, images = tmp_path / "a.tflite", np.repeat(tiny_tflite.images(), 12, axis=0)
    path.write_bytes(tiny_tflite.converted("int8"))
    told: list[tuple[int, int]] = []
    with TfliteRuntime(path, python=worker_python) as runtime:
        given = runtime.run(images, lambda done, total: told.append((done, total)))
    assert told == [(1, 288), (257, 288), (288, 288)]
    np.testing.assert_array_equal(given, LiteRt(path).run(images))


def test_worker_that_dies_is_reported_and_closes(worker_python: Path) -> None:
    runtime = TfliteRuntime(tiny_tflite.converted("int8"), python=worker_python)
    os.kill(runtime.process.pid, signal.SIGTERM)
    with pytest.raises(ExportFileError, match="its process ended"):
        runtime.run(tiny_tflite.images())
    runtime.close()
    runtime.close()


def test_closing_ends_the_process(worker_python: Path) -> None:
    with TfliteRuntime(tiny_tflite.converted("int8"), python=worker_python) as runtime:
        os.kill(runtime.process.pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(runtime.process.pid, 0)


def test_the_variable_names_the_interpreter(worker_python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIBRARY.variable, str(worker_python))
    assert tflite_runtime_python() == worker_python
    with open_runtime(tiny_tflite.converted("int8"), "tflite-runtime") as runtime:
        assert runtime.version == "2.14.0"
    # Empty is as good as none: then it is this interpreter.
    monkeypatch.setenv(LIBRARY.variable, "")
    assert LIBRARY.interpreter() == Path(sys.executable)
    monkeypatch.delenv(LIBRARY.variable)
    assert LIBRARY.interpreter() == Path(sys.executable)


@pytest.mark.parametrize(
    ("python", "finding"),
    [
        ("/nonexistent/python", "/nonexistent/python is not a program that can be started"),
        ("false", "bin/false does not answer as a Python"),
        ("yes", "bin/yes does not answer as a Python"),
    ],
)
def test_missing_interpreter_says_how_to_get_one(
    python: str, finding: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(LIBRARY.variable, python)
    monkeypatch.setattr(sys, "platform", "linux")
    for ask in (tflite_runtime_python, lambda: TfliteRuntime(tiny_tflite.converted("int8"))):
        with pytest.raises(UsageError) as caught:
            ask()
        assert str(caught.value).startswith("tflite-runtime cannot run: ")
        for part in (
            finding,
            "wheels for Linux and Python up to 3.11 only",
            "numpy < 2",
            'python3.11 -m venv tflite-runtime && tflite-runtime/bin/pip install tflite-runtime==2.14.0 "numpy<2"',
            "FER_EXPORT_TFLITE_RUNTIME=tflite-runtime/bin/python",
        ):
            assert part in str(caught.value)
        assert "\n" not in str(caught.value)


def test_interpreter_without_the_package_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    python = stand_in.interpreter(tmp_path, "1.26.4")
    (tmp_path / "packages" / "tflite_runtime" / "__init__.py").write_text("raise ImportError('No module named x')")
    monkeypatch.setenv(LIBRARY.variable, str(python))
    with pytest.raises(UsageError, match=r"python has no tflite-runtime that works \(No module named x\)"):
        tflite_runtime_python()


def test_tflite_runtime_beside_numpy_2_says_so(tmp_path: Path) -> None:
    python = stand_in.interpreter(tmp_path, "2.4.6")
    with pytest.raises(UsageError, match=r"python has numpy 2\.4\.6; .*needs numpy < 2"):
        TfliteRuntime(tiny_tflite.converted("int8"), python=python)


def test_where_there_are_no_wheels_litert_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(UsageError, match=r"wheels for Linux .*; use `runtime='litert'` here$"):
        TfliteRuntime(tiny_tflite.converted("int8"), python="/nonexistent/python")


def test_ops_that_are_too_new_are_said_in_words(worker_python: Path) -> None:
    package = worker_python.parent / "packages" / "tflite_runtime" / "interpreter.py"
    reason = "Didn't find op for builtin opcode 'FULLY_CONNECTED' version '12'. An older version of this builtin ..."
    package.write_text(
        f"import numpy\nnumpy.__version__ = '1.26.4'\ndef Interpreter(**settings): raise ValueError({reason!r})"
    )
    with pytest.raises(ExportFileError) as caught:
        TfliteRuntime(tiny_tflite.converted("int8"), python=worker_python)
    assert "tflite-runtime 2.14.0 cannot run the file: it has no version 12 of FULLY_CONNECTED (" in str(caught.value)
    assert "`export()`" in str(caught.value)


def test_a_face_without_end_is_ended(worker_python: Path) -> None:
    package = worker_python.parent / "packages" / "tflite_runtime" / "interpreter.py"
    endless = "class Endless(Real):\n    def invoke(self):\n        while True: pass\n"
    package.write_text(package.read_text().replace("return Real(", "return Endless(") + endless)
    with (
        TfliteRuntime(tiny_tflite.converted("int8"), python=worker_python) as runtime,
        pytest.raises(ExportFileError, match="a face takes more computing than such a file may"),
    ):
        runtime.run(tiny_tflite.images())


@needs_tflite_runtime
def test_the_named_interpreter_is_the_one_found() -> None:
    assert tflite_runtime_python() == Path(PYTHON)


@needs_tflite_runtime
@pytest.mark.parametrize("precision", ["none", "fp16", "dynamic", "int8"])
def test_files_run_in_tflite_runtime_2_14(precision: str) -> None:
    with open_runtime(tiny_tflite.converted(precision), "tflite-runtime", threads=2) as runtime:
        given = runtime.run(tiny_tflite.images())
        assert (runtime.version, runtime.threads) == ("2.14.0", 2)
        # 2.14 hands int8 files to XNNPACK only when asked to.
        assert runtime.kernels.startswith("builtin kernels" if precision == "int8" else "XNNPACK")
    np.testing.assert_array_equal(given.argmax(axis=1), tiny_tflite.probabilities().argmax(axis=1))
    np.testing.assert_allclose(given, tiny_tflite.probabilities(), atol=0.05)


@needs_tflite_runtime
def test_file_of_a_newer_converter_is_refused_in_words() -> None:
    with pytest.raises(ExportFileError) as caught:
        open_runtime(tiny_tflite.converted("dynamic-new"), "tflite-runtime")
    assert "it has no version 12 of FULLY_CONNECTED (the file needs TFLite 2.17.0)" in str(caught.value)
    with open_runtime(tiny_tflite.converted("dynamic-new"), "litert") as runtime:
        assert runtime.run(tiny_tflite.images()).shape == (24, 4)
