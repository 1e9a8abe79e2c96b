import numpy as np
import pytest

from fer_export.errors import ExportFileError
from fer_export.parity import ParityFaces, align, compare
from fer_export.variants import Gate

GATE = Gate(min_agreement=0.98, max_drop=0.5, max_mean_difference=0.05)


def faces(count, targets=None):
    return ParityFaces(np.zeros((count, 48, 48, 1), np.uint8), targets, "made faces", ())


def one_hot(classes, count=3, certainty=0.8):
    rest = (1 - certainty) / (count - 1)
    return np.where(np.eye(count)[classes] == 1, certainty, rest).astype(np.float32)


def test_equal_probabilities_pass_with_figures():
    reference = one_hot([0, 1, 2, 1])
    result = compare(reference, reference, faces(4, np.array([0, 1, 2, 2])), GATE)
    assert result.passed
    assert (result.agreement.value, result.keras_accuracy.value, result.drop) == (1.0, 0.75, 0.0)
    assert result.largest_difference == result.mean_difference == 0.0


def test_flips_fail_the_agreement_and_lost_accuracy_the_drop():
    reference, given = one_hot([0] * 100), one_hot([0] * 97 + [1] * 3)
    result = compare(reference, given, faces(100, np.zeros(100, int)), GATE)
    assert result.drop == pytest.approx(3.0)
    assert [text.split()[0] for text in result.failures] == ["agreement", "accuracy"]


def test_changed_probabilities_fail_even_when_top_1_holds():
    result = compare(one_hot([0, 1], certainty=0.95), one_hot([0, 1], certainty=0.6), faces(2), GATE)
    assert result.agreement.value == 1.0
    assert not result.passed


def test_nan_fails():
    given = np.full((4, 3), np.nan, np.float32)
    assert not compare(one_hot([0, 1, 2, 1]), given, faces(4), GATE).passed


def test_columns_are_matched_by_name():
    given = np.array([[0.1, 0.9]], np.float32)
    assert align(given, ("happy", "sad"), ("sad", "happy")).tolist() == [[pytest.approx(0.9), pytest.approx(0.1)]]


def test_other_labels_are_refused():
    with pytest.raises(ExportFileError, match="--model"):
        align(np.zeros((1, 2), np.float32), ("happy", "sad"), ("happy", "fear"))
