"""Core ML packages in a bundle: on request, with the Swift file that runs them."""

import importlib.util
import json
import re
import shutil
import subprocess
import sys

import pytest

from fer_export.bundle import make as bundling
from fer_export.bundle import readme
from fer_export.bundle.manifest import BundledVariant
from fer_export.bundle.verify import verify
from fer_export.calibration import probe_faces
from fer_export.contract import contract_for
from fer_export.errors import UsageError
from fer_export.report.text.bundle import bundle_text
from helpers import bundles
from helpers.networks import checkpoint_of, report_like

SWIFT = "swift/Emotions.swift"
LABELS = ("happy", "sad", "neutral")


def bundled(file, file_format):
    share = {"value": 1.0, "low": 0.9, "high": 1.0, "on": "faces"}
    return BundledVariant(f"models/{file}", file_format, "int8", "gray", None, share)


@pytest.fixture(scope="module")
def swift():
    """Source for a package of 48x48."""
    variants = [bundled("a.tflite", "tflite"), bundled("a-int8.mlpackage", "coreml"), bundled("b.mlpackage", "coreml")]
    [(place, content)] = readme.sources("tiny", contract_for(LABELS, 48), variants).items()
    assert place == SWIFT
    return content.decode()


def test_a_bundle_holds_core_ml_where_it_is_asked_for():
    usual = [variant.format for variant in bundling.chosen()]
    assert set(usual) == {"tflite", "onnx"}
    asked = [(variant.format, variant.precision) for variant in bundling.chosen(("coreml", "tflite"))]
    assert asked == [("tflite", "int8"), ("tflite", "none"), ("coreml", "int8"), ("coreml", "fp16")]
    with pytest.raises(
        UsageError, match="'coremi' \\(did you mean 'coreml'\\?\\); use `formats` of tflite, onnx, coreml"
    ):
        bundling.chosen(("tflite", "coremi"))
    with pytest.raises(UsageError, match="cannot hold 'microcontroller'"):
        bundling.chosen(("tflite", "microcontroller"))
    with pytest.raises(UsageError, match="default file is of the format tflite; add it"):
        bundling.chosen(("coreml",))


def test_no_source_without_a_package():
    assert readme.sources("tiny", contract_for(LABELS, 48), [bundled("a.tflite", "tflite")]) == {}


def test_the_swift_file_says_what_was_not_done_and_has_the_contract(swift):
    assert "NOT RUN, NOT COMPILED HERE" in swift
    assert "models/a-int8.mlpackage" in swift
    assert "static let size = 48" in swift
    contract = contract_for(LABELS, 48)
    for number in (contract.crop.scale, contract.crop.shift_y, contract.grey.red, contract.grey.green):
        assert re.search(rf"(?<!\d){number}(?!\d)", swift), number
    assert not re.search(r"\{\{|\{%", swift)
    code = re.sub(r"//.*|\"[^\"]*\"", "", swift)
    assert all(code.count(left) == code.count(right) for left, right in ("()", "[]", "{}"))


@pytest.mark.skipif(shutil.which("swiftc") is None, reason="there is no swiftc")
def test_the_swift_file_type_checks(swift, tmp_path):
    """Outside macOS the crop only: what needs Vision and Core ML is not compiled there."""
    path = tmp_path / "Emotions.swift"
    path.write_text(swift)
    result = subprocess.run(["swiftc", "-typecheck", str(path)], capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    network = checkpoint_of(report_like(24), tmp_path_factory.mktemp("network"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probe_faces.make, "__kwdefaults__", {**probe_faces.make.__kwdefaults__, "steps": 3})
        place = tmp_path_factory.mktemp("bundle") / "tiny"
        return bundling.make(network, [place], options=bundles.LENIENT, formats=("tflite", "coreml"))


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("coremltools") is None, reason="coremltools is not installed")
def test_it_is_verified_and_a_changed_package_is_named(made, tmp_path):
    folder = made.places[0]
    assert verify(folder).passed, verify(folder).difference
    document = json.loads((folder / "manifest.json").read_text())
    inside = [name for name in document["files"] if name.startswith("models/tiny-int8.mlpackage/")]
    assert [name.rpartition("/")[2] for name in inside] == ["model.mlmodel", "weight.bin", "Manifest.json"]
    assert "models/tiny-int8.mlpackage" in (folder / SWIFT).read_text()
    text = (folder / "README.md").read_text()
    assert "## Swift" in text
    assert "neither compiled nor run here" in text
    assert bundle_text(made).count("Apple's Core ML was not run") == (sys.platform != "darwin")
    copy = bundles.copied(made, tmp_path)
    weights = copy / inside[1]
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x00")
    assert "weight.bin" in verify(copy).difference
