"""The gate's words: what it fails, and what so many faces cannot confirm."""

import re

import numpy as np
import pytest

from fer_export.contract.variants import Gate
from fer_export.parity.compare import compare
from fer_export.parity.figures import ParityFaces
from fer_export.parity.statistics import Proportion, paired_difference_interval

LABELS = ("angry", "happy", "sad")


def judge(count, lost=0, gained=0, other=0, labelled=True, **limits):
    """Parity on `count` happy faces, of which so many flip; Keras has half of the unchanged ones right."""
    rest = count - lost - gained - other
    right = rest // 2
    before = [1] * (right + lost) + [0] * (rest - right + gained + other)
    after = [1] * right + [0] * lost + [0] * (rest - right) + [1] * gained + [2] * other
    gate = Gate(**{"min_agreement": 0.98, "max_drop": 0.5, "max_mean_difference": 1.0, **limits})
    faces = ParityFaces(np.zeros(1, np.uint8), np.ones(count, int) if labelled else None, "made faces", ())
    return compare(*(np.eye(3, dtype=np.float32)[each] for each in (before, after)), faces, gate, LABELS)


def said(result, *words):
    """The one caution that holds all the words."""
    found = [caution for caution in result.cautions if all(word in caution for word in words)]
    assert len(found) == 1, result.cautions
    return found[0]


def test_enough_faces_need_no_caution():
    assert judge(20_000, lost=20, gained=20, other=10).cautions == ()


def test_few_faces_cannot_confirm_a_drop_and_it_says_how_many_would():
    result = judge(700, lost=4, gained=3)
    assert result.passed
    sentence = said(result, "700 faces are too few to confirm a drop of at most 0.5 points")
    assert "{:+.2f} to {:+.2f}".format(*result.drop_interval) in sentence
    needed = int(re.search(r"about ([\d,]+) faces are enough", sentence)[1].replace(",", ""))
    low, high = paired_difference_interval(4 / 700 * needed, 3 / 700 * needed, needed)
    assert 0.46 < 100 * (high - low) <= 0.5


def test_faces_that_never_flipped_still_cannot_confirm_it_when_few():
    said(judge(100), "100 faces are too few to confirm a drop", "faces are enough")


def test_a_wide_interval_within_the_gate_is_said_to_be_within():
    result = judge(3589, lost=14, gained=23)
    assert result.cautions == (said(result, "wider than 0.5 points", "upper end is within the gate"),)


def test_a_wide_interval_over_the_gate_is_said_to_be_over():
    result = judge(500, lost=60)
    assert [text.split()[0] for text in result.failures] == ["agreement", "accuracy", "recall"]
    said(result, "wider than 0.5 points", "lower end is over the gate")


def test_a_narrow_interval_around_the_limit_cannot_be_told_from_it():
    result = judge(30_000, lost=200, gained=60)
    assert 0 < result.drop < 0.5 < result.drop_interval[1]
    said(result, "cannot be distinguished from the gate's 0.5")


def test_a_small_drop_that_is_real_is_called_so():
    result = judge(20_000, lost=60, gained=20)
    assert result.passed
    said(result, "drop of 0.20 points is small but significant", "p = 8.6e-06")
    assert not any("real" in caution for caution in judge(20_000, lost=30, gained=22).cautions)
    assert not any("real" in caution for caution in judge(20_000, lost=20, gained=60).cautions)


def test_a_failed_drop_that_chance_explains_says_so():
    by_chance, for_sure = judge(700, lost=5, gained=1), judge(700, lost=12, gained=1)
    assert by_chance.failures == (
        "accuracy drop 0.57 points is over 0.5 (p = 0.22: chance alone can give such a drop; judge on more faces)",
    )
    assert for_sure.failures == ("accuracy drop 1.57 points is over 0.5",)


def test_agreement_near_its_limit_cannot_be_told_from_it():
    wanted = "98.19 % (97.70-98.58) cannot be distinguished from the gate's 98 %"
    assert wanted in said(judge(3589, other=65), "agreement")
    assert not any("agreement" in caution for caution in judge(3589, other=20).cautions)
    failed = judge(3589, other=75)
    assert not failed.passed
    said(failed, "agreement 97.91 %", "cannot be distinguished")


def test_few_probe_faces_cannot_confirm_an_agreement():
    result = judge(128, labelled=False, min_agreement=0.995)
    assert result.passed
    sentence = said(result, "128 faces are too few to confirm an agreement of 99.5 %", "97.09-100.00 %", "`data")
    needed = int(re.search(r"about (\d+) faces", sentence)[1])
    assert Proportion(needed, needed).interval[0] >= 0.995 > Proportion(needed - 20, needed - 20).interval[0]


def test_an_emotion_that_is_lost_is_named_with_its_interval():
    targets = np.array([0] * 3500 + [2] * 55)
    before = np.where(np.arange(3555) < 3530, targets, 0)  # Keras finds 30 of the 55 sad faces
    for found, marked in ((0, False), (24, True)):
        after = before.copy()
        after[3500 + found : 3530] = 0
        probabilities = (np.eye(3, dtype=np.float32)[each] for each in (before, after))
        gate = Gate(min_agreement=0.98, max_drop=1.0, max_mean_difference=1.0)
        result = compare(*probabilities, ParityFaces(np.zeros(1, np.uint8), targets, "made", ()), gate, LABELS)
        low, high = result.recalls[2].drop_interval
        fell = 100 * (30 - found) / 55
        sentence = said(result, f"recall of sad fell by {fell:.1f} points ({low:.1f} to {high:.1f}), 55 faces")
        assert ("chance alone" in sentence) == marked
        failed = f"recall of sad fell by {fell:.1f} points, over 10" in result.failures
        assert failed == (not marked)


def test_an_emotion_that_may_not_have_fallen_is_not_named():
    assert not any("recall" in caution for caution in judge(700, lost=4, gained=3).cautions)


@pytest.mark.parametrize("limit", [0.0, -200.0])
def test_limits_no_number_of_faces_can_meet_are_judged_all_the_same(limit):
    result = judge(700, lost=4, gained=3, max_drop=limit)
    assert not result.passed
    assert not any("are enough" in caution for caution in result.cautions)


def test_nan_is_damage_and_not_a_matter_of_faces():
    faces = ParityFaces(np.zeros(1, np.uint8), np.zeros(4, int), "made faces", ())
    given = np.full((4, 3), np.nan, np.float32)
    result = compare(np.eye(3, dtype=np.float32)[[0] * 4], given, faces, Gate(0.0, 100.0, 1.0), LABELS)
    assert result.failures == ("some of its probabilities are not numbers (NaN)",)
    assert result.cautions == ()
