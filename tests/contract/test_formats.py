"""The table of formats: what its rows say is so, and one more row is one more format everywhere."""

import io
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

import fer_export as fer
from fer_export.cli import main
from fer_export.contract import formats, variants
from fer_export.contract.formats import FORMATS, Format, RuntimeRow
from fer_export.contract.variants import Gate, KernelGate, Variant
from fer_export.errors import UsageError
from fer_export.report.page.page import page
from helpers.networks import checkpoint_of, report_like

DUMMY = Format(
    name="dummy",
    title="Dummy",
    file="a Dummy file",
    suffixes=(".dummy",),
    marker=(0, b"DUMY"),
    converter="helpers.dummy.convert:Converter",
    reader="helpers.dummy.model_file",
    inputs=("gray",),
    runtimes=(RuntimeRow("dummy-runtime", "helpers.dummy.runtime:DummyRuntime", "nothing"),),
    mark="diamond",
)
ROWS = (
    Variant("dummy", "none", "the network itself", False, Gate(0.995, 0.5, 1e-4)),
    Variant("dummy", "int8", "the network itself", True, Gate(0.98, 0.5, 0.05)),
)


@pytest.fixture
def dummy(monkeypatch):
    """The table with one more format."""
    monkeypatch.setitem(FORMATS, "dummy", DUMMY)
    monkeypatch.setattr(variants, "VARIANTS", (*variants.VARIANTS, *ROWS))
    tests = str(Path(__file__).parents[1])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (tests, os.environ.get("PYTHONPATH")))))


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return checkpoint_of(report_like(), tmp_path_factory.mktemp("network"))


@pytest.mark.parametrize("row", FORMATS.values(), ids=FORMATS)
def test_what_a_row_names_is_there(row):
    for name in (
        *(row.converter, row.reader, row.activations, row.matrix_product),
        row.slower,
        row.companions,
        row.twin,
    ):
        assert not name or formats.loaded(name)
    for runtime in row.runtimes:
        assert formats.loaded(runtime.opens).name == runtime.name
    assert {*row.bundled, *row.bundled_on_request} <= set(variants.precisions(row.name))


def test_the_words_of_messages_follow_the_table(dummy):
    assert formats.titles() == "TFLite, ONNX, tflite-micro, Core ML or Dummy"
    with pytest.raises(UsageError, match="unknown format 'dumy' \\(did you mean 'dummy'\\?\\)"):
        variants.find("dumy", "int8")


@pytest.mark.slow
def test_a_new_row_is_exported_judged_and_timed(dummy, network, tmp_path):
    result = fer.export(network, "dummy", ["none", "int8"], tmp_path)
    assert [file.path.name for file in result.files] == ["tiny-fp32.dummy", "tiny-int8.dummy"]
    assert result.passed
    paths = [file.path for file in result.files]
    judged = fer.judge(paths, network)
    assert [each.runtime for _, each in judged.files] == ["dummy-runtime 1.0"] * 2
    assert str(fer.inspect(paths[0])).count("Dummy 1.0 or later") == 1
    timed = fer.bench(paths, rounds=2)
    assert [(row.format, row.runtime, row.kernels.library) for row in timed.rows] == [
        ("dummy", "dummy-runtime", "Keras")
    ] * 2
    assert not timed.peaks
    assert "dummy-runtime 1.0" in str(timed)


@pytest.mark.slow
def test_a_new_row_is_in_the_command_the_table_and_the_page(dummy, network, tmp_path, monkeypatch, capsys):
    only = tuple(each for each in variants.VARIANTS if each.precision == "none" and each.format != "onnx")
    monkeypatch.setattr(variants, "VARIANTS", only)
    result = fer.compare(network, tmp_path)
    text, html = str(result), page(result)
    assert "tiny-fp32.dummy" in text
    assert "ship for Dummy: tiny-fp32.dummy" in text
    assert "1 TFLite and 1 Dummy files" in html
    assert "mark dummy" in html
    words = ["dummy", "--model", str(network.source), "--quantize", "none", "--output", str(tmp_path), "--json"]
    assert main(words) == 0
    assert json.load(io.StringIO(capsys.readouterr().out))["files"][0]["format"] == "dummy"


def test_what_a_format_cannot_do_its_row_says(dummy, network, tmp_path):
    with pytest.raises(UsageError, match="a Dummy file does not take"):
        fer.export(network, "dummy", "none", tmp_path, options=fer.Options(input_kind="frame"))
    [file] = fer.export(network, "dummy", "int8", tmp_path).files
    with pytest.raises(fer.ExportFileError, match="a Dummy file cannot be run op by op"):
        fer.blame(file.path, network)


@pytest.mark.slow
def test_what_only_some_formats_have_is_a_field_of_the_row_too(dummy, network, tmp_path, monkeypatch, capsys):
    said = {"companions": "helpers.dummy.convert:companions", "twin": "helpers.dummy.runtime:twin"}
    runtime = replace(DUMMY.runtimes[0], untimed="nobody has one")
    row = replace(DUMMY, **said, runtimes=(runtime,), everywhere=False, default_network="nano-7")
    monkeypatch.setitem(FORMATS, "dummy", row)
    gated = tuple(replace(each, kernel_gate=KernelGate(0.9, 1.5)) for each in ROWS)
    monkeypatch.setattr(variants, "VARIANTS", (*variants.VARIANTS[: -len(ROWS)], *gated))
    assert "dummy" not in {variant.format for variant in variants.compared()}
    with pytest.raises(SystemExit):
        main(["dummy", "--help"])
    assert "default nano-7" in " ".join(capsys.readouterr().out.split())
    [file] = fer.export(network, "dummy", "none", tmp_path).files
    # The twin gives every face the next label.
    assert (file.parity.passed, file.passed, file.kernels.runtime) == (True, False, "dummy-twin 1.0")
    assert file.path.name == "tiny-fp32-failed.dummy"
    assert file.companions is None
    with pytest.raises(UsageError, match="is not timed: nobody has one"):
        fer.bench([file.path])
    lenient = tuple(replace(each, kernel_gate=KernelGate(0.0, 1.5)) for each in ROWS)
    monkeypatch.setattr(variants, "VARIANTS", (*variants.VARIANTS[: -len(ROWS)], *lenient))
    result = fer.export(network, "dummy", "none", tmp_path)
    assert (tmp_path / "tiny-fp32.txt").read_text() == "beside\n"
    assert result.passed
    assert "tiny has a companion" in str(result)
