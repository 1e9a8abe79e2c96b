import math

import numpy as np
import pytest

from fer_export.statistics import Proportion, accuracy, expected_calibration_error


def test_wilson_interval_equals_published_values():
    # Newcombe (1998), Statistics in Medicine 17, table I, method 3.
    for hits, count, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)):
        assert Proportion(hits, count).interval == pytest.approx((low, high), abs=5e-5)


def test_no_faces_give_no_accuracy():
    assert math.isnan(Proportion(0, 0).value)


def test_accuracy_counts_rows_whose_largest_is_the_target():
    probabilities = np.array([[0.7, 0.3], [0.2, 0.8], [0.6, 0.4]], np.float32)
    assert accuracy(probabilities, np.array([0, 1, 1])) == Proportion(2, 3)


def test_calibration_error_of_overconfident_and_honest_predictions():
    certain = np.tile(np.array([[1.0, 0.0]], np.float32), (10, 1))
    half_right = np.array([0, 1] * 5)
    assert expected_calibration_error(certain, half_right) == pytest.approx(0.5)
    honest = np.tile(np.array([[0.8, 0.2]], np.float32), (10, 1))
    assert expected_calibration_error(honest, np.array([0] * 8 + [1] * 2)) == pytest.approx(0.0, abs=1e-6)
