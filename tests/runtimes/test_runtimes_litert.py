"""LiteRT: input types, kernels, several interpreters side by side."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from fer_export.errors import ExportFileError
from fer_export.runtimes import LiteRt, Runtime, Tensors, face_queue
from fer_export.runtimes.tensors import kernels_of
from helpers import tiny_tflite


@pytest.mark.parametrize("io", [None, "float32", "uint8", "int8"])
def test_the_same_bytes_go_into_every_input_type(io: str | None) -> None:
    runtime: Runtime = LiteRt(tiny_tflite.converted("int8", 1, io))
    given = runtime.run(tiny_tflite.images())
    np.testing.assert_allclose(given, tiny_tflite.probabilities(), atol=0.05)
    np.testing.assert_array_equal(given.argmax(axis=1), tiny_tflite.probabilities().argmax(axis=1))


def test_float_file_equals_keras() -> None:
    runtime = LiteRt(tiny_tflite.converted("none"), threads=2)
    np.testing.assert_allclose(runtime.run(tiny_tflite.images()), tiny_tflite.probabilities(), atol=1e-6)


def test_int8_input_is_value_minus_128() -> None:
    stored = Tensors.of(tiny_tflite.converted("int8", 1, "int8")).encode(tiny_tflite.images())
    np.testing.assert_array_equal(stored, tiny_tflite.images().astype(int) - 128)


def test_damaged_files_are_refused() -> None:
    for content in (b"no model at all", tiny_tflite.converted("int8")[:3000]):
        with pytest.raises(ExportFileError):
            LiteRt(content)


def test_kernels_name_what_xnnpack_leaves() -> None:
    assert LiteRt(tiny_tflite.converted("none")).kernels == "XNNPACK, builtin kernels for CAST"


def test_kernels_are_those_on_the_way_to_the_output() -> None:
    nodes = [("CAST", [0], [1]), ("CONV_2D", [1], [2]), ("SOFTMAX", [2], [3])]
    assert kernels_of(nodes, 3) == "builtin kernels"
    assert kernels_of([*nodes, ("DELEGATE", [0], [3])], 3) == "XNNPACK"
    assert kernels_of([*nodes, ("DELEGATE", [1], [3])], 3) == "XNNPACK, builtin kernels for CAST"
    assert kernels_of([*nodes, ("DELEGATE", [1], [2])], 3) == "XNNPACK, builtin kernels for CAST, SOFTMAX"


@pytest.mark.parametrize("workers", [2, 3])
@pytest.mark.parametrize("precision", ["none", "int8"])
def test_side_by_side_gives_what_one_after_the_other_gives(workers: int, precision: str) -> None:
    model = tiny_tflite.converted(precision)
    images = np.random.default_rng(1).integers(0, 256, (400, 8, 8, 1), dtype=np.uint8)
    told: list[tuple[int, int]] = []
    threads: set[int] = set()

    def on_face(done: int, total: int) -> None:
        told.append((done, total))
        threads.add(threading.get_ident())

    shared = LiteRt(model, workers=workers)
    given = shared.run(images, on_face)
    np.testing.assert_array_equal(given, LiteRt(model, workers=1).run(images))
    np.testing.assert_array_equal(given, shared.run(images))
    assert told == sorted(told)
    assert (told[-1], len(shared.interpreters)) == ((400, 400), workers)
    # A progress bar need not be thread-safe.
    assert threads == {threading.get_ident()}


def test_each_interpreter_takes_its_share() -> None:
    shared = LiteRt(tiny_tflite.converted("int8"), workers=2)
    images = np.repeat(tiny_tflite.images(), 20, axis=0)
    expected = shared.run(images)
    first, second = shared.interpreters
    faces = wait_for_each_other(first, second)
    np.testing.assert_array_equal(shared.run(images), expected)
    assert len(faces[0]) > face_queue.TRIAL
    assert len(faces[1]) > 0
    assert len(faces[0]) + len(faces[1]) == len(images)


@pytest.mark.parametrize(
    ("seconds_left", "threads", "expected"),
    [(0.5, 1, 1), (30.0, 1, 4), (30.0, 2, 2), (30.0, 4, 1), (30.0, 9, 1)],
)
def test_only_slow_work_is_shared(
    seconds_left: float, threads: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(face_queue.machine, "cores", lambda: 4)
    runtime = LiteRt(tiny_tflite.converted("int8"), threads)
    assert len(runtime.side_by_side(seconds_left)) == expected


def test_interruption_stops_every_interpreter() -> None:
    shared = LiteRt(tiny_tflite.converted("int8"), workers=2)
    images = np.repeat(tiny_tflite.images(), 400, axis=0)
    shared.run(images[:1])
    faces = wait_for_each_other(*shared.interpreters)

    def interrupted(done: int, total: int) -> None:
        if faces[1]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shared.run(images, interrupted)
    # The second one was at work and has left nearly all.
    assert 0 < len(faces[1]) < len(images) / 2
    # Both can be used again.
    assert shared.run(tiny_tflite.images()).shape == (24, 4)


@pytest.mark.parametrize("broken", [0, 1])
def test_a_face_that_fails_is_one_clear_error(broken: int) -> None:
    shared = LiteRt(tiny_tflite.converted("int8"), workers=2)
    shared.run(tiny_tflite.images())

    def fails(face: np.ndarray) -> np.ndarray:
        raise RuntimeError("node number 3\nfailed to invoke")

    shared.interpreters[broken].answer = fails
    wait_for_each_other(*shared.interpreters)
    with pytest.raises(ExportFileError, match=r"^LiteRT [\d.]+ cannot run the file: node number 3 failed to invoke$"):
        shared.run(np.repeat(tiny_tflite.images(), 20, axis=0))


def wait_for_each_other(first: Any, second: Any) -> tuple[list[int], list[int]]:
    """Let neither of two interpreters go on after the trial until the other has had a face too.

    Returns a list for each that grows by 1 with every face.
    """
    faces: tuple[list[int], list[int]] = ([], [])
    first_went_on, second_began = threading.Event(), threading.Event()
    answer_first, answer_second = first.answer, second.answer

    def first_answers(face: np.ndarray) -> np.ndarray:
        faces[0].append(1)
        if len(faces[0]) > face_queue.TRIAL:
            first_went_on.set()
            assert second_began.wait(20)
        try:
            return answer_first(face)
        except RuntimeError:
            first_went_on.set()  # nor let the other one wait for one that has failed
            raise

    def second_answers(face: np.ndarray) -> np.ndarray:
        faces[1].append(1)
        second_began.set()
        assert first_went_on.wait(20)
        return answer_second(face)

    first.answer, second.answer = first_answers, second_answers
    return faces
