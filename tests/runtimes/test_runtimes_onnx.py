"""onnxruntime: our files and other people's."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from fer_export.errors import ExportFileError
from fer_export.runtimes import OnnxRuntime
from helpers import tiny_onnx, tiny_tflite


@pytest.mark.parametrize("output_type", ["float32", "float16"])
@pytest.mark.parametrize("input_type", ["uint8", "float32"])
@pytest.mark.parametrize("batch", [1, "N"])
def test_the_same_bytes_go_into_every_input_type(input_type: str, output_type: str, batch: int | str) -> None:
    runtime = OnnxRuntime(tiny_onnx.model(input_type, batch, output_type=output_type))
    images = tiny_tflite.images()
    given = runtime.run(images)
    assert (runtime.input_shape, given.dtype) == ((1, 8, 8, 1), np.float32)
    tolerance = 1e-3 if output_type == "float16" else 1e-6
    np.testing.assert_allclose(given, tiny_onnx.probabilities(images), atol=tolerance)
    assert len(set(given.argmax(axis=1))) > 1


def test_what_computes_is_named() -> None:
    runtime = OnnxRuntime(tiny_onnx.model())
    assert runtime.kernels == "MLAS (CPUExecutionProvider)"
    options = runtime.session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    assert OnnxRuntime(tiny_onnx.model(), 3).session.get_session_options().intra_op_num_threads == 3


def test_threads_that_share_a_session_give_what_one_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    images = tiny_tflite.images(count=400)
    alone = OnnxRuntime(tiny_onnx.model()).run(images)
    monkeypatch.setattr("fer_export.runtimes.onnxruntime_.usual", lambda seconds_left, threads: 3)
    shared, told = OnnxRuntime(tiny_onnx.model()), []
    used = set()

    def counted(given, answer=shared.answer):
        used.add(threading.get_ident())
        return answer(given)

    monkeypatch.setattr(shared, "answer", counted)
    np.testing.assert_array_equal(shared.run(images, lambda done, total: told.append((done, total))), alone)
    assert len(used) > 1
    assert told[-1] == (400, 400)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"channels_first": True, "input_type": "float32"},
            r"input is float32 \[1, 1, 8, 8\], channels first \(NCHW\); pass .*`export\(\)`",
        ),
        ({"channels_first": True, "batch": "N"}, r"input is uint8 \[\?, 1, 8, 8\], channels first"),
        ({"input_type": "int8"}, r"input is int8 \[1, 8, 8, 1\]; pass one with uint8 or float32"),
        ({"batch": 4}, r"input is uint8 \[4, 8, 8, 1\]; pass one with uint8 or float32 \[1, S, S, C\]"),
        ({"output_type": "uint8"}, r"output is uint8 \[1, 4\]; pass one with float32 probabilities"),
    ],
)
def test_other_ends_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ExportFileError, match=message) as caught:
        OnnxRuntime(tiny_onnx.model(**settings))
    assert "\n" not in str(caught.value)


def test_damaged_files_are_refused_in_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    content = tiny_onnx.model()
    for damaged in (b"", b"\x08 no model", content[: len(content) // 2], b"\x08\x07"):
        with pytest.raises(ExportFileError, match=r"^onnxruntime [\d.]+ cannot run the file: ") as caught:
            OnnxRuntime(damaged)
        assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")
