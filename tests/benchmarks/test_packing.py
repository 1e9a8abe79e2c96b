"""Compressed weights of a .keras file."""

import io
import json
import zipfile

import keras
import numpy as np
import pytest

from benchmarks import packing
from fer_export.calibration import probe_faces
from fer_export.checkpoint import checkpoint
from fer_export.system import files
from helpers.networks import report_like


@pytest.fixture
def network():
    return report_like(filters=16, side=48, classes=7)


def test_weights_are_the_same_bit_by_bit_in_fewer_bytes(network, tmp_path):
    network.save(tmp_path / "plain.keras")
    content = (tmp_path / "plain.keras").read_bytes()
    made = packing.packed(content)
    assert len(made) < 0.95 * len(content)
    (tmp_path / "packed.keras").write_bytes(made)
    read = keras.models.load_model(tmp_path / "packed.keras")
    assert [weight.path for weight in read.weights] == [weight.path for weight in network.weights]
    for one, other in zip(read.get_weights(), network.get_weights(), strict=True):
        assert np.array_equal(one, other)
    with zipfile.ZipFile(io.BytesIO(content)) as plain, zipfile.ZipFile(io.BytesIO(made)) as packed:
        assert plain.namelist() == packed.namelist()
        assert plain.read("config.json") == packed.read("config.json")
    assert packing.packed(made) == packing.packed(packing.packed(made))


def test_card_probe_faces_and_records_get_the_new_hash(network, tmp_path, monkeypatch):
    models, results = tmp_path / "models", tmp_path / "results"
    folder = models / "tiny"
    for made in (folder, results):
        made.mkdir(parents=True)
    network.save(folder / "model.keras")
    old = files.sha256((folder / "model.keras").read_bytes())
    card = {"labels": list("abcdefg"), "scaling": "unit", "sha256": old, "bytes": 1, "note": "stays"}
    (folder / "card.json").write_text(json.dumps(card))
    (results / "peers.json").write_text(json.dumps({"network": old}))
    probe = probe_faces.make(checkpoint.load(folder), steps=1)
    (folder / "probe.npz").write_bytes(probe.to_bytes())
    monkeypatch.setattr(packing, "MODELS", models)
    monkeypatch.setattr(packing, "RESULTS", results)
    packing.pack("tiny")
    content = (folder / "model.keras").read_bytes()
    new = files.sha256(content)
    assert new != old
    assert json.loads((folder / "card.json").read_text()) == {**card, "sha256": new, "bytes": len(content)}
    assert json.loads((results / "peers.json").read_text()) == {"network": new}
    again = probe_faces.load(folder / "probe.npz", checkpoint.load(folder))
    assert again is not None
    assert np.array_equal(again.calibrate, probe.calibrate)
