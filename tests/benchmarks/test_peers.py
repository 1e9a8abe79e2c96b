"""Other tools' files get the faces in the form that they want, and the table's verdict follows the figures."""

import copy
import importlib
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from benchmarks.blocks import peers as peers_block
from benchmarks.blocks import words
from benchmarks.export import peers

from fer_export.calibration import calibration_set
from fer_export.checkpoint import checkpoint
from fer_export.contract import variants
from fer_export.parity.figures import ParityFaces
from fer_export.parity.judge import Judge
from helpers.networks import checkpoint_of, grey, report_like

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


FAR = {"none": 1e-5, "int8": 0.1}
"""Mean difference from Keras that a file may have; bytes handed to a float file that wants 0 to 1 give 0.45."""


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return checkpoint_of(report_like(), tmp_path_factory.mktemp("network"))


@pytest.fixture(scope="module")
def judge(network):
    images = grey(40)
    targets = network.predict(images).argmax(axis=1)
    targets[:4] = (targets[:4] + 1) % 6
    return Judge.of(network, ParityFaces(images, targets, "tiny", tuple(map(str, range(40)))))


def needs(route):
    """What a tool imports beyond the project's own packages."""
    return {"ai-edge-quantizer": "ai_edge_quantizer", "onnxruntime": "sympy"}.get(route.tool)


@pytest.mark.parametrize(
    "route",
    [route for route in peers.PEERS if route.kind in FAR],
    ids=lambda route: f"{route.tool}-{route.kind}-{route.format}",
)
def test_every_tool_gives_a_file_that_answers_like_keras(network, judge, tmp_path, route):
    if needs(route) and importlib.util.find_spec(needs(route)) is None:
        pytest.skip(f"{needs(route)} is not installed; pip install -e '.[bench]'")
    path = tmp_path / f"file.{route.format}"
    with peers.keras_backend.silenced():
        route.write(network.network, peers.scaled(judge.faces.images[:20]), path)
    given = peers.answers(path, peers.scaled(judge.faces.images))
    assert np.abs(given - judge.reference).max(axis=1).mean() < FAR[route.kind]


def test_our_own_file_takes_bytes(network, judge, tmp_path, monkeypatch):
    monkeypatch.setattr(peers, "ROUNDS", 2)
    calibrating = calibration_set.CalibrationSet(judge.faces.images[:20], {"source": "made", "count": 20, "faces": []})
    [route] = [r for r in peers.ours(network, calibrating) if (r.kind, r.format) == ("int8", "tflite")]
    [file] = peers.written([route], network.network, judge.faces.images, tmp_path)
    found = peers.row(file, judge)
    assert (found["tool"], found["input"], found["labels"]) == ("fer-export", "bytes", True)
    assert len(found["seconds"]) == 2
    given = peers.answers(file.path, judge.faces.images.astype(np.float32))
    assert (given.argmax(axis=1) == judge.faces.targets).tolist() == found["right"].tolist()
    assert found["accuracy"]["hits"] == found["right"].sum() < 40


def test_a_tool_that_fails_is_named_and_ours_may_not(network, judge, tmp_path):
    def fail(network, faces, path):
        raise ValueError("no kernel\nfor this")

    [file] = peers.written([peers.Peer("other", "tflite", "int8", fail)], network.network, judge.faces.images, tmp_path)
    found = peers.row(file, judge)
    assert found["error"] == "ValueError: no kernel for this"
    with pytest.raises(ValueError, match="no kernel"):
        peers.written([peers.Peer("fer-export", "tflite", "int8", fail)], None, None, tmp_path)


def test_every_round_starts_without_the_file(tmp_path):
    def write(network, faces, path):
        with path.open("x") as file:
            file.write("model")

    [file] = peers.written([peers.Peer("other", "tflite", "int8", write)], None, None, tmp_path)
    assert (file.error, len(file.seconds), file.path.read_text()) == ("", peers.ROUNDS, "model")


def test_order_keeps_ours_last_in_each_group(network):
    routes = peers.in_order([*peers.ours(network, None), *peers.PEERS])
    groups = [(route.kind, route.format) for route in routes]
    assert list(dict.fromkeys(groups))[:3] == [("none", "tflite"), ("none", "onnx"), ("fp16", "tflite")]
    for group in set(groups):
        tools = [route.tool for route, of in zip(routes, groups, strict=True) if of == group]
        assert tools.index("fer-export") == len(tools) - 1 > 0


def test_storage_and_what_it_asks_of_an_app():
    steps = np.arange(256, dtype=np.float32)
    unit = peers.Storage(np.dtype("uint8"), 1 / 255, 0)
    assert unit.words(1.0) == "bytes"
    assert unit.words(255.0) == "uint8, quantised with its scale"
    assert peers.Storage(np.dtype("uint8")).words(255.0) == "bytes"
    assert peers.Storage(np.dtype("float32")).words(1.0) == "float32, 0 to 1"
    signed = peers.Storage(np.dtype("int8"), 1 / 255, -128)
    assert signed.words(1.0) == "bytes - 128"
    assert peers.Storage(np.dtype("int8"), 1 / 250, -128).words(1.0) == "int8, quantised with its scale"
    assert signed.stored(np.array([-1, 0, 1, 9], np.float32)).tolist() == [-128, -128, 127, 127]
    np.testing.assert_allclose(signed.real(signed.stored(steps / 255)), steps / 255, atol=1e-6)


def tiny_rows():
    """Ours right on 0..59 of 100 faces and the other tool on 10..59: ten faces apart, all for us."""
    right = np.arange(100) < 60
    others = right & (np.arange(100) >= 10)
    common = {"kind": "int8", "format": "tflite", "file": "int8 TFLite", "input": "bytes", "labels": False}
    return [
        {**common, "tool": "other", "right": others, "agreeing": ~right, "p50_ms": 0.2, "seconds": [3, 2, 2]},
        {**common, "tool": "fer-export", "right": right, "agreeing": right, "p50_ms": 0.3, "seconds": [4, 5, 9]},
        {**common, "tool": "broken", "error": "ValueError: no kernel"},
    ]


def test_ours_beside_another_tool():
    other, mine, broken = peers.beside(tiny_rows())
    assert other["ours"] == {
        "accuracy": {"points": 10.0, "p": 0.00195},
        "agreement": {"points": 20.0, "p": 0.0569},
        "p50_ratio": 1.5,
        "seconds_ratio": 2.5,
    }
    assert not {"ours", "right", "agreeing"} & {*mine, *broken, *(set(other) - {"ours"})}


@pytest.fixture
def shown(tmp_path, monkeypatch):
    """What the README shows of a recorded document, with changes to the other tool's `ours`."""
    monkeypatch.setattr(words, "RESULTS", tmp_path)
    rows = peers.beside(tiny_rows())
    for row in rows[:2]:
        row |= {"bytes": 2_700_000, "accuracy": {"value": 0.6}, "agreement": 0.98}
    rows[1]["parity_seconds"] = 1.5
    names = ("machine", "cpu", "python", "tensorflow", "keras", "ai-edge-litert", *peers_block.PEER_PACKAGES)
    document = {"environment": dict.fromkeys(names, "x"), "rows": rows, "cautions": ["the machine was busy"]}

    def show(**ours):
        changed = copy.deepcopy(document)
        changed["rows"][0]["ours"] |= ours
        (tmp_path / "peers.json").write_text(json.dumps(changed))
        return peers_block.peers()

    return show


def test_verdict_says_where_ours_is_worse(shown):
    text = shown(accuracy={"points": 10.0, "p": 0.002})
    assert "higher than other int8 TFLite (+10.00 points, p = 0.002); lower than none." in text
    assert "faster than none; slower than other int8 TFLite (1.50 times)." in text
    assert "takes longer than other int8 TFLite (2.50 times)" in text
    assert "Caution: the machine was busy." in text
    assert "| int8 TFLite | broken | fails: ValueError: no kernel |" in text
    worse = shown(accuracy={"points": -10.0, "p": 0.002}, p50_ratio=0.5, seconds_ratio=1.0)
    lower = "higher than none; lower than other int8 TFLite (-10.00 points, p = 0.002)."
    assert lower in worse
    assert "faster than other int8 TFLite (0.50 times); slower than none." in worse
    assert "takes longer than none" in worse


def test_differences_within_chance_and_noise_are_none(shown):
    text = shown(accuracy={"points": -1.0, "p": 0.06}, p50_ratio=1.04, seconds_ratio=0.9)
    assert "Accuracy (exact McNemar test, p < 0.05): higher than none; lower than none." in text
    assert "faster than none; slower than none." in text


def test_every_row_of_the_table_has_as_many_cells(shown):
    lines = [line for line in shown().splitlines() if line.startswith("|")]
    assert len(lines) == 5
    assert len({line.count("|") for line in lines}) == 1


def test_recorded_table_is_of_the_shipped_network_and_every_tool():
    document = json.loads((BENCHMARKS / "results" / "peers.json").read_text())
    assert document["network_sha256"] == checkpoint.load(document["network"]).sha256
    recorded = {(row["tool"], row["format"], row["kind"]) for row in document["rows"]}
    ours = {("fer-export", variant.format, variant.precision) for variant in variants.compared()}
    assert recorded == ours | {(route.tool, route.format, route.kind) for route in peers.PEERS}
