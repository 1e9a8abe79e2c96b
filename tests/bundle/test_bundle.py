"""The bundle: what is in it, that it is made the same twice, what is refused, and that its snippets work."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fer_export.bundle import make as bundling
from fer_export.bundle.folder import Bundle
from fer_export.cli import main
from fer_export.errors import BundleError, DifferenceError, OutputError
from helpers import bundles

MODELS = ("tiny-int8.tflite", "tiny-fp32.tflite", "tiny-int8.onnx", "tiny-fp32.onnx")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return bundles.tiny(tmp_path_factory)


@pytest.fixture
def copy(tiny, tmp_path):
    return bundles.copied(tiny[1], tmp_path)


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_it_holds_what_an_app_needs(tiny):
    network, made = tiny
    opened = Bundle.open(made.places[0])
    found = contents(opened.folder)
    photos = [name for name in found if name.endswith(".png")]
    assert sorted(found) == sorted(
        [
            "manifest.json",
            "contract.json",
            "labels.txt",
            "README.md",
            *(f"models/{name}" for name in MODELS),
            "detectors/face_detection_short_range.tflite",
            "detectors/face_detection_full_range_sparse.tflite",
            "detectors/LICENSE",
            "golden/golden.json",
            *photos,
        ]
    )
    assert opened.default == opened.folder / "models/tiny-int8.tflite"
    assert opened.contract.labels == network.labels
    assert opened.contract.size == 16
    assert found["labels.txt"].decode().splitlines() == list(network.labels)
    document = json.loads(found["manifest.json"])
    assert document["checkpoint"]["sha256"] == network.sha256
    assert document["calibration"]["source"] == "probe faces"
    assert document["calibration"]["count"] == 256
    assert document["versions"]["onnxruntime"]
    for name, content in found.items():
        if name != "manifest.json":
            assert document["files"][name] == {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    licence = found["detectors/LICENSE"].decode()
    assert "The MIT License" in licence
    assert "Apache License" in licence


@pytest.mark.slow
def test_made_twice_it_is_the_same_and_names_no_place(tiny, tmp_path):
    network, made = tiny
    again = bundling.make(network, [tmp_path / "again", tmp_path / "app"], options=bundles.LENIENT)
    first, second = contents(made.places[0]), contents(tmp_path / "again")
    assert first == second == contents(tmp_path / "app")
    assert again.digest == made.digest == hashlib.sha256(first["manifest.json"]).hexdigest()
    for name, content in first.items():
        for place in (str(Path.home()), str(tmp_path.parent), os.getcwd()):
            assert place == "/" or place.encode() not in content, name
    assert sorted(os.listdir(tmp_path)) == ["again", "app"]


def test_its_manifest_gives_its_own_digest(tiny):
    content = (tiny[1].places[0] / "manifest.json").read_bytes()
    assert bundles.sealed({k: v for k, v in json.loads(content).items() if k != "digest"}) == content


def newer(document):
    document["version"] = 2


def without_default(document):
    del document["default"]


def foreign_field(document):
    document["signature"] = "x"


def outside(document):
    document["files"]["../../etc/passwd"] = document["files"]["labels.txt"]


def absolute(document):
    document["files"]["/etc/passwd"] = document["files"]["labels.txt"]


def backslash(document):
    document["files"]["models\\x"] = document["files"]["labels.txt"]


def other_default(document):
    document["default"] = "labels.txt"


def unlisted_variant(document):
    del document["files"]["models/tiny-int8.onnx"]


def unknown_precision(document):
    document["variants"][0]["precision"] = "int4"


def true_for_a_size(document):
    document["files"]["labels.txt"]["bytes"] = True


def no_object(document):
    document["checkpoint"] = ["tiny"]


MANIFESTS = [
    (newer, "version 2.*update fer-export"),
    (without_default, "lacks default"),
    (foreign_field, "unknown field signature"),
    (outside, "not a place inside a bundle"),
    (absolute, "not a place inside a bundle"),
    (backslash, "not a place inside a bundle"),
    (other_default, "default"),
    (unlisted_variant, "tiny-int8.onnx"),
    (unknown_precision, "int4"),
    (true_for_a_size, "bytes of files: expected int, got bool"),
    (no_object, "checkpoint"),
]


@pytest.mark.parametrize(("change", "words"), MANIFESTS, ids=[change.__name__ for change, _ in MANIFESTS])
def test_a_manifest_that_is_not_ours_is_refused(copy, change, words, capfd):
    bundles.reseal(copy, change)
    with pytest.raises(BundleError, match=words) as caught:
        Bundle.open(copy)
    assert "\n" not in str(caught.value)
    assert main(["verify", str(copy)]) == 2
    said = capfd.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{", b"\xff\xfe", b'{"format": 1}', b'{"format": NaN}', b"[" * 100_000, b'{"a": 1, "a": 2}'],
    ids=["empty", "list", "cut", "no text", "other", "nan", "deep", "twice"],
)
def test_what_is_no_manifest_is_refused(copy, content):
    (copy / "manifest.json").write_bytes(content)
    with pytest.raises(BundleError, match=r"manifest\.json"):
        Bundle.open(copy)


def test_a_changed_contract_is_refused(copy):
    bundles.rewrite(copy / "contract.json", lambda document: document.update(gamma=2))
    with pytest.raises(DifferenceError, match=r"contract\.json"):
        Bundle.open(copy)
    bundles.reseal(copy)
    with pytest.raises(BundleError, match="unknown field gamma"):
        Bundle.open(copy)


def test_a_model_or_detector_of_another_bundle_is_refused(copy):
    model, detector = copy / "models/tiny-int8.tflite", copy / "detectors/face_detection_short_range.tflite"
    whole = model.read_bytes()
    model.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(DifferenceError, match=r"tiny-int8\.tflite is not the manifest's file"):
        Bundle.open(copy)
    model.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DifferenceError, match="bytes and the manifest says"):
        Bundle.open(copy)
    model.unlink()
    with pytest.raises(DifferenceError, match="is missing"):
        Bundle.open(copy)
    model.write_bytes(whole)
    detector.write_bytes(whole)
    bundles.reseal(copy)
    with pytest.raises(BundleError, match="not the detector"):
        Bundle.open(copy)


def test_links_are_refused(copy, tmp_path):
    moved = copy.rename(tmp_path / "real")
    shutil.copytree(moved, copy)
    for name in ("labels.txt", "models", "manifest.json"):
        path = copy / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        path.symlink_to(moved / name)
        with pytest.raises(BundleError, match="link"):
            Bundle.open(copy)
        path.unlink()
        shutil.copytree(moved / name, path) if (moved / name).is_dir() else shutil.copy(moved / name, path)
    assert Bundle.open(copy)


def test_what_is_no_bundle_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    for name in ("missing", "file"):
        with pytest.raises(BundleError, match="not a folder"):
            Bundle.open(tmp_path / name)
    with pytest.raises(BundleError, match="not a bundle"):
        Bundle.open(tmp_path)


class Quick:
    """bundling.make without the work: the contents of a bundle that is there already."""

    def __init__(self, monkeypatch, made):
        self.failing = False

        def export(checkpoint, variants, output, **options):
            for file in made.export.files:
                (output / file.path.name).write_bytes((made.places[0] / "models" / file.path.name).read_bytes())
            if self.failing:
                raise KeyboardInterrupt
            files = tuple(replaced(file, output) for file in made.export.files)
            return type(made.export)(**{**vars(made.export), "files": files})

        def replaced(file, output):
            return type(file)(**{**vars(file), "path": output / file.path.name})

        monkeypatch.setattr("fer_export.exporting.export.export_variants", export)


@pytest.mark.slow
def test_an_older_bundle_is_replaced_and_nothing_else(tiny, tmp_path, monkeypatch):
    network, made = tiny
    Quick(monkeypatch, made)
    old = bundles.copied(made, tmp_path)
    (old / "left-over.txt").write_text("of an older version")
    bundles.rewrite(old / "manifest.json", newer)
    bundling.make(network, [old], options=bundles.LENIENT)
    assert contents(old) == contents(made.places[0])
    other = tmp_path / "photos"
    other.mkdir()
    (other / "holiday.jpg").write_bytes(b"precious")
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "link").symlink_to(other)
    for place in (other, tmp_path / "file", tmp_path / "link", tmp_path / "file" / "below"):
        with pytest.raises(OutputError, match="`output"):
            bundling.make(network, [place], options=bundles.LENIENT)
    assert (other / "holiday.jpg").read_bytes() == b"precious"
    assert sorted(os.listdir(tmp_path)) == ["copy", "file", "link", "photos"]


def test_an_interruption_leaves_nothing_and_keeps_what_was_there(tiny, tmp_path, monkeypatch):
    network, made = tiny
    Quick(monkeypatch, made).failing = True
    old = bundles.copied(made, tmp_path)
    for place in (old, tmp_path / "new"):
        with pytest.raises(KeyboardInterrupt):
            bundling.make(network, [place], options=bundles.LENIENT)
    assert os.listdir(tmp_path) == ["copy"]
    assert contents(old) == contents(made.places[0])


@pytest.mark.slow
def test_a_failed_gate_writes_nothing(tiny, tmp_path, capfd):
    network, _ = tiny
    place = tmp_path / "out"
    arguments = ["bundle", "--model", str(network.source), "--data", str(few_faces(tmp_path))]
    assert main([*arguments, "--max-drop", "-200", "--output", str(place)]) == 1
    said = capfd.readouterr().out
    assert "FAILED" in said
    assert "no bundle was written" in said
    assert f"--model {network.source}" in said
    assert os.listdir(tmp_path) == ["few.csv"]


def few_faces(folder):
    rng = np.random.default_rng(0)
    rows = [
        f"{emotion},{' '.join(map(str, rng.integers(0, 256, 2304)))},{usage}"
        for usage in ("Training", "PublicTest")
        for emotion in (0, 3, 6, 0, 3, 6)
    ]
    path = folder / "few.csv"
    path.write_text("\n".join(["emotion,pixels,Usage", *rows]) + "\n")
    return path


def test_the_python_snippet_answers_as_recorded(tiny):
    """The Kotlin and Java ones are compiled by .ci/snippets.sh."""
    folder = tiny[1].places[0]
    [code] = re.findall(r"^```python\n(.*?)^```$", (folder / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    golden = json.loads((folder / "golden/golden.json").read_text())
    expected = golden["variants"][0]["probabilities"][0]
    answer = json.loads(result.stdout)
    assert list(answer) == list(tiny[0].labels)
    np.testing.assert_allclose(list(answer.values()), expected, rtol=0, atol=1e-7)
