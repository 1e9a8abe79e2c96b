from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from fer_export.errors import ConversionError, ExportFileError
from fer_export.model_file import metadata_schema, tflite, tflite_metadata
from fer_export.runtimes import LiteRt
from helpers import tiny_tflite

RECORD = {"source": "probe faces", "count": 24}
MEDIAPIPE_PYTHON = os.environ.get("MEDIAPIPE_PYTHON")


def embedded(precision: str = "int8", channels: int = 1, io: str | None = None) -> bytes:
    content = tiny_tflite.converted(precision, channels, io)
    return tflite_metadata.embed(content, tiny_tflite.contract(precision, channels, io), RECORD)


def test_labels_contract_and_record_come_back() -> None:
    info = tflite_metadata.read(embedded())
    assert info.name == "tiny"
    assert info.labels == tiny_tflite.LABELS
    assert info.contract == json.loads(json.dumps(tiny_tflite.contract("int8").to_dict()))
    assert info.calibration == RECORD
    assert info.files == ("labels.txt", "contract.json", "calibration.json")
    assert "angry" in info.description


def test_labels_outside_ascii_come_back() -> None:
    contract = replace(tiny_tflite.contract("int8"), labels=("wütend", "怒り", "sad face", "neutral"))
    info = tflite_metadata.read(tflite_metadata.embed(tiny_tflite.converted("int8"), contract))
    assert info.labels == contract.labels
    assert info.calibration is None


def test_files_are_an_uncompressed_zip_with_fixed_times() -> None:
    with zipfile.ZipFile(io.BytesIO(embedded())) as archive:
        assert archive.testzip() is None
        for entry in archive.infolist():
            assert (entry.compress_type, entry.date_time) == (zipfile.ZIP_STORED, (1980, 1, 1, 0, 0, 0))
        assert archive.read("labels.txt") == b"angry\nhappy\nsad\nneutral\n"


def test_same_arguments_same_bytes() -> None:
    assert embedded() == embedded()


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["none", "fp16", "dynamic", "int8"])
def test_the_graph_stays_the_same(precision: str) -> None:
    plain, described = tiny_tflite.converted(precision), embedded(precision)
    before, after = tflite.inspect(plain), tflite.inspect(described)
    assert replace(after, file_bytes=0) == replace(before, file_bytes=0)
    images = tiny_tflite.images()
    np.testing.assert_array_equal(LiteRt(described).run(images), LiteRt(plain).run(images))


def test_converters_bytes_stay_whole_and_aligned() -> None:
    plain, described = tiny_tflite.converted("int8"), embedded()
    assert described.index(plain) % 16 == 0


def test_signature_and_other_metadata_stay() -> None:
    root = tflite.open_model(embedded())
    names = {entry.name for entry in root.metadata}
    assert names == {b"TFLITE_METADATA", b"min_runtime_version", b"CONVERSION_METADATA"}
    assert root.signatureDefs[0].signatureKey == b"serving_default"


def test_fields_stand_where_the_public_schema_has_them() -> None:
    """Read by the numbers of metadata_schema.fbs, as any other reader does."""
    root = tflite.open_model(embedded("none", 3, "float32"))
    content = tflite.metadata_entry(root, "TFLITE_METADATA")
    assert content is not None
    assert content[4:8] == b"M001"
    model = tflite_metadata.Table.root(content)
    subgraph = model.tables(3)[0]
    image, probabilities = subgraph.tables(2)[0], subgraph.tables(3)[0]
    assert (image.text(0), probabilities.text(0)) == ("image", "probabilities")
    assert model.text(7) == "1.0.0"
    assert [file.text(0) for file in model.tables(6)] == ["contract.json", "calibration.json"]
    labels = probabilities.tables(6)[0]
    assert (labels.text(0), labels.code(2)) == ("labels.txt", 2)
    assert image.tables(4)[0].code(0) == 1


def test_the_models_own_fields_are_numbered_as_the_generated_classes_write_them() -> None:
    class Written:
        def PrependUOffsetTRelativeSlot(self, slot: int, offset: int, default: int) -> None:  # noqa: N802
            self.slot = slot

        PrependUint32Slot = PrependUOffsetTRelativeSlot

    for field in metadata_schema.Model:
        written = Written()
        getattr(schema, f"ModelAdd{field.name.title().replace('_', '')}")(written, 1)
        assert written.slot == field, field.name


@pytest.mark.slow
@pytest.mark.parametrize(("io", "units"), [(None, 0), ("uint8", 0), ("int8", 1), ("float32", 1)])
def test_only_bytes_as_they_are_need_no_normalization(io: str | None, units: int) -> None:
    content = tflite.metadata_entry(tflite.open_model(embedded("int8", 1, io)), "TFLITE_METADATA")
    assert content is not None
    image = tflite_metadata.Table.root(content).tables(3)[0].tables(2)[0]
    assert len(image.tables(4)) == units


def test_a_file_without_metadata_says_nothing() -> None:
    assert tflite_metadata.read(tiny_tflite.converted("int8")) == tflite_metadata.ModelInfo(files=())


def test_metadata_is_not_embedded_twice() -> None:
    with pytest.raises(ExportFileError, match="metadata already"):
        tflite_metadata.embed(embedded(), tiny_tflite.contract("int8"))


def test_a_contract_that_the_file_breaks_is_refused() -> None:
    with pytest.raises(ExportFileError, match="contract says"):
        tflite_metadata.embed(tiny_tflite.converted("int8"), tiny_tflite.contract("int8", 3))
    with pytest.raises(ExportFileError, match="contract says"):
        tflite_metadata.embed(tiny_tflite.converted("int8"), tiny_tflite.contract("int8", 1, "int8"))


@pytest.mark.parametrize("labels", [("a", "b", "c"), ("a", "b", "c", "d\ne"), ("a", "b", "c", "")])
def test_labels_that_do_not_fit_are_refused(labels: tuple[str, ...]) -> None:
    with pytest.raises(ConversionError, match="label"):
        tflite_metadata.embed(tiny_tflite.converted("int8"), replace(tiny_tflite.contract("int8"), labels=labels))


def test_foreign_and_cut_off_files_are_refused() -> None:
    content = embedded()
    for length in (0, 7, 8, *range(9, len(content), 97), len(content) - 1):
        with pytest.raises(ExportFileError):
            tflite_metadata.read(content[:length])
    with pytest.raises(ExportFileError, match="not a TFLite model"):
        tflite_metadata.read(b"PK\x05\x06" + bytes(18))


def test_damaged_bytes_raise_nothing_else() -> None:
    random = np.random.default_rng(0)
    content = np.frombuffer(embedded(), np.uint8)
    refused = 0
    for _ in range(400):
        damaged = content.copy()
        damaged[random.integers(0, len(content), 40)] = random.integers(0, 256, 40)
        try:
            tflite_metadata.read(damaged.tobytes())
        except ExportFileError:
            refused += 1
    assert refused > 100


@pytest.mark.skipif(not MEDIAPIPE_PYTHON, reason="MEDIAPIPE_PYTHON names no interpreter that has mediapipe")
@pytest.mark.parametrize(
    ("precision", "io"),
    [("none", None), ("none", "float32"), ("fp16", None), ("dynamic", None), ("int8", None), ("int8", "float32")],
)
def test_mediapipe_opens_an_rgb_file_and_agrees(precision: str, io: str | None, tmp_path: Path) -> None:
    model, cases = tmp_path / "tiny.tflite", tmp_path / "cases.npz"
    model.write_bytes(embedded(precision, 3, io))
    top1 = np.array(tiny_tflite.LABELS)[tiny_tflite.probabilities(3).argmax(axis=1)]
    assert set(top1) == set(tiny_tflite.LABELS)
    np.savez(cases, images=tiny_tflite.images(3), top1=top1, labels=np.array(tiny_tflite.LABELS))
    script = Path(__file__).parents[1] / "helpers" / "mediapipe_check.py"
    checked = subprocess.run(
        [MEDIAPIPE_PYTHON or sys.executable, script, model, cases], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
