"""How a browser's answers are compared with the native runtime's."""

import gzip

import numpy as np
import pytest
from benchmarks.web import browser

WANTED = np.array([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]], np.float32)


def test_the_same_answers_agree_to_the_bit():
    found = browser.agreement(WANTED, WANTED.copy())
    assert found == {"same_label": 1.0, "same_bits": 1.0, "largest_difference": 0.0}


def test_a_step_and_another_label_are_told_apart():
    answered = WANTED.copy()
    answered[0, 1] += 2**-8
    assert browser.agreement(WANTED, answered) == {
        "same_label": 1.0,
        "same_bits": 0.5,
        "largest_difference": 2**-8,
    }
    answered[1] = [0.7, 0.2, 0.1]
    found = browser.agreement(WANTED, answered)
    assert (found["same_label"], found["same_bits"]) == (0.5, 0.0)
    assert found["largest_difference"] == pytest.approx(0.6)


def test_a_file_is_sized_as_it_is_and_as_it_is_sent(tmp_path):
    path = tmp_path / "a.wasm"
    path.write_bytes(b"\0" * 4000)
    assert browser.sizes(path) == {"bytes": 4000, "gzip_bytes": len(gzip.compress(b"\0" * 4000, 9))}
