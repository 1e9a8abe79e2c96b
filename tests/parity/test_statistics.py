import math

import numpy as np
import pytest

from fer_export.parity.statistics import (
    Proportion,
    accuracy,
    confusion_matrix,
    expected_calibration_error,
    kl_divergence,
    mcnemar_exact,
    paired_difference_interval,
    recalls,
    reliability,
)


def test_wilson_interval_equals_published_values():
    # Newcombe (1998), Statistics in Medicine 17, table I, method 3.
    for hits, count, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)):
        assert Proportion(hits, count).interval == pytest.approx((low, high), abs=5e-5)


def test_no_faces_give_no_accuracy():
    assert math.isnan(Proportion(0, 0).value)


def test_accuracy_counts_rows_whose_largest_is_the_target():
    probabilities = np.array([[0.7, 0.3], [0.2, 0.8], [0.6, 0.4]], np.float32)
    assert accuracy(probabilities, np.array([0, 1, 1])) == Proportion(2, 3)


def test_confusion_and_recall_count_faces_by_true_class_also_without_faces_of_one():
    probabilities = np.eye(3, dtype=np.float32)[[0, 1, 1, 2]]
    confusion = confusion_matrix(probabilities, np.array([0, 0, 1, 1]))
    assert confusion == ((1, 1, 0), (0, 1, 1), (0, 0, 0))
    assert recalls(confusion) == (Proportion(1, 2), Proportion(1, 2), Proportion(0, 0))


@pytest.mark.parametrize(
    ("lost", "gained", "p"),
    [
        (0, 0, 1.0),
        (5, 5, 1.0),
        (0, 6, 2 / 64),
        (1, 7, 2 * (1 + 8) / 256),
        (10, 2, 2 * (1 + 12 + 66) / 4096),
        (4, 5, 1.0),
    ],
)
def test_mcnemar_equals_the_binomial_by_hand(lost, gained, p):
    assert mcnemar_exact(lost, gained) == mcnemar_exact(gained, lost) == pytest.approx(p, rel=1e-12)


def test_mcnemar_holds_for_many_faces():
    exact = 2 * sum(math.comb(820, wins) for wins in range(401)) / 2**820
    assert mcnemar_exact(400, 420) == pytest.approx(exact, rel=1e-9)
    assert mcnemar_exact(100_000, 100_000) == 1.0
    assert mcnemar_exact(100_000, 0) == 0.0
    # So many faces are as good as normal: z of (b - c) / sqrt(b + c), with the correction for counts.
    z = (1000 - 1) / math.sqrt(199_000)
    assert mcnemar_exact(99_000, 100_000) == pytest.approx(math.erfc(z / math.sqrt(2)), rel=1e-3)


@pytest.mark.parametrize(
    ("lost", "gained", "count", "low", "high"),
    [
        (9, 3, 32, -0.027, 0.390),  # Tango (1998)
        (16, 8, 86, -0.020, 0.207),  # Agresti and Min (2005)
        (1, 7, 21, -0.517, -0.026),  # Fagerland, Lydersen and Laake (2014)
    ],
)
def test_paired_interval_equals_published_values(lost, gained, count, low, high):
    assert paired_difference_interval(lost, gained, count) == pytest.approx((low, high), abs=5e-4)
    assert paired_difference_interval(gained, lost, count) == pytest.approx((-high, -low), abs=5e-4)


def test_paired_interval_has_a_width_where_nothing_changed_and_ends_at_1():
    z2 = 1.959963984540054**2
    assert paired_difference_interval(0, 0, 55) == pytest.approx((-z2 / (55 + z2), z2 / (55 + z2)))
    low, high = paired_difference_interval(55, 0, 55)
    assert (low, high) == (pytest.approx(0.8694, abs=1e-4), 1.0)
    assert all(map(math.isnan, paired_difference_interval(0, 0, 0)))


def test_paired_interval_covers_the_truth_for_55_faces():
    faces = 55
    counts = [(lost, gained) for lost in range(faces + 1) for gained in range(faces + 1 - lost)]
    intervals = {pair: paired_difference_interval(*pair, faces) for pair in counts}
    for lose, gain in ((0.05, 0.01), (0.1, 0.05), (0.15, 0.02), (0.25, 0.05), (0.01, 0.1)):
        covered = 0.0
        for (lost, gained), (low, high) in intervals.items():
            ways = math.comb(faces, lost) * math.comb(faces - lost, gained)
            chance = ways * lose**lost * gain**gained * (1 - lose - gain) ** (faces - lost - gained)
            covered += chance * (low <= lose - gain <= high)
        assert 0.94 <= covered <= 0.99


def test_kl_divergence_in_nats():
    reference = np.array([[0.5, 0.5], [0.25, 0.75]], np.float32)
    given = np.array([[0.75, 0.25], [0.25, 0.75]], np.float32)
    assert kl_divergence(reference, reference) == 0.0
    assert kl_divergence(reference, given) == pytest.approx(0.5 * (0.5 * math.log(2 / 3) + 0.5 * math.log(2)))


def test_kl_divergence_takes_a_zero_for_half_a_step():
    step = 1 / 256
    reference = np.array([[1 - step, step], [0.5, 0.5]])
    given = np.array([[1.0, 0.0], [1 - step, step]])
    half = step / 2
    first = (1 - step) * math.log((1 - step) * (1 + half)) + step * math.log(step * (1 + half) / half)
    second = 0.5 * math.log(0.5 / (1 - step)) + 0.5 * math.log(0.5 / step)
    assert kl_divergence(reference, given) == pytest.approx((first + second) / 2)
    # Never half of a large probability, and a zero of Keras costs nothing.
    assert kl_divergence(np.array([[0.5, 0.5]]), np.array([[1.0, 0.0]])) > 2
    assert kl_divergence(np.array([[1.0, 0.0]]), np.array([[0.5, 0.5]])) == pytest.approx(math.log(2))


def test_kl_divergence_of_a_nan_is_none_of_the_others():
    assert math.isnan(kl_divergence(np.array([[0.5, 0.5]]), np.array([[np.nan, 0.5]])))


def test_calibration_error_of_overconfident_and_honest_predictions():
    certain = np.tile(np.array([[1.0, 0.0]], np.float32), (10, 1))
    half_right = np.array([0, 1] * 5)
    assert expected_calibration_error(certain, half_right) == pytest.approx(0.5)
    honest = np.tile(np.array([[0.8, 0.2]], np.float32), (10, 1))
    assert expected_calibration_error(honest, np.array([0] * 8 + [1] * 2)) == pytest.approx(0.0, abs=1e-6)


def test_reliability_and_the_error_from_its_bins():
    probabilities = np.array([[0.6, 0.4], [0.62, 0.38], [0.1, 0.9], [0.0, 1.0]], np.float32)
    bins = reliability(probabilities, np.array([0, 1, 1, 1]), bins=5)
    assert [each.faces for each in bins] == [0, 0, 0, 2, 2]
    assert (bins[3].confidence, bins[3].accuracy) == (pytest.approx(0.61), 0.5)
    assert (bins[4].confidence, bins[4].accuracy) == (pytest.approx(0.95), 1.0)
    assert math.isnan(bins[0].accuracy)
    error = expected_calibration_error(probabilities, np.array([0, 1, 1, 1]), bins=5)
    assert error == pytest.approx((2 * 0.11 + 2 * 0.05) / 4)


def test_calibration_error_of_a_nan_is_no_number():
    probabilities = np.array([[0.6, 0.4], [np.nan, 0.5]], np.float32)
    assert math.isnan(expected_calibration_error(probabilities, np.array([0, 1])))
    assert sum(each.faces for each in reliability(probabilities, np.array([0, 1]))) == 1
