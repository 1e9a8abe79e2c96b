"""A phone's self-check: read strictly, one line for anything else, shown beside the rows of a benchmark."""

import copy
import dataclasses
import json
import os
import re
from pathlib import Path

import pytest

from fer_export.bundle import device_table
from fer_export.cli import main
from fer_export.latency import results
from fer_export.system import machine

JAVA = Path(__file__).parents[2] / "android_demo/core/src/main/java/org/ferexport/core"

CHECK = {
    "format": "fer-export device check",
    "version": 1,
    "bundle": "38540467955146a2" * 4,
    "runtime": "tensorflow-lite 2.16.1",
    "kernels": "tensorflow-lite",
    "threads": 2,
    "device": {"model": 'A "phone" é', "cpu": "Tensor G3", "abi": "arm64-v8a", "os": "Android 15"},
    "photos": {
        "photos": 11,
        "equal_photos": 11,
        "crops": 35,
        "equal_crops": 35,
        "faces": 10,
        "missing_faces": 0,
        "foreign_faces": 0,
        "box_distance": 1,
    },
    "variants": [
        {
            "file": "models/faces-int8.tflite",
            "format": "tflite",
            "precision": "int8",
            "vectors": 35,
            "largest_difference": 0.0,
            "agreement": 1.0,
            "p50_ms": 0.5,
            "p95_ms": 0.75,
            "within_tolerance": True,
        },
        {
            "file": "models/faces-fp32.tflite",
            "format": "tflite",
            "precision": "none",
            "vectors": 35,
            "largest_difference": 1.2e-7,
            "agreement": 1,
            "p50_ms": 2,
            "p95_ms": 12.25,
            "within_tolerance": True,
        },
    ],
}

TIMED = {"runtime": "litert", "runtime_version": "2.3.0", "threads": 1, "p95_ms": 0.3, "macs": 7}
BENCH = {
    "rows": [
        {**TIMED, "path": "exports/faces-fp32.tflite", "p50_ms": 0.2, "float_ratio": 1.0},
        {**TIMED, "path": "exports/faces-int8.tflite", "p50_ms": 0.1, "float_ratio": 0.5},
        {**TIMED, "path": "exports/other.onnx", "p50_ms": 0.1, "float_ratio": None},
    ],
    "machine": {"system": "Linux x86_64", "cpu": "A processor", "cores": 4},
    "peaks": [],
}


def written(folder, *changes, name="self-check.json"):
    """The document with values set at places such as ("variants", 0, "p50_ms")."""
    document = copy.deepcopy(CHECK)
    for *places, last, value in changes:
        part = document
        for place in places:
            part = part[place]
        part[last] = value
    path = folder / name
    path.write_text(json.dumps(document))
    return path


def run(capsys, *arguments):
    """Exit code, stdout and stderr of `fer-export device`."""
    code = main(["device", *map(str, arguments)])
    return code, *capsys.readouterr()


def table(text):
    """Header -> cell, of every row."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("file "))
    stop = lines.index("", start)
    header, *rows = (re.split(r"\s{2,}", line) for line in lines[start:stop])
    return [dict(zip(header, row, strict=True)) for row in rows]


def test_a_phone_is_rows_of_the_table(tmp_path, capsys):
    code, out, err = run(capsys, written(tmp_path))
    assert (code, err) == (0, "")
    assert out.startswith('PASSED  A "phone" é, Android 15; tensorflow-lite; bundle 385404679551\n')
    assert table(out)[1] == {
        "file": "faces-fp32.tflite",
        "device": 'A "phone" é',
        "runtime": "tensorflow-lite 2.16.1",
        "threads": "2",
        "p50 ms": "2",
        "p95 ms": "12.2",
        "of fp32": "1.00 x",
        "agreement": "100.0 %",
        "difference": "1.2e-07",
        "within tolerance": "yes",
        "CPU": "Tensor G3",
        "ABI": "arm64-v8a",
    }
    assert table(out)[0]["of fp32"] == "0.25 x"


def test_rows_of_a_benchmark_stand_beside_those_of_the_same_file(tmp_path, capsys):
    bench = tmp_path / "bench.json"
    bench.write_text(json.dumps(BENCH))
    phones = [written(tmp_path), written(tmp_path, ("device", "model", "Other"), name="other.json")]
    code, out, _ = run(capsys, *phones, "--bench", bench)
    phone = CHECK["device"]["model"]
    assert code == 0
    assert [(row["file"], row["device"]) for row in table(out)] == [
        *(("faces-fp32.tflite", name) for name in ("Linux", phone, "Other")),
        *(("faces-int8.tflite", name) for name in ("Linux", phone, "Other")),
        ("other.onnx", "Linux"),
    ]
    own = table(out)[3]
    assert (own["runtime"], own["p50 ms"], own["of fp32"]) == ("litert 2.3.0", "0.100", "0.50 x")
    assert (own["agreement"], own["within tolerance"], own["ABI"]) == ("-", "-", "x86_64")

    document = json.loads(run(capsys, phones[0], "--bench", bench, "--json")[1])
    assert document["passed"] is True
    assert document["checks"][0] == {
        **{k: v for k, v in CHECK.items() if k not in ("format", "version")},
        "passed": True,
    }
    assert [row["within_tolerance"] for row in document["rows"]] == [None, True, None, True, None]


def test_fields_are_those_that_the_app_and_bench_write():
    for name, fields in (
        ("SelfCheckReport", CHECK),
        ("VariantCheck", CHECK["variants"][0]),
        ("Device", CHECK["device"]),
    ):
        assert re.findall(r'fields\.put\("(\w+)"', (JAVA / f"{name}.java").read_text()) == list(fields)
    assert re.findall(r'fields\.put\("(\w+)"', (JAVA / "PhotoCheck.java").read_text()) == list(CHECK["photos"])
    assert {field.name for field in dataclasses.fields(results.Row)} >= BENCH["rows"][0].keys()
    assert {field.name for field in dataclasses.fields(machine.Machine)} >= BENCH["machine"].keys()
    assert {field.name for field in dataclasses.fields(results.Bench)} >= BENCH.keys()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("variants", 0, "within_tolerance", False), "not as in Python: models/faces-int8.tflite"),
        (("photos", "equal_crops", 34), "not as in Python: photos"),
        (("photos", "missing_faces", 1), "not as in Python: photos"),
        (("photos", "box_distance", 2), "not as in Python: photos"),
        (("variants", []), "no variant was run"),
    ],
)
def test_what_differs_from_python_fails(tmp_path, capsys, change, words):
    code, out, _ = run(capsys, written(tmp_path), written(tmp_path, change, name="off.json"))
    assert code == 1
    assert out.startswith("PASSED")
    assert "\nFAILED" in out
    assert words in out


def test_another_bundle_is_a_caution(tmp_path, capsys):
    other = written(tmp_path, ("bundle", "0" * 64), name="other.json")
    assert "caution: the phones checked different bundles" in run(capsys, written(tmp_path), other)[1]
    assert "caution" not in run(capsys, other)[1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("format", "fer-export bundle"), "is not a fer-export device check; pass"),
        (("version", 2), "of version 2 and this fer-export reads 1; update"),
        (("version", True), "of version True"),
        (("extra", 1), "unknown field extra; share"),
        (("device", "imei", "1"), "unknown field imei"),
        (("device", {"model": "m", "cpu": "c", "abi": "a"}), "lacks os; share"),
        (("bundle", "none"), "names no bundle"),
        (("threads", 0), "0 threads"),
        (("threads", True), "threads of"),
        (("photos", "equal_crops", 36), "not valid counts"),
        (("photos", "box_distance", -1), "not valid counts"),
        (("variants", 0, "within_tolerance", 1), "within_tolerance of"),
        (("variants", 0, "precision", "int4"), "unknown variant"),
        (("variants", 0, "agreement", 1.01), "figures of models/faces-int8.tflite that cannot be"),
        (("variants", 0, "largest_difference", -1e-9), "that cannot be"),
        (("variants", 0, "p50_ms", 0), "that cannot be"),
        (("variants", 0, "p50_ms", 0.76), "that cannot be"),
        (("variants", 0, "vectors", 0), "that cannot be"),
        (("variants", 0, "p50_ms", None), "p50_ms of"),
    ],
)
def test_a_foreign_document_is_one_line(tmp_path, capsys, change, words):
    refused(run(capsys, written(tmp_path), written(tmp_path, change, name="bad.json")), "bad.json", words)


@pytest.mark.parametrize("content", [b"", b"\xff", b"[1]", b'{"format": NaN}', b'{"a": 1, "a": 2}', b"[" * 100_000])
def test_no_document_is_one_line(tmp_path, capsys, content):
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    refused(run(capsys, path), "bad.json")


def test_missing_files_are_one_line(tmp_path, capsys, monkeypatch):
    refused(run(capsys), "or --adb")
    refused(run(capsys, tmp_path / "none.json"), "cannot read", "none.json")
    refused(run(capsys, tmp_path), "cannot read")
    monkeypatch.setattr(device_table, "LARGEST", 100)
    refused(run(capsys, written(tmp_path)), "more than 100 bytes")


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "expected object, got array"),
        ({"rows": BENCH["rows"]}, "lacks machine"),
        ({**BENCH, "rows": [{"path": "a"}]}, "lacks"),
        ({**BENCH, "machine": {"system": 1, "cpu": ""}}, "system of machine"),
    ],
)
def test_a_foreign_benchmark_is_one_line(tmp_path, capsys, document, words):
    bench = tmp_path / "bench.json"
    bench.write_text(json.dumps(document))
    refused(run(capsys, written(tmp_path), "--bench", bench), "bench.json", words, "fer-export bench FILE... --json")


def test_texts_of_a_phone_cannot_command_the_terminal(tmp_path, capsys):
    _, out, _ = run(capsys, written(tmp_path, ("device", "model", "a\x1b[2J\nb\ud800"), ("device", "cpu", "")))
    assert out.startswith("PASSED  a\\x1b[2J b\\ud800, Android 15")
    assert table(out)[0]["CPU"] == "-"


def refused(result, *words):
    """Exit code 2, nothing on stdout, one line on stderr that holds the words."""
    code, out, err = result
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert all(word in err for word in words), err


ADB = """#!/bin/sh
[ "$1" = devices ] && cat "{folder}/devices" && exit
[ "$1 $3 $4" = "-s pull {place}" ] && exec cp "{folder}/$2.json" "$5"
exit 3
"""


@pytest.fixture
def adb(tmp_path, monkeypatch):
    """A folder with an adb that lists what stands in `devices` and fetches <serial>.json."""
    if os.name == "nt":
        pytest.skip("the stand-in for adb is a shell script")
    program = tmp_path / "adb"
    program.write_text(ADB.format(folder=tmp_path, place=device_table.ON_PHONE))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def listed(folder, text):
    Path(folder, "devices").write_text(f"* daemon started successfully\nList of devices attached\n{text}\n")


def test_adb_fetches_from_every_phone(adb, capsys):
    listed(adb, "ONE\tdevice\nTWO\toffline\nemulator-5554\tdevice\n")
    written(adb, name="ONE.json")
    written(adb, ("device", "model", "Emulator"), name="emulator-5554.json")
    shared = written(adb, ("device", "model", "Shared"))
    code, out, _ = run(capsys, shared, "--adb", "--json")
    assert code == 0
    models = [check["device"]["model"] for check in json.loads(out)["checks"]]
    assert models == ["Shared", CHECK["device"]["model"], "Emulator"]


def test_what_adb_lacks_is_one_line(adb, capsys, monkeypatch):
    listed(adb, "")
    refused(run(capsys, "--adb"), "adb sees no phone; connect one")
    listed(adb, "ONE\tunauthorized")
    refused(run(capsys, "--adb"), "adb sees ONE as unauthorized", "allow USB debugging")
    listed(adb, "ONE\tdevice")
    refused(run(capsys, "--adb"), "adb fails", "ONE.json", "run the self-check in the app")
    written(adb, ("version", 2), name="ONE.json")
    refused(run(capsys, "--adb"), "self-check of ONE is of version 2")
    monkeypatch.setenv("PATH", str(adb / "nowhere"))
    refused(run(capsys, "--adb"), "adb is not installed")
