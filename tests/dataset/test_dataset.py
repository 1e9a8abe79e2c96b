"""Splits, labels, samples and the report's division."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fer_export.dataset.dataset import SPLITS, Dataset, Faces, report_split, stratified_halves
from fer_export.dataset.emotions import FER2013, REPORT_6
from fer_export.errors import DataError, UsageError


def make_dataset(emotions: list[int], usage: list[int] | None = None) -> Dataset:
    count = len(emotions)
    pixels = np.random.default_rng(0).integers(0, 256, (count, 48, 48, 1), dtype=np.uint8)
    return Dataset(
        pixels,
        np.array(emotions, np.uint8),
        np.array(usage if usage is not None else [0] * count, np.uint8),
        np.arange(count, dtype=np.int64),
        Path("fer2013.csv"),
        "0" * 64,
    )


def test_a_split_keeps_its_rows_in_order_with_their_pixels() -> None:
    dataset = make_dataset([3, 0, 6, 3], [0, 1, 2, 1])
    faces = dataset.split("PublicTest")
    assert faces.name == "PublicTest"
    assert faces.rows.tolist() == [1, 3]
    assert faces.emotions.tolist() == [0, 3]
    assert (faces.pixels == dataset.pixels[[1, 3]]).all()
    assert dataset.splits == SPLITS[:3]


@pytest.mark.parametrize("name", ["PrivateTest", "Validation", "training"])
def test_a_missing_split_names_those_that_exist(name: str) -> None:
    with pytest.raises(DataError, match=f"no split {name}; choose PublicTest, or use fer2013.csv"):
        make_dataset([0, 1], [0, 1]).split(name)


def test_a_mixed_test_folder_is_never_public_test() -> None:
    dataset = make_dataset([0, 1, 2], [0, 3, 3])
    assert len(dataset.split("Test")) == 2
    with pytest.raises(DataError, match=r"choose Test \(its names do not tell PublicTest and PrivateTest apart"):
        dataset.split("PublicTest")


def test_the_reports_six_labels_drop_disgust_and_number_by_position() -> None:
    faces, targets = make_dataset([0, 1, 2, 3, 4, 5, 6]).faces().for_labels(REPORT_6)
    assert faces.rows.tolist() == [0, 2, 3, 4, 5, 6]
    assert [REPORT_6[target] for target in targets] == [FER2013[emotion] for emotion in faces.emotions]
    assert targets.dtype == np.int64


def test_labels_are_compared_in_canonical_spelling() -> None:
    faces, targets = make_dataset([3, 0, 5]).faces().for_labels(["contempt", " Anger", "Joy"])
    assert faces.emotions.tolist() == [3, 0]
    assert targets.tolist() == [2, 1]


def test_labels_without_a_face_and_ambiguous_labels_are_refused() -> None:
    faces = make_dataset([3, 3]).faces("Training")
    with pytest.raises(DataError, match="none of the 2 faces of Training has one of the labels fear, contempt"):
        faces.for_labels(["fear", "contempt"])
    with pytest.raises(UsageError, match="happy, joy mean the same"):
        faces.for_labels(["happy", "joy"])


def sampled(count: int, seed: int = 1) -> Faces:
    return make_dataset([0] * 50 + [1] * 5 + [3] * 30 + [6] * 15).faces().sample(count, seed)


@pytest.mark.parametrize(
    ("count", "shares"),
    [(10, [5, 1, 3, 1]), (20, [10, 1, 6, 3]), (99, [49, 5, 30, 15]), (1, [1, 0, 0, 0]), (7, [4, 0, 2, 1])],
)
def test_a_sample_is_exact_and_keeps_the_shares(count: int, shares: list[int]) -> None:
    faces = sampled(count)
    assert len(faces) == count
    assert (np.diff(faces.rows) > 0).all()
    assert np.bincount(faces.emotions, minlength=7)[[0, 1, 3, 6]].tolist() == shares


def test_a_sample_depends_on_the_seed_alone() -> None:
    assert sampled(20).rows.tolist() == sampled(20).rows.tolist()
    assert sampled(20).rows.tolist() != sampled(20, seed=2).rows.tolist()
    assert sampled(4).rows.tolist() == [27, 35, 76, 97]


@pytest.mark.parametrize("count", [100, 1000])
def test_a_sample_of_more_than_there_is_is_everything(count: int) -> None:
    assert sampled(count).rows.tolist() == list(range(100))


@pytest.mark.parametrize(("count", "seed"), [(0, 1), (-3, 1), (5, -1), (5, 2**32)])
def test_a_sample_that_cannot_be_drawn_is_refused(count: int, seed: int) -> None:
    with pytest.raises(UsageError):
        sampled(count, seed)


def test_the_division_gives_scikit_learns_rows() -> None:
    # From train_test_split(range(n), test_size=0.3, random_state=5, shuffle=True, stratify=y), scikit-learn 1.9.1.
    uneven = np.array([(i * i + i // 3) % 7 for i in range(40)])
    ties = np.repeat(np.arange(7), 5)
    assert stratified_halves(uneven, 12, 5)[1].tolist() == [1, 3, 7, 8, 10, 22, 23, 27, 30, 32, 36, 38]
    assert stratified_halves(ties, 11, 5)[1].tolist() == [0, 3, 8, 9, 10, 16, 18, 22, 26, 27, 31]


def test_the_reports_division_ignores_usage_and_loses_no_face() -> None:
    emotions = [i % 7 for i in range(101)]
    training, test = report_split(make_dataset(emotions, [i % 3 for i in range(101)]))
    assert (len(training), len(test)) == (70, 31)
    assert sorted([*training.rows, *test.rows]) == list(range(101))
    assert test.rows.tolist() == report_split(make_dataset(emotions))[1].rows.tolist()
    assert test.rows.tolist() != report_split(make_dataset(emotions), seed=6)[1].rows.tolist()
    assert set(np.bincount(test.emotions).tolist()) <= {4, 5}


def test_six_labels_drop_disgust_before_the_division() -> None:
    training, test = report_split(make_dataset([i % 7 for i in range(70)]), REPORT_6)
    assert (len(training), len(test)) == (42, 18)
    assert 1 not in training.emotions
    assert 1 not in test.emotions


def test_too_few_faces_cannot_be_divided() -> None:
    with pytest.raises(DataError, match="too few for a stratified"):
        report_split(make_dataset([0] * 30 + [1]))
    with pytest.raises(DataError, match="too few for a stratified"):
        report_split(make_dataset([0, 0, 1, 1, 2, 2]))
