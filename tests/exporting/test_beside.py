"""Work beside a thread: its order, errors and progress, and how an exception ends it."""

import threading
import time

import pytest

from fer_export.exporting.beside import Beside, Stopped


def silent(task, done, total):
    pass


def test_pieces_are_done_one_after_another_and_give_their_results():
    order = []
    with Beside(silent) as beside:
        pieces = [
            beside.hand_over(lambda on_step, number=number: order.append(number) or number) for number in range(5)
        ]
        assert [piece.result() for piece in pieces] == list(range(5))
    assert order == list(range(5))
    assert all(piece.done for piece in pieces)


def test_an_error_is_raised_where_its_result_is_asked_for():
    def fails(on_step):
        raise ValueError("odd")

    with Beside(silent) as beside:
        failing, next_one = beside.hand_over(fails), beside.hand_over(lambda on_step: "fine")
        assert next_one.result() == "fine"
        with pytest.raises(ValueError, match="odd"):
            failing.result()


def test_progress_is_shown_only_while_its_thread_is_waited_for():
    told, said, asked = [], threading.Event(), threading.Event()

    def works(on_step):
        on_step("judging", 1, 2)
        said.set()
        asked.wait(10)
        time.sleep(0.05)
        on_step("judging", 2, 2)

    with Beside(lambda *step: told.append(step)) as beside:
        piece = beside.hand_over(works)
        assert said.wait(10)
        asked.set()
        piece.result()
    assert told == [("judging", 2, 2)]


def test_an_exception_ends_the_work_at_its_next_step_and_starts_no_other():
    ended, begun, other = threading.Event(), threading.Event(), []

    def works(on_step):
        begun.set()
        try:
            while True:
                on_step("judging", 0, 1)
                time.sleep(0.001)
        except Stopped:
            ended.set()
            raise

    def interrupted():
        with Beside(silent) as beside:
            beside.hand_over(works)
            beside.hand_over(other.append)
            begun.wait(10)
            raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert time.monotonic() - started < 5
    assert ended.wait(10)
    time.sleep(0.05)
    assert other == []
