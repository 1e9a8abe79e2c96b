"""Counting on labelled photos: what was missed counts, and a shift is Bayes' rule."""

import numpy as np
import pytest
from benchmarks.photo import photos_accuracy as script

LABELS = ("joy", "neutral", "disgust")


def test_photos_without_a_face_and_labels_unknown_count_as_wrong():
    known = script.Photos(np.zeros((3, 2, 2, 1), np.uint8), ("happy", "neutral", "contempt"), ("happy",))
    found = script.of_photos(np.eye(3)[[0, 0, 1]], LABELS, known)
    assert (found["accuracy"]["hits"], found["accuracy"]["count"]) == (1, 4)
    assert found["emotions"]["happy"]["recall"]["value"] == 0.5
    assert found["emotions"]["happy"]["precision"]["value"] == 0.5
    assert found["emotions"]["contempt"]["precision"] is None


def test_common_faces_called_rare_are_counted():
    answers = np.eye(3)[[0, 2, 2, 1]]
    found = script.of_split(answers, np.array([0, 0, 2, 1]), LABELS)
    assert found["common_called_rare"]["hits"] == 1
    assert found["common_called_rare"]["count"] == 3
    assert found["balanced_accuracy"] == pytest.approx((0.5 + 1 + 1) / 3, abs=1e-5)


def test_shift_of_logits():
    given = np.array([[0.5, 0.25, 0.25]], np.float32)
    assert script.moved(given, np.log([1.0, 2.0, 2.0])) == pytest.approx(np.full((1, 3), 1 / 3))
