"""A file that cannot be judged is refused before the network is loaded."""

import json
from pathlib import Path

import pytest
from tests.helpers import hostile_onnx, tiny_onnx

import fer_export as fer
from fer_export import checkpoint
from fer_export.cli import main
from fer_export.errors import CheckpointError, ExportFileError
from fer_export.model_file import inspect_file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A network folder whose card fits tiny_onnx and whose network cannot be loaded."""
    (tmp_path / "file.onnx").write_bytes(tiny_onnx.model())
    labels = inspect_file(tmp_path / "file.onnx").metadata.labels
    (tmp_path / "model.keras").write_bytes(b"not a network")
    (tmp_path / "card.json").write_text(json.dumps({"labels": list(labels)}))
    return tmp_path


def test_other_labels_are_refused_first(folder: Path) -> None:
    (folder / "card.json").write_text(json.dumps({"labels": ["a", "b"]}))
    with pytest.raises(ExportFileError, match=r"are not the network's \(a, b\)"):
        fer.judge([folder / "file.onnx"], folder)


def test_a_file_that_cannot_run_is_refused_first(folder: Path) -> None:
    (folder / "loop.onnx").write_bytes(hostile_onnx.looping(2**62))
    with pytest.raises(ExportFileError, match="more computing than such a file may"):
        fer.judge([folder / "loop.onnx"], folder)


def test_a_file_that_runs_is_judged_next(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CheckpointError, match="model.keras"):
        fer.judge([folder / "file.onnx"], folder)
    assert main(["parity", str(folder / "file.onnx"), "--model", str(folder)]) == 2
    assert "model.keras" in capsys.readouterr().err


def test_labels_are_known_without_the_network_where_something_says_them(folder: Path) -> None:
    assert checkpoint.labels_of(folder, "joy, anger") == ("happy", "angry")
    (folder / "card.json").unlink()
    assert checkpoint.labels_of(folder) is None
