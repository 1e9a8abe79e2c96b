"""`fer-export all` on a tiny network: nine files, one table, one page, and which to ship."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fer_export.checkpoint import checkpoint
from fer_export.cli import main
from fer_export.dataset import read as readers
from fer_export.errors import ConversionError
from fer_export.exporting import Options, compare_formats
from helpers.networks import checkpoint_of, report_like, taught


@pytest.fixture(scope="module")
def compared(tiny_csv, tmp_path_factory):
    folder = tmp_path_factory.mktemp("all")
    network = checkpoint_of(taught(report_like(side=48, classes=7), tiny_csv), folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compare_formats, "LATENCY_WITHIN", 1.0)  # how long files take is of no account here
        options = Options(repair=False)
        return compare_formats.compare(network, folder / "out", data=readers.read(tiny_csv), options=options)


def test_every_variant_is_made_judged_and_timed(compared):
    names = {(file.variant.format, file.variant.precision) for file in compared.export.files}
    assert len(names) == len(compared.export.files) == 9
    for file in compared.export.files:
        assert file.path.stat().st_size == file.bytes
        assert file.parity.faces == 42
        assert compared.latency(file).p50_ms > 0
    assert compared.keras.accuracy.count == 42
    assert json.loads(json.dumps(compared.to_dict()))["choices"]


def test_calibration_manifests_of_two_formats_stand_side_by_side(compared):
    folder = compared.export.files[0].path.parent
    for path in folder.glob("*int8*.calibration.json"):
        document = json.loads(path.read_text())
        assert path.name == f"{document['file']}.calibration.json"
    assert len(list(folder.glob("*int8*.calibration.json"))) == 2


def picked(compared, **changes):
    """The choice for TFLite when files, by precision, have other p50 (ms), bytes or agreement hits."""
    files, rows = [], []
    for file in compared.export.files:
        if file.variant.format != "tflite":
            continue
        p50, size, hits, passed = changes.get(file.variant.precision, (5.0, 1000, 42, True))
        agreement = replace(file.parity.agreement, hits=hits)
        parity = replace(file.parity, agreement=agreement, failures=() if passed else ("too far",))
        files.append(replace(file, bytes=size, parity=parity))
        rows.append(replace(compared.latency(file), p50_ms=p50))
    export = replace(compared.export, files=tuple(files))
    return compare_formats.choose("tflite", export, replace(compared.bench, rows=tuple(rows)))


def precision(choice):
    return Path(choice.file).stem.removesuffix("-failed").removesuffix("-repaired").split("-")[-1]


def test_the_fastest_then_the_smallest_then_the_closest_is_chosen(compared):
    assert precision(picked(compared, dynamic=(1.0, 1000, 40, True), int8=(1.3, 500, 42, True))) == "dynamic"
    assert precision(picked(compared, dynamic=(1.0, 1000, 42, True), int8=(1.2, 500, 40, True))) == "int8"
    assert precision(picked(compared, dynamic=(1.0, 1000, 40, True), int8=(1.2, 1050, 42, True))) == "int8"


def test_a_file_that_failed_is_never_chosen(compared):
    chosen = picked(compared, int8=(0.1, 10, 42, False), dynamic=(1.0, 500, 42, True))
    assert precision(chosen) == "dynamic"
    failed = dict.fromkeys(("none", "fp16", "dynamic", "int8", "int16x8"), (1.0, 10, 1, False))
    nothing = picked(compared, **failed)
    assert nothing.file is None
    assert "file passed its gate" in nothing.reason


@pytest.mark.parametrize(
    ("p50", "words"),
    [
        (2.0, "2.0 times slower here than the fp32 file"),
        (1.04, "about as fast here as the fp32 file"),
        (0.5, "2.0 times as fast here as the fp32 file"),
    ],
)
def test_the_reason_says_how_fast_the_file_is(compared, p50, words):
    slow = dict.fromkeys(("fp16", "dynamic", "int16x8"), (1.0, 10, 1, False))
    chosen = picked(compared, **slow, none=(1.0, 4000, 42, False), int8=(p50, 1000, 42, True))
    assert f"4.0 times smaller and {words}" in chosen.reason


@pytest.mark.slow
def test_the_command_writes_page_and_json_and_prints_one_table(tiny_csv, tmp_path, capsys):
    network = checkpoint_of(taught(report_like(side=48, classes=7), tiny_csv), tmp_path)
    flags = ["--model", str(network.source), "--data", str(tiny_csv), "--output", str(tmp_path / "my out")]
    code = main(["all", *flags])
    text = capsys.readouterr().out
    for line in text.splitlines():
        if line.startswith("  fer-export blame"):
            assert f"--model {network.source}" in line
    assert f"fer-export bench '{tmp_path}/my out/" in text
    assert "scaling      unit: x / 255  [unit, " in text
    assert " of 98 Training faces; " in text
    assert code in (0, 1)
    assert text.count("tiny-") >= 9
    assert "ship for TFLite" in text
    assert "ship for ONNX" in text
    document = json.loads((tmp_path / "my out" / "tiny-report.json").read_text())
    assert document["passed"] == (code == 0)
    assert "<html" in (tmp_path / "my out" / "tiny-report.html").read_text()


def test_where_no_variant_can_be_made_the_reasons_are_said(tmp_path, monkeypatch):
    def refuse(*given, **options):
        raise ConversionError("its layers are odd")

    monkeypatch.setattr(compare_formats.exporting, "converted", refuse)
    with pytest.raises(ConversionError, match=r"fp32 TFLite: its layers are odd; .*int8 ONNX: its layers are odd"):
        compare_formats.compare(checkpoint.load("nano-7"), tmp_path)
