"""Export with its gate, and files that were tampered with: each must fail parity."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest

from fer_export.calibration import probe_cache, probe_faces
from fer_export.checkpoint import checkpoint
from fer_export.dataset import read as readers
from fer_export.dataset.dataset import SPLITS
from fer_export.errors import DataError, ExportFileError
from fer_export.exporting import export as exporting
from fer_export.exporting.exported import Options
from fer_export.model_file import tflite_metadata
from fer_export.parity import judge
from helpers.networks import checkpoint_of, report_like


@pytest.fixture(scope="module")
def shipped():
    return checkpoint.load("nano-7")


@pytest.fixture(scope="module")
def exported(shipped, tmp_path_factory):
    """The shipped network as fp32 and int8, calibrated and judged on its probe faces."""
    return exporting.export(shipped, "tflite", ["none", "int8"], tmp_path_factory.mktemp("exports"))


@pytest.fixture
def quick_probe(monkeypatch):
    """Probe faces of the tiny networks in a second."""
    monkeypatch.setattr(probe_faces, "STEPS", 3)
    monkeypatch.setattr(probe_faces.make, "__kwdefaults__", {**probe_faces.make.__kwdefaults__, "steps": 3})


def test_shipped_network_passes_on_its_probe_faces(exported):
    assert exported.passed
    assert [file.path.name for file in exported.files] == ["nano-7-fp32.tflite", "nano-7-int8.tflite"]
    folder = exported.files[0].path.parent
    manifest = json.loads((folder / "nano-7-int8.tflite.calibration.json").read_text())
    assert manifest["sha256"] == exported.files[1].sha256
    assert manifest["count"] == len(manifest["faces"]) == 256
    assert sorted(os.listdir(folder)) == [
        "nano-7-fp32.tflite",
        "nano-7-int8.tflite",
        "nano-7-int8.tflite.calibration.json",
    ]


def test_calibrating_and_judging_faces_are_different(exported, shipped):
    made = probe_cache.probe_faces(shipped)
    calibrating = {face.tobytes() for face in made.calibrate}
    assert not calibrating & {face.tobytes() for face in made.verify}


def test_written_files_pass_parity_again(exported, shipped):
    judged = judge.judge_files([file.path for file in exported.files], shipped).files
    assert all(result.parity.passed for _, result in judged)
    assert [result.parity.gate for _, result in judged] == [file.parity.gate for file in exported.files]


def test_probabilities_decide_where_probe_faces_judge_int8(exported, shipped, tiny_csv):
    """Probe faces show an emotion so plainly that hardly any answer changes, whatever rounding does."""
    floats, integers = exported.files
    assert floats.parity.gate == floats.variant.gate
    limit = integers.parity.gate.max_mean_difference
    assert integers.parity.mean_difference < limit == 0.0177 < integers.variant.gate.max_mean_difference
    [(_, labelled)] = judge.judge_files([integers.path], shipped, data=readers.read(tiny_csv)).files
    assert labelled.parity.gate == integers.variant.gate


@pytest.mark.slow
def test_a_file_that_differs_is_repaired_though_no_answer_changes(shipped, exported, tmp_path, monkeypatch):
    before = exported.files[1].parity
    tighter = replace(exported.files[1].variant, probe_difference=0.9 * before.mean_difference)
    monkeypatch.setattr(exporting, "find", lambda file_format, precision: tighter)
    repaired = exporting.export(shipped, "tflite", ["int8"], tmp_path).files[0]
    assert before.agreement.value == repaired.parity.agreement.value == 1
    assert repaired.repair.passed
    assert repaired.parity.mean_difference < tighter.probe_difference


@pytest.mark.parametrize("precision", [0, 1])
def test_a_permuted_weight_fails(exported, shipped, tmp_path, precision):
    """Reverse the largest constant of the file in place: a weight tensor whose filters are now in another order."""
    from ai_edge_litert import schema_py_generated as schema

    content = bytearray(exported.files[precision].path.read_bytes())
    model = schema.Model.GetRootAs(content)
    sizes = [model.Buffers(i).DataLength() for i in range(model.BuffersLength())]
    largest = model.Buffers(int(np.argmax(sizes))).DataAsNumpy().tobytes()
    start = bytes(content).index(largest)
    width = 4 if precision == 0 else 1
    reversed_weights = np.frombuffer(largest, np.float32 if width == 4 else np.int8)[::-1].tobytes()
    content[start : start + len(largest)] = reversed_weights
    path = tmp_path / "sabotaged.tflite"
    path.write_bytes(content)
    [(_, result)] = judge.judge_files([path], shipped).files
    assert not result.parity.passed


def test_swapped_labels_fail(exported, shipped, tmp_path):
    content = exported.files[1].path.read_bytes()
    swapped = repaired_zip(content.replace(b"happy\nsad\n", b"sad\nhappy\n"))
    assert tflite_metadata.read(swapped).labels != tflite_metadata.read(content).labels
    path = tmp_path / "swapped.tflite"
    path.write_bytes(swapped)
    [(_, result)] = judge.judge_files([path], shipped).files
    assert not result.parity.passed
    assert result.parity.agreement.value < 0.9


def repaired_zip(content):
    """Give labels.txt inside a tampered file its right checksum again."""
    import io
    import zipfile
    import zlib

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        info = archive.getinfo("labels.txt")
        old = info.CRC.to_bytes(4, "little")
        labels = content[info.header_offset + 30 + len("labels.txt") :][: info.file_size]
    return content.replace(old, zlib.crc32(labels).to_bytes(4, "little"))


@pytest.mark.slow
def test_another_networks_file_fails(exported, shipped, tmp_path, quick_probe):
    """A file of the same shape and labels made from other weights."""
    import keras

    other = keras.models.clone_model(shipped.network)
    path = tmp_path / "other.keras"
    other.save(path)
    stranger = checkpoint.load(path, labels=shipped.labels)
    [(_, result)] = judge.judge_files([exported.files[1].path], stranger).files
    assert not result.parity.passed


@pytest.mark.slow
def test_a_failed_file_is_kept_under_a_name_that_says_so(tmp_path, tiny_csv):
    network = checkpoint_of(report_like(side=48), tmp_path)
    data = readers.read(tiny_csv)
    result = exporting.export(
        network, "tflite", ["int8"], tmp_path / "out", data=data, options=Options(max_drop=-200.0)
    )
    assert not result.passed
    assert result.files[0].path.name.endswith("-int8-failed.tflite")
    assert result.files[0].path.exists()


def test_faces_that_calibrate_cannot_judge(tmp_path, tiny_csv):
    network = checkpoint_of(report_like(side=48), tmp_path)
    data = readers.read(tiny_csv)
    with pytest.raises(DataError, match="PublicTest"):
        exporting.export(network, "tflite", ["int8"], tmp_path / "out", data=data, options=Options(split="Training"))
    for split in ("Training", "PublicTest"):
        own = np.flatnonzero(data.usage == SPLITS.index(split))
        names = ("pixels", "emotions", "usage", "rows")
        alone = replace(data, **{name: getattr(data, name)[own] for name in names})
        with pytest.raises(DataError, match=f"has only {split}, but int8 .* remove `data"):
            exporting.export(network, "tflite", ["int8"], tmp_path / "out", data=alone)
    result = exporting.export(network, "tflite", ["int8"], tmp_path / "out", data=data)
    with pytest.raises(DataError, match="calibrated"):
        judge.judge_files([result.files[0].path], network, data=data, split="Training")


@pytest.mark.slow
@pytest.mark.parametrize("cache", ["empty", "damaged", "no folder"])
def test_probe_faces_are_made_for_a_network_without_them(tmp_path, quick_probe, monkeypatch, cache):
    network = checkpoint_of(report_like(side=16), tmp_path)
    monkeypatch.setenv("FER_EXPORT_CACHE", str(tmp_path / "cache"))
    if cache == "damaged":
        (tmp_path / "cache").mkdir()
        (tmp_path / "cache" / f"probe-{network.sha256[:32]}-{network.scaling}.npz").write_bytes(b"PK cut")
    elif cache == "no folder":
        (tmp_path / "cache").write_text("a file")
    result = exporting.export(network, "tflite", ["int8"], tmp_path / "out")
    assert result.calibration.record["source"] == "probe faces"
    assert result.calibration.record["checkpoint"] == network.sha256


def test_files_that_are_no_tflite_are_refused(tmp_path, shipped):
    path = tmp_path / "a.tflite"
    with pytest.raises(ExportFileError, match="cannot read"):
        judge.judge_files([path], shipped)
    for content in (b"", b"TFL3", b"<html>" * 100):
        path.write_bytes(content)
        with pytest.raises(ExportFileError):
            judge.judge_files([path], shipped)
