"""Files of others run in a process of their own: the same answers, and an end to what has none."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.helpers import hostile_onnx, tiny_onnx, tiny_tflite

from fer_export.errors import ExportFileError
from fer_export.runtimes import IsolatedRuntime, LiteRt, OnnxRuntime, open_runtime


@pytest.mark.parametrize(
    ("make", "direct"), [(lambda: tiny_tflite.converted("int8"), LiteRt), (tiny_onnx.model, OnnxRuntime)]
)
def test_answers_are_those_of_the_runtime_itself(make: Callable[[], bytes], direct: type, tmp_path: Path) -> None:
    path, content = tmp_path / "file", make()
    path.write_bytes(content)
    expected = direct(content)
    images = np.random.default_rng(0).integers(0, 256, (40, *expected.input_shape[1:]), dtype=np.uint8)
    done: list[tuple[int, int]] = []
    with open_runtime(path) as runtime:
        assert isinstance(runtime, IsolatedRuntime)
        given = runtime.run(images, lambda *step: done.append(step))
        assert (runtime.name, runtime.version, runtime.input_shape) == (
            expected.name,
            expected.version,
            expected.input_shape,
        )
        assert runtime.run(images[:0]).shape == (0, given.shape[1])
        with pytest.raises(ExportFileError, match="takes pictures"):
            runtime.run(images[:, 1:])
    np.testing.assert_array_equal(given, expected.run(images))
    assert (done[0], done[-1]) == ((1, 40), (40, 40))


def test_bytes_that_this_process_made_run_inside_it() -> None:
    assert isinstance(open_runtime(tiny_tflite.converted()), LiteRt)
    with open_runtime(tiny_tflite.converted(), isolated=True) as runtime:
        assert isinstance(runtime, IsolatedRuntime)


def test_a_loop_without_end_is_ended() -> None:
    shape = OnnxRuntime(tiny_onnx.model()).input_shape
    with open_runtime(hostile_onnx.looping(10), isolated=True) as runtime:
        assert runtime.run(np.zeros((1, *shape[1:]), np.uint8)).shape[0] == 1
    started = os.times()
    with (
        open_runtime(hostile_onnx.looping(2**62), isolated=True) as runtime,
        pytest.raises(ExportFileError, match="more computing than such a file may"),
    ):
        runtime.run(np.zeros((3, *shape[1:]), np.uint8))
    used = os.times()
    assert used.children_user + used.children_system - started.children_user - started.children_system < 10


def test_memory_is_bounded() -> None:
    started = time.perf_counter()
    with (
        pytest.raises(ExportFileError, match="onnxruntime"),
        open_runtime(hostile_onnx.swollen(), isolated=True) as runtime,
    ):
        runtime.run(np.zeros((1, *runtime.input_shape[1:]), np.uint8))
    assert time.perf_counter() - started < 30


def test_nothing_is_left_running() -> None:
    runtime = open_runtime(tiny_tflite.converted(), isolated=True)
    process = runtime.worker.pid
    runtime.close()
    runtime.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_the_process_of_a_file_starts_without_keras() -> None:
    """Importing TensorFlow would cost each file seconds and 500 MB."""
    program = (
        "import sys; import fer_export.runtimes.isolated_worker, fer_export.predict.pipeline; "
        "assert not {'keras', 'tensorflow'} & set(sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-c", program], check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
