"""Judging on as few faces as a gate needs: exact chances, and decisions that all the faces confirm."""

import dataclasses
import functools
from itertools import combinations

import numpy as np
import pytest
from tests.helpers import tiny_tflite

from fer_export.contract import Gate
from fer_export.model_file import tflite_metadata
from fer_export.parity import Judge, ParityFaces, compare, sequential
from fer_export.runtimes import LiteRt

LABELS = ("one", "two")
GATE = Gate(0.995, 0.5, 0.02)


def parity(flips: int, faces: int, gate: Gate = GATE):
    reference = np.tile(np.float32([0.9, 0.1]), (faces, 1))
    given = reference.copy()
    given[:flips] = given[:flips, ::-1]
    pictures = ParityFaces(np.zeros((faces, 2, 2, 1), np.uint8), None, "drawn", ())
    return compare.compare(reference, given, pictures, gate, LABELS)


@pytest.mark.parametrize(("flips", "seen", "flipping", "count"), [(0, 3, 2, 8), (1, 4, 3, 9), (2, 5, 4, 10)])
def test_the_chance_is_that_of_counting_every_draw(flips, seen, flipping, count):
    draws = list(combinations(range(count), seen))
    few = sum(sum(face < flipping for face in draw) <= flips for draw in draws)
    assert sequential.chance(flips, seen, flipping, count) == pytest.approx(few / len(draws))


def test_the_looks_share_one_chance_in_twenty():
    assert sum(sequential.LOOKS.values()) == pytest.approx(0.05)
    assert sequential.level(3589, 3589) == 0


def test_a_good_file_is_decided_early_and_a_doubtful_one_is_not():
    looks = list(sequential.stops(3589))
    assert looks[-1] == 3589
    assert looks == sorted(looks)
    assert sequential.enough(parity(0, looks[0]), 3589)
    assert not sequential.enough(parity(4, looks[0]), 3589)
    assert list(sequential.stops(300)) == [300]


def test_a_file_that_cannot_pass_any_more_is_decided():
    assert not sequential.enough(parity(17, 1220), 3589)
    assert sequential.enough(parity(18, 1220), 3589)


def test_limits_that_no_file_can_miss_are_decided_at_the_first_look():
    anything = Gate(0.0, 100.0, 2.0)
    assert sequential.enough(parity(5, 20, anything), 28)
    assert sequential.enough(parity(28, 28, anything), 28)


def test_the_drop_limits_the_flips_where_the_agreement_does_not():
    loose = dataclasses.replace(GATE, min_agreement=0.9)
    assert not sequential.enough(parity(10, 1220, loose), 3589)


def test_a_mean_difference_near_its_limit_needs_every_face():
    near = dataclasses.replace(GATE, max_mean_difference=0.0006)
    assert parity(1, 1543, near).passed
    assert sequential.enough(parity(0, 1543, near), 3589)
    assert not sequential.enough(parity(1, 1543, near), 3589)


def test_a_file_that_misses_its_gate_seldom_passes_early():
    # 18 of 3,589 flips is the least that misses 99.5 %.
    rng, early, trials = np.random.default_rng(0), 0, 2000
    chance = functools.cache(sequential.chance)
    for _ in range(trials):
        flipped = np.zeros(3589, bool)
        flipped[rng.choice(3589, 18, replace=False)] = True
        for stop in list(sequential.stops(3589))[:-1]:
            if chance(int(flipped[:stop].sum()), stop, 18, 3589) <= sequential.level(stop, 3589):
                early += 1
                break
    assert early / trials <= sequential.LEVEL


def test_a_file_is_judged_on_the_faces_that_decide_and_on_them_exactly():
    content = tflite_metadata.embed(tiny_tflite.converted(), tiny_tflite.contract())
    images = tiny_tflite.images(count=2000)
    answers = LiteRt(content).run(images)
    truth = answers.argmax(axis=1)
    whole = Judge(ParityFaces(images, truth, "drawn", ()), answers, tiny_tflite.LABELS)

    judged = whole.judge_early(content, GATE)
    assert judged.passed
    assert judged.parity.faces == len(judged.positions) == 860
    assert (np.diff(judged.positions) > 0).all()
    assert (judged.probabilities == answers[judged.positions]).all()
    assert judged.parity.file_accuracy.value == 1

    wrong = np.roll(answers, 1, axis=1)
    refused = Judge(whole.faces, wrong, tiny_tflite.LABELS).judge_early(content, GATE)
    assert not refused.passed
    assert refused.parity.faces == 360
    assert whole.judge(content, GATE).positions is None
    few = whole.only(np.arange(300))
    assert few.judge_early(content, GATE).positions is None
