"""Crops that are turned until the eyes lie level."""

from dataclasses import replace

import numpy as np
import pytest
from benchmarks.photo import alignment

from fer_export.bundle.golden.drawn_face import drawn_face
from fer_export.contract import contract_for
from fer_export.dataset.emotions import FER2013
from fer_export.photo import Box, Detector, crop

CONTRACT = contract_for(FER2013, 48)
WHOLE = replace(CONTRACT, detectors=CONTRACT.detectors[:2])


def photo():
    pixels = np.full((400, 400, 3), 128, np.uint8)
    pixels[100:300, 100:300] = drawn_face(200)
    return pixels


@pytest.mark.parametrize("box", [Box(130, 120, 270, 260), Box(-20, 150, 100, 270), Box(0, 0, 400, 400)])
def test_no_turn_gives_the_upright_crop(box):
    assert np.array_equal(alignment.level(photo(), box, 0, CONTRACT), crop.face(photo(), box, CONTRACT))


@pytest.mark.parametrize("degrees", [-20, 20])
def test_the_eyes_of_a_turned_face_are_seen_and_turned_back(degrees):
    given = alignment.turned(photo(), degrees)
    (face,) = Detector(WHOLE).faces(given)
    angle = alignment.Eyes(WHOLE).angle(given, face)
    assert angle == pytest.approx(-degrees, abs=6)


@pytest.mark.parametrize("degrees", [-20, 20])
def test_the_crop_is_turned_back(degrees):
    given, upright = alignment.turned(photo(), degrees), crop.face(photo(), Box(120, 120, 280, 280), CONTRACT)
    middle = given.shape[0] // 2
    box = Box(middle - 80, middle - 80, middle + 80, middle + 80)
    off = alignment.level(given, box, -degrees, CONTRACT).astype(int) - upright
    assert np.abs(off).mean() < 3


def test_gains_are_counted_in_pairs():
    before, after = np.array([True, True, False, False, False]), np.array([True, False, True, True, False])
    found = alignment.compared(before, after)
    assert (found["gained"], found["lost"], found["gain"]) == (2, 1, 0.2)
    assert found["gain_95"][0] < 0.2 < found["gain_95"][1]
    assert found["mcnemar_p"] == 1
    over = alignment.over_turns(np.stack([before, before]), np.stack([after, after]))
    assert (over["gain"], over["accuracy"]) == (0.2, 0.6)
