"""Exact and near duplicates, and the summary of a data set."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fer_export.dataset.dataset import SPLITS, Dataset
from fer_export.dataset.duplicates import find_duplicates, near_duplicates, summarize

Pictures = NDArray[np.uint8]


def smooth_pictures(count: int, seed: int = 0, side: int = 48) -> Pictures:
    """Random pictures with large and small structure, uint8 [count, side, side]."""
    coarse = np.random.default_rng(seed).normal(size=(count, 8, 8))
    positions = np.linspace(0, 6.99, side)
    cell, part = positions.astype(int), positions % 1
    rows = coarse[:, cell] * (1 - part[:, None]) + coarse[:, cell + 1] * part[:, None]
    pictures = rows[:, :, cell] * (1 - part) + rows[:, :, cell + 1] * part
    return np.clip(128 + 50 * pictures, 0, 255).astype(np.uint8)


def make_dataset(**splits: Pictures | tuple[Pictures, list[int]]) -> Dataset:
    parts = [(name, *(part if isinstance(part, tuple) else (part, [3] * len(part)))) for name, part in splits.items()]
    pixels = np.concatenate([pictures for _, pictures, _ in parts])[..., None]
    emotions = np.concatenate([emotions for _, _, emotions in parts]).astype(np.uint8)
    usage = np.concatenate([np.full(len(pictures), SPLITS.index(name)) for name, pictures, _ in parts]).astype(np.uint8)
    return Dataset(pixels, emotions, usage, np.arange(len(pixels), dtype=np.int64), Path("faces.csv"), "ab" * 32)


def test_exact_copies_are_counted_once_in_the_later_split() -> None:
    faces = smooth_pictures(12)
    found = find_duplicates(
        make_dataset(
            Training=faces[[0, 1, 2, 3, 0]],
            PublicTest=faces[[0, 0, 1, 5, 6]],
            PrivateTest=faces[[5, 2, 8]],
        )
    )
    assert found.exact == {"PublicTest": 3, "PrivateTest": 2}
    assert found.pictures_shared == 4
    assert found.exact_within == {"Training": 1, "PublicTest": 1, "PrivateTest": 0}
    assert found.near == {"PublicTest": 0, "PrivateTest": 0}


def test_copies_with_different_emotions_are_counted() -> None:
    faces = smooth_pictures(6)
    found = find_duplicates(
        make_dataset(Training=(faces[[0, 1, 1, 2]], [0, 3, 4, 5]), PublicTest=(faces[[0, 2, 4]], [6, 5, 1]))
    )
    assert (found.pictures_contradictory, found.faces_contradictory) == (2, 4)


def changed(kind: str, large: Pictures) -> Pictures:
    """The 48x48 middle of 60x60 pictures, changed as a second crop of the same photo is."""
    middle = large[:, 6:54, 6:54].astype(float)
    if kind == "shifted":
        return large[:, 4:52, 8:56]
    if kind == "shifted 3":
        return large[:, 6:54, 3:51]
    if kind == "darker":
        return np.round(middle * 0.6 + 10).astype(np.uint8)
    if kind == "re-encoded":
        noise = np.random.default_rng(9).normal(0, 5, middle.shape)
        return np.clip(np.round(middle + noise), 0, 255).astype(np.uint8)
    assert kind == "marked"
    middle[:, 20:28, 4:16] += 40
    return np.clip(middle, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("kind", ["shifted", "shifted 3", "darker", "re-encoded", "marked"])
def test_second_crops_of_the_same_photo_are_found(kind: str) -> None:
    large = smooth_pictures(5, side=60)
    strangers = smooth_pictures(300, seed=1)
    earlier = np.concatenate([strangers[:150], large[:, 6:54, 6:54], strangers[150:]])
    upright, mirrored = near_duplicates(np.concatenate([changed(kind, large), smooth_pictures(5, seed=2)]), earlier)
    assert upright.tolist() == [True] * 5 + [False] * 5
    assert not mirrored.any()


def test_mirror_images_are_told_apart_from_upright_copies() -> None:
    faces = smooth_pictures(8)
    later = np.concatenate([faces[:2, :, ::-1], faces[5:]])
    found = find_duplicates(make_dataset(Training=faces[:4], PublicTest=later))
    assert found.exact == {"PublicTest": 0}
    assert found.near == {"PublicTest": 2}
    assert found.near_mirrored == {"PublicTest": 2}


def test_a_larger_shift_and_another_picture_of_like_light_are_not_the_same() -> None:
    large = smooth_pictures(6, side=60)
    light = np.linspace(-1, 1, 48) * 30
    first, second = (
        np.clip(smooth_pictures(6, seed=seed) * 0.5 + 60 + light, 0, 255).astype(np.uint8) for seed in (3, 4)
    )
    earlier = np.concatenate([large[:, 6:54, 6:54], first])
    upright, mirrored = near_duplicates(np.concatenate([large[:, 12:60, 0:48], second]), earlier)
    assert not upright.any()
    assert not mirrored.any()


def test_plain_pictures_are_nobodys_duplicates_and_harm_nothing() -> None:
    plain = np.stack([np.full((48, 48), value, np.uint8) for value in (0, 7, 255)])
    found = find_duplicates(make_dataset(Training=plain[:1], PublicTest=plain[1:]))
    assert found.near == {"PublicTest": 0}


def test_many_alike_pictures_each_find_a_partner() -> None:
    alike = np.repeat(smooth_pictures(1), 80, axis=0)
    alike[np.arange(80), 0, 0] = np.arange(80)
    upright, _ = near_duplicates(alike[:30], alike[30:])
    assert upright.all()


def test_blocks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    earlier = smooth_pictures(40)
    later = np.concatenate([smooth_pictures(10)[:, :, ::-1], smooth_pictures(30)[20:] // 2])
    whole = near_duplicates(later, earlier)
    monkeypatch.setattr("fer_export.dataset.duplicates.BLOCK", 7)
    assert np.array_equal(near_duplicates(later, earlier), whole)
    assert whole[0].tolist() == [False] * 10 + [True] * 10


def test_the_summary_is_json_and_its_counts_add_up() -> None:
    faces = smooth_pictures(7)
    dataset = make_dataset(Training=(faces[:4], [0, 0, 6, 3]), Test=(faces[3:], [3, 1, 2, 2]))
    steps: list[tuple[int, int]] = []
    summary = summarize(dataset, lambda done, total: steps.append((done, total)))
    document = json.loads(json.dumps(summary.to_dict()))
    assert document["faces"] == 8
    assert document["splits"]["Training"] == {"faces": 4, "emotions": summary.counts["Training"]}
    assert list(document["splits"]["Test"]["emotions"].items())[:4] == [
        ("angry", 0),
        ("disgust", 1),
        ("fear", 2),
        ("happy", 1),
    ]
    assert list(document["emotions"].values()) == [2, 1, 2, 2, 0, 0, 1]
    assert document["duplicates"]["across_splits"]["exact"] == {"Test": 1}
    assert steps == [(3, 3)]


def test_one_split_has_no_duplicates_across_splits() -> None:
    found = find_duplicates(make_dataset(Training=smooth_pictures(3)[[0, 1, 1]]))
    assert (found.exact, found.near, found.pictures_shared) == ({}, {}, 0)
    assert found.exact_within == {"Training": 1}


def test_a_later_split_of_exact_copies_only_is_not_searched_for_near_ones() -> None:
    faces = smooth_pictures(3)
    found = find_duplicates(make_dataset(Training=faces, PublicTest=faces))
    assert (found.exact, found.near) == ({"PublicTest": 3}, {"PublicTest": 0})
