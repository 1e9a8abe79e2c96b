"""ARM parity without qemu: what counts as the same, the table, the package source, and every way it cannot run."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmarks.arm import arm_machine, arm_softmax
from benchmarks.arm import arm_parity as parity

from fer_export.bundle.golden import kernel_sets
from fer_export.bundle.manifest import BundledVariant
from helpers import tiny_onnx, tiny_tflite

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

HERE = np.array([[0.25, 0.75], [0.5, 0.5], [1.0, 0.0]], np.float32)
EXACT = parity.Check("models/tiny-int8.tflite", "probabilities", 0.0, Path("tiny-int8.tflite"))
FLOAT = parity.Check("models/tiny-fp32.tflite", "probabilities", 1e-6, Path("tiny-fp32.tflite"))


def row(check, there, **about):
    return parity.compare(check, "cortex-a53", HERE, parity.Answer(there, about))


@pytest.mark.parametrize(
    ("check", "place", "value", "passed"),
    [
        (EXACT, (0, 0), 0.25, True),
        (EXACT, (0, 0), np.nextafter(np.float32(0.25), np.float32(1)), False),
        (EXACT, (2, 1), -0.0, False),
        (EXACT, (2, 1), np.nan, False),
        (FLOAT, (1, 1), 0.5 + 9e-7, True),
        (FLOAT, (1, 1), 0.5 - 1.1e-6, False),
        (FLOAT, (2, 1), np.nan, False),
        (FLOAT, (2, 1), np.inf, False),
    ],
)
def test_int8_must_be_the_very_bytes_and_float_nearly(check, place, value, passed):
    there = HERE.copy()
    there[place] = value
    found = row(check, there, kernels="XNNPACK")
    assert (found.passed, found.kernels, found.vectors) == (passed, "XNNPACK", 3)
    assert found.same == (3 if passed and check is EXACT else 2)
    # RFC 8259 knows no NaN.
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["passed"] == passed


def test_no_answer_and_one_of_another_shape_fail():
    for answer in (parity.Answer(None, {}, "ended by signal 4"), parity.Answer(HERE[:, :1], {})):
        for check in (EXACT, FLOAT):
            found = parity.compare(check, "cortex-a53", HERE, answer)
            assert (found.passed, found.same, found.to_dict()["largest"]) == (False, 0, None)
    assert found.error == "answers of another shape, (3, 1)"


def test_the_table_has_a_line_for_each_check_and_marks_what_differs():
    wrong = HERE + np.float32(0.5)
    crashed = parity.compare(FLOAT, "cortex-a76", HERE, parity.Answer(None, {}, "ended by signal 4"))
    rows = [row(EXACT, wrong), row(FLOAT, HERE), crashed]
    rows.append(parity.compare(EXACT, "cortex-a76", HERE, parity.Answer(HERE, {})))
    lines = parity.table(rows, {"cortex-a76": "NEON dot product"}).splitlines()
    assert [line.split() for line in lines] == [
        ["file", "compared", "allowed", "cortex-a53", "cortex-a76"],
        ["NEON", "dot", "product"],
        ["tiny-int8.tflite", "probabilities", "0", "0/3", "same,", "5.0e-01", "FAILED", "3/3", "same"],
        ["tiny-fp32.tflite", "probabilities", "1e-06", "0.0e+00", "no", "answer"],
        ["tiny-fp32.tflite", "on", "cortex-a76:", "ended", "by", "signal", "4"],
    ]
    assert lines[1].index("NEON") == lines[0].index("cortex-a76") == lines[2].index("3/3")


def softmax_last(content):
    """The tiny ONNX file without the cast behind its softmax."""
    import onnx

    model = onnx.load_from_string(content)
    del model.graph.node[-1]
    model.graph.node[-1].output[0] = "probabilities"
    return model.SerializeToString()


@pytest.mark.parametrize(
    ("form", "content", "integer_softmax", "near"),
    [
        ("onnx", lambda: softmax_last(tiny_onnx.model()), False, 1e-6),
        ("tflite", lambda: tiny_tflite.converted("int8"), True, 0.01),
        ("tflite", lambda: tiny_tflite.converted("int8", io="int8"), True, 0.01),
        ("tflite", lambda: tiny_tflite.converted("none"), False, 1e-6),
    ],
    ids=["onnx", "tflite-int8", "tflite-int8-io", "tflite-float"],
)
def test_logits_are_what_the_softmax_was_given(form, content, integer_softmax, near):
    whole, faces = content(), tiny_tflite.images()
    cut = arm_softmax.before_softmax(whole, form)
    run = kernel_sets.of_format(form)[0].run
    logits = run(cut.content, faces).astype(np.float64)
    assert (cut.scale is not None) == integer_softmax
    if integer_softmax:
        steps = logits / cut.scale
        np.testing.assert_allclose(steps, np.rint(steps), atol=1e-3)
    assert np.abs(logits.sum(axis=1) - 1).min() > 1e-3
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(shares / shares.sum(axis=1, keepdims=True), run(whole, faces), atol=near)


def test_arm64_rounds_its_softmax_otherwise():
    """Logits of compact-7 in steps, x86's probabilities in steps, and arm64's as qemu gave them."""
    scale = 0.0313725508749485
    logits = np.array([[-134, -161, -121, -172, -146, 0, -106], [-134, -145, 0, -160, -73, -42, -91]])
    x86 = [[3, 1, 5, 1, 2, 234, 8], [3, 2, 175, 1, 18, 47, 10]]
    found = arm_softmax.arm64((logits * scale).astype(np.float32), scale) * 256
    assert found.tolist() == [[3, 2, 5, 1, 2, 234, 8], [3, 2, 176, 1, 18, 47, 10]]
    assert np.abs(found - x86).max() == 1
    # As much as there is: 256 steps do not fit the byte.
    assert arm_softmax.arm64(np.array([[0.0, -8.0]], np.float32), 8 / 255)[0, 0] == 255 / 256


def test_a_file_without_a_softmax_at_its_end_is_not_cut():
    assert arm_softmax.before_softmax(tiny_onnx.model(), "onnx") is None
    logits = arm_softmax.before_softmax(tiny_tflite.converted("int8"), "tflite").content
    assert arm_softmax.before_softmax(logits, "tflite") is None


class Listed:
    """A bundle as far as checks_of looks at it."""

    def __init__(self, folder, *kinds):
        self.folder = folder
        self.variants = [
            BundledVariant(f"{form}-{precision}-{kind}", form, precision, kind, None, {})
            for form, precision, kind in kinds
        ]

    def read(self, file):
        return b""


def test_what_is_asked_of_each_file(tmp_path, monkeypatch):
    kinds = [(form, precision, "gray") for form in ("tflite", "onnx") for precision in ("int8", "none")]
    bundle = Listed(tmp_path, *kinds, ("tflite", "int8", "frame"))
    cuts = {"onnx": arm_softmax.Cut(b"onnx", None), "tflite": arm_softmax.Cut(b"tflite", 0.25)}
    monkeypatch.setattr(arm_softmax, "before_softmax", lambda content, form: cuts.get(form))
    assert [(check.file, check.compared, check.allowed) for check in parity.checks_of(bundle, tmp_path)] == [
        ("tflite-int8-gray", "logits", 0),
        ("tflite-int8-gray", "softmax of arm64", 0),
        ("tflite-int8-gray", "probabilities", 1 / 256),
        ("tflite-none-gray", "probabilities", 1e-6),
        ("onnx-int8-gray", "logits", 0),
        ("onnx-int8-gray", "probabilities", 1e-6),
        ("onnx-none-gray", "probabilities", 1e-6),
    ]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "tflite-int8-gray": b"tflite",
        "onnx-int8-gray": b"onnx",
    }
    cuts.clear()
    uncut = {(check.file, check.compared): check.allowed for check in parity.checks_of(bundle, tmp_path)}
    assert uncut["onnx-int8-gray", "probabilities"] == uncut["tflite-int8-gray", "probabilities"] == 0
    assert len(uncut) == 4


def test_a_softmax_of_arm64_is_made_of_the_logits_here(tmp_path):
    check = parity.Check("tiny", "softmax of arm64", 0.0, tmp_path / "tiny", tmp_path / "logits", 0.1)
    logits = np.array([[0.0, -1.0, 2.0]], np.float32)
    here = {tmp_path / "logits": parity.Answer(logits, {}), tmp_path / "tiny": parity.Answer(None, {}, "broken")}
    np.testing.assert_array_equal(check.expected(here), arm_softmax.arm64(logits, 0.1))
    with pytest.raises(parity.FerExportError, match=r"^tiny does not run on this machine: broken; see"):
        replace(check, softmax_of=None).expected(here)


def test_the_worker_answers_as_the_runtime_does(tmp_path):
    faces, models = tiny_tflite.images(), [tmp_path / name for name in ("whole.tflite", "broken.tflite", "last.onnx")]
    contents = (tiny_tflite.converted("int8"), b"no model", tiny_onnx.model())
    for model, content in zip(models, contents, strict=True):
        model.write_bytes(content)
    np.save(tmp_path / "faces.npy", faces)
    found = parity.answered([sys.executable], dict(os.environ), models, tmp_path / "faces.npy", tmp_path)
    for model, form in ((models[0], "tflite"), (models[2], "onnx")):
        expected = kernel_sets.of_format(form)[0].run(model.read_bytes(), faces)
        np.testing.assert_array_equal(found[model].values, expected)
    assert found[models[0]].about["kernels"].startswith("XNNPACK")
    assert found[models[0]].about["runtime"].startswith("litert ")
    assert found[models[1]].values is None
    assert "tflite" in found[models[1]].error
    assert "\n" not in found[models[1]].error


CRASHING = """\
import json, os, signal, sys
for model in sys.argv[4:]:
    if "crash" in model:
        os.kill(os.getpid(), signal.SIGILL)
    print(json.dumps({"error": model[-5:]}), flush=True)
"""


def test_a_file_that_ends_the_process_costs_no_other_its_answer(tmp_path):
    models = [tmp_path / name for name in ("first", "crash", "other", "crash2", "lasts")]
    command = [sys.executable, "-c", CRASHING]
    found = parity.answered(command, {}, models, tmp_path / "faces.npy", tmp_path)
    ended = "ended by signal 4"
    assert [found[model].error for model in models] == ["first", ended, "other", ended, "lasts"]


DEB822 = """\
# The mirror of this house.
Types: deb
URIs: http://mirror.test/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /keys/debian.gpg

Types: deb
URIs: http://mirror.test/debian-security
Suites: bookworm-security
Components: main
"""
THIRD_PARTY = "deb [arch=amd64 signed-by=/keys/other.gpg] http://other.test/debian bookworm main\n"
ONE_LINE = """\
deb-src http://mirror.test/source bookworm main
deb-src http://mirror.test/source bookworm-updates main
deb [signed-by=/keys/one.gpg arch=amd64] http://mirror.test/debian bookworm main # ours
deb http://mirror.test/debian bookworm-updates main
"""
KEY = DEB822.replace(" /keys/debian.gpg", "\n -----BEGIN PGP\n .\n abc")


@pytest.mark.parametrize(
    ("written", "signed"),
    [
        ({"debian.sources": DEB822, "a-other.list": THIRD_PARTY}, "Signed-By: /keys/debian.gpg\n"),
        ({"a-other.list": THIRD_PARTY, "debian.list": ONE_LINE}, "Signed-By: /keys/one.gpg\n"),
        ({"debian.sources": KEY}, "Signed-By: \n -----BEGIN PGP\n .\n abc\n"),
        ({"debian.sources": DEB822.replace("Signed-By: /keys/debian.gpg\n", "")}, ""),
    ],
)
def test_the_archive_is_this_machines_own(tmp_path, written, signed):
    (tmp_path / "sources.list.d").mkdir()
    for name, content in written.items():
        (tmp_path / "sources.list.d" / name).write_text(content)
    expected = "Types: deb\nURIs: http://mirror.test/debian\nSuites: trixie\nComponents: main\n"
    assert arm_machine.debian_source(tmp_path) == expected + signed


@pytest.mark.parametrize("content", ["", THIRD_PARTY, ONE_LINE.replace("deb ", "# deb ")])
def test_no_archive_of_debian(tmp_path, content):
    (tmp_path / "sources.list").write_text(content)
    with pytest.raises(arm_machine.ArmMachineError, match=r"names no Debian archive .*; run this on Debian"):
        arm_machine.debian_source(tmp_path)


def test_no_apt_and_failed_downloads_are_one_line_and_leave_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    with pytest.raises(arm_machine.ArmMachineError, match=r"^there is no apt-get here"):
        arm_machine.lay_out(tmp_path / "tree")
    program = tmp_path / "bin" / "apt-get"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho Reading lists\necho 'E: cannot resolve the mirror' >&2\nexit 100\n")
    program.chmod(0o755)
    (tmp_path / "bin" / "dpkg-deb").symlink_to(program)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setattr(arm_machine, "debian_source", lambda: "")
    with pytest.raises(arm_machine.ArmMachineError) as caught:
        arm_machine.lay_out(tmp_path / "tree")
    assert str(caught.value) == (
        "cannot get the package lists of Debian: E: cannot resolve the mirror; "
        "check the network and the free disk space (400 MB), and run it again"
    )
    assert list((tmp_path / "tree").iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(arm_machine.ArmMachineError, match=r"cannot write .*tree: .*; choose another place with --tree"):
        arm_machine.lay_out(tmp_path / "file" / "tree")


def test_a_laid_out_machine_is_used_again(tmp_path, monkeypatch):
    def system(folder):
        (folder / "root/usr/bin").mkdir(parents=True)
        (folder / "root/usr/bin/python3").symlink_to("python3.13")

    unpacked = []
    monkeypatch.setattr(arm_machine, "unpack_system", system)
    monkeypatch.setattr(arm_machine, "unpack_wheels", lambda *given: unpacked.append(given[1:]))
    first, again = (arm_machine.lay_out(tmp_path / "tree") for _ in range(2))
    assert first == again
    [(versions, python)] = unpacked
    assert (set(versions), python) == (set(arm_machine.WHEELS), "3.13")
    assert first.command("cortex-a53")[1:3] == ["-cpu", "cortex-a53"]
    assert first.command("cortex-a53")[-1].endswith("usr/bin/python3.13")
    assert first.environment(Path("/packages"))["PYTHONPATH"] == f"{first.wheels}:/packages"


def test_a_foreign_folder_is_one_line_and_exit_2(tmp_path):
    command = [sys.executable, "-m", "benchmarks.arm.arm_parity", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=BENCHMARKS.parent)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        f"arm_parity: {tmp_path} is not a bundle: it has no manifest.json; pass one made by `make_bundle()`"
    ]


@pytest.mark.parametrize(("there", "code"), [(HERE, 0), (HERE + np.float32(1e-3), 1)])
def test_exit_tells_whether_anything_differs(tmp_path, monkeypatch, capsys, there, code):
    rows = [row(FLOAT, there)]
    monkeypatch.setattr(sys, "argv", ["arm_parity.py", str(tmp_path), "--no-record"])
    monkeypatch.setattr(parity.Bundle, "open", lambda folder: None)
    monkeypatch.setattr(parity, "measure", lambda *given: (rows, {"printout": parity.table(rows, {})}))
    assert parity.main() == code
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == ("FAILED: 1 of 1 differ" if code else "PASSED: all 1 as asked")
