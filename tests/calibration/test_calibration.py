"""Calibration sets: which faces, how they are recorded, and that they never judge."""

import json

import numpy as np
import pytest

from fer_export.calibration import calibration_set
from fer_export.calibration.calibration_set import check_apart, face_hashes, from_probe, from_training
from fer_export.calibration.probe_faces import ProbeFaces
from fer_export.dataset import pixels as faces
from fer_export.dataset.dataset import Faces
from fer_export.dataset.emotions import FER2013, REPORT_6
from fer_export.errors import DataError

COUNTS = (40, 10, 40, 70, 50, 30, 60)
"""Training faces of each emotion, in FER2013's order: 300."""


def split(name="Training", counts=COUNTS, seed=0, first_row=1000):
    rng = np.random.default_rng(seed)
    emotions = rng.permutation(np.repeat(np.arange(7, dtype=np.uint8), counts))
    pixels = rng.integers(0, 256, (len(emotions), 48, 48, 1), dtype=np.uint8)
    return Faces(pixels, emotions, np.arange(len(emotions)) + first_row, name)


def test_the_sample_is_stratified_and_in_row_order():
    training = split()
    chosen = from_training(training, None, FER2013, 48, count=60)
    assert (chosen.images.shape, chosen.images.dtype) == ((60, 48, 48, 1), np.uint8)
    assert chosen.record["emotions"] == {name: faces // 5 for name, faces in zip(FER2013, COUNTS, strict=True)}
    rows = chosen.record["rows"]
    assert rows == sorted(set(rows))
    assert (training.pixels[np.array(rows) - 1000] == chosen.images).all()


def test_emotions_that_the_network_does_not_know_are_left_out():
    chosen = from_training(split(), None, REPORT_6, 48, count=58)
    assert sorted(chosen.record["emotions"]) == sorted(REPORT_6)
    assert chosen.record["count"] == 58


def test_the_seed_decides():
    first, same, other = (from_training(split(), None, FER2013, 48, count=30, seed=seed) for seed in (1, 1, 2))
    assert first.record == same.record
    assert (first.images == same.images).all()
    assert first.record["rows"] != other.record["rows"]
    assert (first.record["seed"], other.record["seed"]) == (1, 2)


def test_a_small_split_is_taken_whole():
    chosen = from_training(split(counts=(2, 2, 2, 2, 2, 2, 2)), None, FER2013, 48)
    assert chosen.record["count"] == len(chosen.images) == 14


def test_faces_of_the_parity_split_are_left_out_by_their_bytes():
    training, parity = split(), split("PublicTest", (5,) * 7, seed=1, first_row=0)
    shared = np.concatenate([parity.pixels, training.pixels[:200]])
    parity = Faces(shared, np.zeros(len(shared), np.uint8), np.arange(len(shared)), "PublicTest")
    chosen = from_training(training, parity, FER2013, 48, count=300)
    assert chosen.record["count"] == 100
    assert min(chosen.record["rows"]) == 1200
    assert not set(chosen.face_hashes) & set(face_hashes(parity.pixels))
    check_apart(chosen.record, face_hashes(parity.pixels), "a.tflite")


def test_the_split_that_judges_cannot_calibrate():
    with pytest.raises(DataError, match="`split='PublicTest'`"):
        from_training(split(), split(), FER2013, 48)


def test_too_few_faces_are_refused():
    training = split()
    parity = Faces(training.pixels[1:], training.emotions[1:], training.rows[1:], "PublicTest")
    with pytest.raises(DataError, match="no Training faces are left"):
        from_training(training, parity, FER2013, 48)


def test_the_record_is_json_with_rows_and_hashes():
    training = split()
    chosen = from_training(training, None, FER2013, 48, count=20, seed=3)
    assert json.loads(json.dumps(chosen.record, allow_nan=False)) == chosen.record
    by_row = dict(zip(training.rows.tolist(), face_hashes(training.pixels), strict=True))
    assert chosen.record["faces"] == [by_row[row] for row in chosen.record["rows"]]
    assert chosen.record["source"] == "Training faces"
    assert "without faces of the parity split" in chosen.record["sampling"]


def test_faces_are_resized_for_a_larger_network_and_hashed_as_stored():
    training = split()
    chosen = from_training(training, None, FER2013, 64, count=20)
    assert (chosen.images.shape, chosen.images.dtype) == ((20, 64, 64, 1), np.uint8)
    stored = training.pixels[np.array(chosen.record["rows"]) - 1000]
    assert list(chosen.face_hashes) == face_hashes(stored)
    assert (chosen.images == faces.fit(stored, 64)).all()


def test_probe_faces_calibrate_with_their_calibrating_half():
    images = np.random.default_rng(0).integers(0, 256, (12, 16, 16, 1), dtype=np.uint8)
    chosen = from_probe(ProbeFaces(images[:8], images[8:], {"seed": 7, "steps": 3}))
    assert (chosen.images == images[:8]).all()
    assert chosen.record["source"] == "probe faces"
    assert (chosen.record["seed"], chosen.record["count"]) == (7, 8)
    check_apart(chosen.record, face_hashes(images[8:]), "a.tflite")
    json.dumps(chosen.record, allow_nan=False)


def test_check_apart_counts_the_faces_that_do_both():
    images = split(counts=(2,) * 7).pixels
    record = {"faces": face_hashes(images[:10])}
    check_apart(record, face_hashes(images[10:]), "a.tflite")
    check_apart({}, face_hashes(images), "a.tflite")
    with pytest.raises(DataError, match=r"3 of the faces that would judge a\.tflite calibrated it"):
        check_apart(record, face_hashes(images[7:]), "a.tflite")


def test_hashes_tell_faces_apart_and_depend_on_bytes_alone():
    images = split(counts=(2,) * 7).pixels
    hashes = face_hashes(images)
    assert len(set(hashes)) == len(images)
    assert all(len(value) == 16 for value in hashes)
    assert face_hashes(images[::-1]) == hashes[::-1]
    assert face_hashes(np.asfortranarray(images)) == hashes


def test_the_default_count_and_seed_are_used():
    chosen = from_training(split(counts=tuple(2 * n for n in COUNTS)), None, FER2013, 48)
    assert (chosen.record["count"], chosen.record["seed"]) == (calibration_set.COUNT, calibration_set.SEED)


def test_fit_keeps_faces_of_the_size_and_resizes_smoothly():
    images = split(counts=(2,) * 7).pixels
    assert faces.fit(images, 48) is images
    assert faces.fit(images[:0], 64).shape == (0, 64, 64, 1)
    ramp = np.tile(np.arange(48, dtype=np.uint8)[None, None, :, None] * 4, (2, 48, 1, 1))
    small = faces.fit(ramp, 24)
    assert small.shape == (2, 24, 24, 1)
    assert np.abs(small[0, 5, 1:-1, 0].astype(int) - (np.arange(24) * 8 + 2)[1:-1]).max() <= 1
    assert (small == small[:, :1]).all()


def test_as_input_repeats_grey_for_rgb():
    images = split(counts=(1,) * 7).pixels
    assert faces.as_input(images, 1) is images
    rgb = faces.as_input(images, 3)
    assert rgb.shape == (7, 48, 48, 3)
    assert (rgb == images).all()
    assert faces.as_input(rgb, 3) is rgb
