"""Networks by name and by path; what is said where there is none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from keras import layers

from fer_export.checkpoint import checkpoint, find, shipped
from fer_export.errors import CheckpointError
from helpers.networks import classifier


def refused(pattern: str, model: str | Path) -> None:
    with pytest.raises(CheckpointError, match=pattern) as caught:
        checkpoint.load(model)
    assert "\n" not in str(caught.value)


def test_places_that_are_no_network(tmp_path: Path) -> None:
    refused("no such file", tmp_path / "missing.keras")
    refused("folder without", tmp_path)
    refused("no such file", str(tmp_path / "missing.h5"))
    refused("no such file", tmp_path / "nowhere" / "missing.h5")
    (tmp_path / "saved_model.pb").write_bytes(b"\x08\x01")
    refused("pass its folder", tmp_path / "saved_model.pb")


@pytest.mark.parametrize(
    ("wanted", "meant"),
    [
        ("faces.keras", "faces.hdf5"),
        ("face.hdf5", "faces.hdf5"),
        ("faces", "faces.hdf5"),
        ("saved-modell", "saved-model"),
        ("notes.keras", None),
        ("other.keras", None),
    ],
)
def test_the_file_beside_it_that_was_meant(tmp_path: Path, wanted: str, meant: str | None) -> None:
    (tmp_path / "faces.hdf5").touch()
    (tmp_path / "notes.txt").touch()
    (tmp_path / "saved-model").mkdir()
    said = f"did you mean {tmp_path / meant}?" if meant else "pass a network file or folder"
    refused(rf"no such file: .*; {said.replace('?', chr(92) + '?')}", tmp_path / wanted)


def test_shipped_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "models" / "compact-7"
    folder.mkdir(parents=True)
    classifier(lambda x: layers.Conv2D(3, 3)(x), classes=7).save(folder / "model.keras")
    (folder / "card.json").write_text(json.dumps({"labels": list("abcdefg"), "scaling": "signed"}))
    for module in (find, shipped):
        monkeypatch.setattr(module, "shipped_folder", lambda: tmp_path / "models")
    loaded = checkpoint.load()
    assert (loaded.name, loaded.given, loaded.folder) == ("compact-7", "compact-7", folder)
    assert (loaded.labels, loaded.labels_source) == (tuple("abcdefg"), "card.json")
    assert (loaded.scaling, loaded.scaling_source) == ("signed", "card.json")
    assert loaded.sha256 == checkpoint.load(folder / "model.keras").sha256
    refused(r"did you mean compact-7\?", "compcat-7")
    refused(r"no such file.*shipped networks: compact-7", "xyz")


def test_a_network_that_is_not_there_starts_no_keras(tmp_path: Path) -> None:
    command = ["tflite", "--model", str(tmp_path / "missing.keras")]
    code = f"import sys; from fer_export.cli import main; main({command!r}); print('keras' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "no such file" in answer.stderr
    assert answer.stdout == "False\n"
