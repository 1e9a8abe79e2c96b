"""The line and the comparison that a shipped network gets."""

import json

import pytest

from benchmarks import ship


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
