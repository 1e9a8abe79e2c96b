"""Layers that int8 has no kernels for, and networks on which the converter crashes: what is made, what is said."""

import pytest

from fer_export.calibration import probe_faces
from fer_export.contract import find
from fer_export.convert import lite_process
from fer_export.errors import ConversionError
from fer_export.exporting import export as exporting
from fer_export.exporting import float_ops
from fer_export.exporting.exported import Options
from fer_export.report.text.export import export_text
from helpers.networks import checkpoint_of, report_like

FLOATS = {"layer_normalization": 3, "gelu": 1}


@pytest.fixture
def network(tmp_path, monkeypatch):
    monkeypatch.setattr(probe_faces, "STEPS", 3)
    monkeypatch.setattr(probe_faces.make, "__kwdefaults__", {**probe_faces.make.__kwdefaults__, "steps": 3})
    return checkpoint_of(report_like(), tmp_path)


def test_layers_in_float_are_named_and_strict_int8_refuses_them(network, tmp_path, monkeypatch):
    monkeypatch.setattr(float_ops, "of", lambda content: dict(FLOATS))
    result = exporting.export(network, "tflite", ["int8"], tmp_path / "made", options=Options(repair=False))
    assert "int8 but for layer_normalization (3 ops), gelu (1 op)" in export_text(result)
    assert result.to_dict()["files"][0]["float_ops"] == FLOATS
    with pytest.raises(ConversionError, match=r"int8 but for layer_normalization \(3 ops\), gelu \(1 op\)"):
        exporting.export(network, "tflite", ["int8"], tmp_path / "strict", options=Options(strict_int8=True))
    assert not list((tmp_path / "strict").glob("*"))


def test_a_crash_of_the_converter_costs_one_file(network, tmp_path, monkeypatch):
    monkeypatch.setattr(lite_process, "is_known", lambda network: False)
    monkeypatch.setattr(lite_process, "PROGRAM", "import os; os.abort()")
    wanted = [find("tflite", "none"), find("tflite", "int8")]
    result = exporting.export_variants(network, wanted, tmp_path / "made", options=Options(repair=False))
    assert [file.variant.precision for file in result.files] == ["none"]
    [refused] = result.refused
    assert refused.variant.precision == "int8"
    assert "crashed" in refused.reason
    assert "`precision='dynamic'`" in refused.reason
    assert not result.passed
