import json
import math

import numpy as np
import pytest

from fer_export.contract.variants import Gate
from fer_export.errors import ExportFileError
from fer_export.parity.compare import align, compare
from fer_export.parity.figures import Flips, ParityFaces
from fer_export.parity.statistics import Proportion, paired_difference_interval

GATE = Gate(min_agreement=0.98, max_drop=0.5, max_mean_difference=0.05)
LABELS = ("angry", "happy", "sad")


def faces(count, targets=None):
    return ParityFaces(np.zeros((count, 48, 48, 1), np.uint8), targets, "made faces", ())


def one_hot(classes, count=3, certainty=0.8):
    rest = (1 - certainty) / (count - 1)
    return np.where(np.eye(count)[classes] == 1, certainty, rest).astype(np.float32)


def judge(before, after, targets=None):
    """Parity of a file that answers `after` where Keras answers `before`."""
    targets = None if targets is None else np.array(targets)
    return compare(one_hot(before), one_hot(after), faces(len(before), targets), GATE, LABELS)


def test_equal_probabilities_pass_with_figures():
    result = judge([0, 1, 2, 1], [0, 1, 2, 1], [0, 1, 2, 2])
    assert result.passed
    assert (result.agreement.value, result.keras_accuracy.value, result.drop) == (1.0, 0.75, 0.0)
    assert result.largest_difference == result.mean_difference == result.kl_divergence == 0.0
    assert (result.mcnemar_p, result.flipped, result.flips.total) == (1.0, (), 0)


def test_flips_fail_the_agreement_and_lost_accuracy_the_drop():
    result = judge([0] * 100, [0] * 97 + [1] * 3, [0] * 100)
    assert result.drop == pytest.approx(3.0)
    assert [text.split()[0] for text in result.failures] == ["agreement", "accuracy"]


def test_flips_by_kind_with_the_drop_their_p_and_interval():
    #         kept, lost, lost, gained, other, kept wrong
    result = judge([0, 1, 2, 0, 0, 0], [0, 0, 1, 1, 1, 0], [0, 1, 2, 1, 2, 2])
    assert result.flips == Flips(right_to_wrong=2, wrong_to_right=1, wrong_to_wrong=1)
    assert result.flipped == (1, 2, 3, 4)
    assert (result.keras_accuracy, result.file_accuracy) == (Proportion(3, 6), Proportion(2, 6))
    assert result.drop == pytest.approx(100 / 6, abs=1e-3)
    assert result.mcnemar_p == 1.0
    assert result.drop_interval == pytest.approx([100 * end for end in paired_difference_interval(2, 1, 6)], abs=1e-3)
    assert result.keras_confusion == ((1, 0, 0), (1, 1, 0), (2, 0, 1))
    assert result.file_confusion == ((1, 0, 0), (1, 1, 0), (1, 2, 0))


def test_recall_of_each_emotion_with_its_paired_interval():
    result = judge([0] * 10 + [1] * 6, [0] * 10 + [0] * 6, [0] * 10 + [1] * 6)
    angry, happy, sad = result.recalls
    assert (angry.label, angry.faces, angry.drop) == ("angry", 10, 0.0)
    assert (happy.keras, happy.file, happy.drop) == (Proportion(6, 6), Proportion(0, 6), 100.0)
    assert happy.mcnemar_p == pytest.approx(2 / 64, abs=1e-4)
    low, high = happy.drop_interval
    assert 0 < low < high == 100.0
    assert sad.faces == 0
    assert math.isnan(sad.drop)


def test_probe_faces_have_changes_and_nothing_that_needs_the_truth():
    result = judge([0, 1, 2, 1], [0, 1, 1, 1])
    assert result.flipped == (2,)
    for name in ("flips", "drop", "drop_interval", "mcnemar_p", "recalls", "keras_confusion", "file_confusion"):
        assert getattr(result, name) is None
    assert result.keras_calibration_error is result.file_calibration_error is None
    assert result.to_dict()["flips"] == {"total": 1}


def test_calibration_error_of_keras_and_file():
    targets = np.array([0] * 8 + [1] * 2)
    reference, given = one_hot([0] * 10, certainty=0.8), one_hot([0] * 10, certainty=0.95)
    result = compare(reference, given, faces(10, targets), GATE, LABELS)
    assert result.keras_calibration_error == pytest.approx(0.0, abs=1e-5)
    assert result.file_calibration_error == pytest.approx(0.15, abs=1e-5)


def test_changed_probabilities_fail_even_when_top_1_holds():
    result = compare(one_hot([0, 1], certainty=0.95), one_hot([0, 1], certainty=0.6), faces(2), GATE, LABELS)
    assert result.agreement.value == 1.0
    assert result.kl_divergence > 0.1
    assert not result.passed


def test_the_gate_judges_the_mean_before_it_is_rounded():
    limit = Gate(min_agreement=0.98, max_drop=0.5, max_mean_difference=0.1)
    given = one_hot([0, 1], certainty=0.8 - 0.10004)
    result = compare(one_hot([0, 1]), given, faces(2), limit, LABELS)
    assert result.mean_difference == 0.1
    assert not result.passed


@pytest.mark.parametrize("targets", [None, np.array([0, 1, 2, 2])])
def test_nan_fails_and_stays_out_of_the_document(targets):
    given = np.full((4, 3), np.nan, np.float32)
    result = compare(one_hot([0, 1, 2, 1]), given, faces(4, targets), GATE, LABELS)
    assert not result.passed
    assert "NaN" in result.failures[-1]
    document = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert document["mean_difference"] is document["kl_divergence"] is document["file_calibration_error"] is None
    mute = compare(given, one_hot([0, 1, 2, 1]), faces(4, targets), GATE, LABELS)
    assert json.loads(json.dumps(mute.to_dict(), allow_nan=False))["keras_calibration_error"] is None
    assert not mute.passed


def test_the_document_is_strict_json_also_without_faces_of_an_emotion():
    document = json.loads(json.dumps(judge([0, 1], [0, 0], [0, 1]).to_dict(), allow_nan=False))
    assert document["flips"] == {"total": 1, "right_to_wrong": 1, "wrong_to_right": 0, "wrong_to_wrong": 0}
    assert document["recalls"][1]["drop"] == 100.0
    assert document["recalls"][2]["drop_interval"] == [None, None]
    assert document["file_confusion"] == [[1, 0, 0], [1, 0, 0], [0, 0, 0]]
    assert "flipped" not in document
    assert document["cautions"]
    assert document["passed"] is False


def test_columns_are_matched_by_name():
    given = np.array([[0.1, 0.9]], np.float32)
    assert align(given, ("happy", "sad"), ("sad", "happy")).tolist() == [[pytest.approx(0.9), pytest.approx(0.1)]]


def test_other_labels_are_refused():
    with pytest.raises(ExportFileError, match="`network"):
        align(np.zeros((1, 2), np.float32), ("happy", "sad"), ("happy", "fear"))


def test_another_number_of_probabilities_is_refused():
    with pytest.raises(ExportFileError, match="3 probabilities and the network 2"):
        compare(one_hot([0], 2), one_hot([0], 3), faces(1), GATE, LABELS[:2])
