"""Parity as text: every figure in its column, nothing about truth where there is none."""

import numpy as np
import pytest

from fer_export.contract.variants import Gate
from fer_export.parity.compare import compare
from fer_export.parity.figures import ParityFaces
from fer_export.parity.judge import Judged, Judgement
from fer_export.report.text.parity import parity_text, recall_table, verdict

LABELS = ("angry", "happy", "sad")
GATE = Gate(min_agreement=0.98, max_drop=0.5, max_mean_difference=0.05)
KERAS = np.array([0] * 300 + [1] * 300)
TRUTH = np.array([0] * 200 + [1] * 400)


def ran(name, result):
    return name, Judged(result, "litert 2.3.0", np.zeros((0, 3), np.float32))


def judge(changed, targets=TRUTH, damage=1.0):
    """Parity of a file that says sad of the last `changed` faces."""
    answers = np.where(np.arange(600) >= 600 - changed, 2, KERAS)
    reference, given = (0.7 * np.eye(3, dtype=np.float32)[each] + np.float32(0.1) for each in (KERAS, answers))
    return compare(reference, damage * given, ParityFaces(np.zeros(1), targets, "made faces", ()), GATE, LABELS)


def row(text, start):
    return next(line for line in text.splitlines() if line.startswith(start))


def test_figures_stand_in_one_row_a_file_and_lines_fit_a_terminal():
    text = parity_text(Judgement((ran("out/a.tflite", judge(0)), ran("out/b.tflite", judge(12)))))
    assert text.startswith("parity on 600 faces: made faces; run in litert 2.3.0\n")
    assert row(text, "a.tflite").split()[:3] == ["a.tflite", "100.00", "(99.36-100.00)"]
    cells = row(text, "b.tflite").split()
    assert cells[1] == "98.00"
    assert cells[-1] == "12/0/0"
    assert "+2.00" in cells
    assert "83.3 (80.1-86.1)" in row(text, "Keras")
    assert max(map(len, text.split("PASSED")[0].splitlines())) <= 120


def test_legend_names_every_column():
    text = parity_text(Judgement((ran("a.tflite", judge(12)),)))
    for word in ("agreement:", "drop:", "p:", "lost/won/other:", "diff:", "KL:", "ECE:", "95 % intervals"):
        assert word in text


def test_recall_stands_under_files_that_changed_an_answer():
    text = parity_text(Judgement((ran("a.tflite", judge(0)), ran("b.tflite", judge(12)))))
    assert "recall in b.tflite" in text
    assert "recall in a.tflite" not in text
    table = recall_table(judge(12))
    assert table in text
    happy = row(table, "happy")
    assert happy.split()[:2] == ["happy", "400"]
    assert "75.0 (70.5-79.0)" in happy
    assert "+3.0 (+1.7 to +5.2)" in happy
    assert row(table, "sad").split() == ["sad", "0", "-", "-", "-", "-"]


def test_faces_without_truth_have_no_columns_of_it():
    text = parity_text(Judgement((ran("a.tflite", judge(3, targets=None)),)))
    assert "answers changed" in text
    for word in ("accuracy", "recall", "drop", "ECE", "lost"):
        assert word not in text
    assert recall_table(judge(3, targets=None)) == ""


def test_files_of_one_name_keep_their_folders():
    text = parity_text(Judgement((ran("old/a.tflite", judge(0)), ran("new/a.tflite", judge(0)))))
    assert row(text, "old/a.tflite")
    assert row(text, "new/a.tflite")


def test_verdict_has_its_cautions_under_it():
    judged = judge(12)
    lines = verdict("out/b.tflite", judged).splitlines()
    assert lines[0].startswith("FAILED  out/b.tflite: accuracy drop 2.00 points is over 0.5")
    assert lines[1:] == [f"        caution: {caution}" for caution in judged.cautions]
    assert len(lines) > 1
    passed = verdict("a.tflite", judge(0))
    assert passed.startswith("PASSED  a.tflite  (gate: agreement >= 98.0 %, drop <= 0.5 points, mean diff <= 0.05, ")


@pytest.mark.parametrize("targets", [None, TRUTH])
def test_nan_is_printed_and_fails(targets):
    text = parity_text(Judgement((ran("a.tflite", judge(0, targets, damage=np.float32(np.nan))),)))
    assert "nan" in text
    assert "FAILED  a.tflite" in text
