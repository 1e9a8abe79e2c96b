"""The line and the comparison that a shipped network gets."""

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import ship
from fer_export.dataset.dataset import Dataset
from helpers.networks import checkpoint_of, grey, report_like


def test_what_so_many_faces_tell_apart():
    found = ship.comparison(3589, 0.7)["tells_apart"]
    # 1.96 * sqrt(.21 / 3589) and 1.96 * sqrt(.15 / 3589)
    assert "is 1.5 points either way" in found
    assert "from 1.3 points on" in found
    assert "is 3.0 points either way" in ship.comparison(897, 0.7)["tells_apart"]


def test_published_results_name_their_protocol():
    published = ship.comparison(3589, 0.7)["published"]
    assert len(published) == len({row["network"] for row in published}) >= 8
    for row in published:
        assert 60 < row["accuracy_percent"] < 80
        assert row["protocol"]


@pytest.mark.parametrize("name", ["compact-7", "report-512-7"])
def test_a_run_leaves_a_line(name):
    card = json.loads((ship.MODELS / name / "card.json").read_text())
    card["protocol"].setdefault("teachers", [])
    line = ship.run_line(card, name, "shipped")
    assert line.endswith("\n")
    entry = json.loads(line)
    assert entry["public_test_accuracy"] == card["evaluation"]["accuracy"]["value"]
    known = [json.loads(each) for each in (ship.MODELS / "runs.jsonl").read_text().splitlines()]
    assert set(known[0]) <= set(entry)


def test_card_judges_by_both_kinds_of_labels_and_both_priors(tmp_path):
    network = checkpoint_of(report_like(), tmp_path)
    shares = dict.fromkeys(network.labels, 0.1) | {"happy": 0.5}
    emotions = np.array([0, 2, 3, 4], np.uint8)
    votes = np.zeros((4, 10), np.uint8)
    votes[:3, 1] = 9  # happy; the last face has no majority
    known = Dataset(grey(4), emotions, np.ones(4, np.uint8), np.arange(4), tmp_path / "faces.csv", "ab" * 32)
    kinds = {"2013": known, "votes": replace(known, votes=votes)}
    found = ship.by_labels(replace(network, trained_shares=shares), kinds)
    assert (found["2013"]["faces"], found["2013"]["left_out"]) == (4, 0)
    assert (found["votes"]["faces"], found["votes"]["left_out"]) == (3, 1)
    assert found["votes"]["priors"]["equal"]["recall"]["happy"]["count"] == 3
    trained, equal = (found["2013"]["priors"][name]["expected_calibration_error"] for name in ("trained", "equal"))
    assert trained != equal
