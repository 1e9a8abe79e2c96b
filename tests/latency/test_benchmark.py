from __future__ import annotations

import itertools
import json
import re
import stat
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from fer_export.errors import ExportFileError, UsageError
from fer_export.latency import explain, matmul
from fer_export.latency import plan as bench_plan
from fer_export.latency import run as benchmark
from fer_export.latency.process import Kernels, Process
from fer_export.latency.results import Bench, Row
from fer_export.model_file import tflite, tflite_metadata
from fer_export.report.text.bench import bench_text
from fer_export.system import machine
from fer_export.system.machine import Machine
from helpers import tiny_tflite

QUIET = Machine("Linux x86_64", "a processor", 4, ("AVX512-VNNI",), 0.1, 0.1, "3.11.7")
XNNPACK = Kernels("built-in kernels", "XNNPACK", 19, {"CAST": 1})
BUILT_IN = Kernels("built-in kernels", None, 0, {"CAST": 1, "CONV_2D": 6, "FULLY_CONNECTED": 2, "MAX_POOL_2D": 5})
ROW = Row(
    path="faces-fp32.tflite",
    model="faces",
    precision="none",
    format="tflite",
    input_shape=(1, 48, 48, 1),
    runtime="litert",
    runtime_version="2.3.0",
    python="3.11.7, NumPy 2.4.6",
    kernels=XNNPACK,
    threads=1,
    file_bytes=10_500_000,
    macs=44_000_000,
    parameters=2_600_000,
    import_s=0.03,
    load_ms=20.0,
    first_ms=2.0,
    p5_ms=0.47,
    p50_ms=0.48,
    p95_ms=0.5,
    inferences=1200,
    imported_rss_mb=37.0,
    peak_rss_mb=70.0,
    gmac_per_s=91.7,
    off_cpu_percent=0.1,
    halves_differ_percent=0.5,
)


def written(folder: Path, *precisions: str) -> list[Path]:
    """Tiny files with their contracts, one a precision."""
    paths = []
    for precision in precisions:
        paths.append(folder / f"tiny-{precision}.tflite")
        contract = tiny_tflite.contract(precision)
        paths[-1].write_bytes(tflite_metadata.embed(tiny_tflite.converted(precision), contract))
    return paths


def quick(paths: Sequence[Path], **options: Any) -> Bench:
    return benchmark.bench(paths, timing=benchmark.Timing(2, 0.001), **options)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return quick(written(tmp_path_factory.mktemp("bench"), "none", "int8"), threads=(1, 2, 1))


def test_every_file_and_number_of_threads_is_a_row(result: Bench) -> None:
    rows = [(Path(row.path).name, row.model, row.precision, row.runtime, row.threads) for row in result.rows]
    files = [("tiny-none.tflite", "tiny", "none", "litert"), ("tiny-int8.tflite", "tiny", "int8", "litert")]
    assert rows == [(*file, threads) for threads in (1, 2) for file in files]
    for row in result.rows:
        assert 0 < row.p5_ms <= row.p50_ms <= row.p95_ms
        assert min(row.load_ms, row.first_ms, row.import_s) > 0
        assert row.inferences >= 2
        assert row.file_bytes == Path(row.path).stat().st_size
        assert (row.macs, row.parameters) == _complexity(row)
        assert row.gmac_per_s == pytest.approx(row.macs / row.p50_ms / 1e6, abs=0.01)
        assert 10 < row.imported_rss_mb <= row.peak_rss_mb < 200
    assert [row.off_cpu_percent is None for row in result.rows] == [False, False, True, True]
    assert [row.float_ratio for row in result.rows][::2] == [1.0, 1.0]


def _complexity(row: Row) -> tuple[int | None, int | None]:
    graph = tflite.inspect(Path(row.path).read_bytes())
    return graph.macs, graph.parameters


def test_matrix_products_run_beside_the_files(result: Bench) -> None:
    peaks = {(peak.threads, peak.arithmetic): peak for peak in result.peaks}
    assert set(peaks) == {(threads, arithmetic) for threads in (1, 2) for arithmetic in ("float32", "int8")}
    for row in result.rows:
        peak = peaks[row.threads, "float32" if row.precision == "none" else "int8"]
        assert row.peak_arithmetic == peak.arithmetic
        assert row.share_of_peak_percent == pytest.approx(100 * row.gmac_per_s / peak.gmac_per_s, abs=0.06)
        assert peak.gmac_per_s == pytest.approx(128 * 1024 * 1024 / peak.p50_ms / 1e6, rel=0.01)


def test_the_result_is_json_and_text(result: Bench) -> None:
    document = result.to_dict()
    assert json.loads(json.dumps(document, allow_nan=False)) == json.loads(json.dumps(document))
    assert document["rows"][0]["kernels"]["delegate"] == "XNNPACK"
    assert document["machine"]["cores"] >= 1
    text = bench_text(result)
    lines = text.splitlines()
    header = next(line for line in lines if line.startswith("file "))
    assert re.split(r"\s{2,}", header)[:3] == ["file", "threads", "size"]
    assert "runtime" not in header
    table = lines[lines.index(header) : lines.index(header) + 5]
    assert {len(line) for line in table} == {len(header)}
    assert "litert 2." in text
    assert "GMAC/s in float32" in text


def test_blocks_interleave_in_an_order_of_their_own_each_round() -> None:
    ran: list[int] = []

    class Record:
        def __init__(self, number: int) -> None:
            self.number = number

        def warm_up(self, seconds: float) -> None:
            assert not ran

        def run_block(self) -> None:
            ran.append(self.number)

    def order(seed: int) -> list[int]:
        ran.clear()
        timing = benchmark.Timing(4, 0.1, seed)
        benchmark.measure([Record(i) for i in range(6)], timing, lambda task, done, total: None)  # type: ignore[misc]
        return list(ran)

    first = order(1)
    rounds = [tuple(first[i : i + 6]) for i in range(0, 24, 6)]
    assert all(sorted(block) == list(range(6)) for block in rounds)
    assert len(set(rounds)) == 4
    assert order(1) == first != order(2)


NO_PROCESS = cast(Process, None)
"""Of records whose latencies are made up."""


class Spread(benchmark.Record):
    """A record whose blocks take 1000 ns, and a width more or less in turns."""

    def __init__(self, width: int) -> None:
        super().__init__(NO_PROCESS)
        self.latencies = itertools.cycle([1000, 1000 + width, 1000 - width])

    def warm_up(self, seconds: float) -> None:
        pass

    def run_block(self) -> None:
        self.blocks.append([next(self.latencies)])


def test_rounds_end_once_every_median_is_known() -> None:
    def rounds(within: float | None, *widths: int) -> int:
        timing = benchmark.Timing(20, within=within)
        return benchmark.measure([Spread(width) for width in widths], timing, lambda task, done, total: None)

    assert rounds(0.02, 5, 5) == benchmark.FEWEST_ROUNDS
    assert rounds(0.02, 5, 300) == 20
    assert rounds(None, 5, 5) == 20


def test_the_interval_of_a_median_holds_it_as_often_as_it_says() -> None:
    rng, held = np.random.default_rng(1), 0
    for _ in range(400):
        record = benchmark.Record(NO_PROCESS, blocks=[[each] for each in rng.normal(1000, 20, 12)])
        middle = float(np.median(record.ns))
        held += abs(middle - 1000) <= record.median_within * middle
    assert held / 400 >= 0.95


def test_medians_of_even_and_odd_rounds_are_compared() -> None:
    record = benchmark.Record(NO_PROCESS, blocks=[[100, 100], [120, 120], [100], [120]])
    assert record.halves_differ_percent == 20.0
    assert record.ns == [100, 100, 120, 120, 100, 120]


def test_tensorflow_stays_out_of_the_parent(tmp_path: Path) -> None:
    [path] = written(tmp_path, "int8")
    code = (
        "import sys; from pathlib import Path; from fer_export.latency import run as benchmark; "
        f"benchmark.bench([Path({str(path)!r})], timing=benchmark.Timing(2, 0.001)); "
        "sys.exit(' '.join({'tensorflow', 'keras', 'onnx', 'onnxruntime', 'matplotlib'} & set(sys.modules)) or 0)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr


def test_tflite_runtime_takes_part_beside_litert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "packages" / "tflite_runtime"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("__version__ = '2.14.0'\nimport numpy\nnumpy.__version__ = '1.26.4'\n")
    (package / "interpreter.py").write_text("from ai_edge_litert.interpreter import Interpreter\n")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{package.parent}" exec "{sys.executable}" "$@"\n')
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("FER_EXPORT_TFLITE_RUNTIME", str(python))
    found = quick(written(tmp_path, "int8"), runtimes=["tflite-runtime", "litert"])
    assert [(row.runtime, row.runtime_version) for row in found.rows] == [
        ("litert", found.rows[0].runtime_version),
        ("tflite-runtime", "2.14.0"),
    ]
    assert [peak.runtime for peak in found.peaks] == ["litert", "tflite-runtime"]
    header = next(line for line in bench_text(found).splitlines() if line.startswith("file "))
    assert re.split(r"\s{2,}", header)[:3] == ["file", "runtime", "size"]


def test_onnx_files_run_in_onnxruntime_beside_tflite(tmp_path: Path) -> None:
    path = tmp_path / "product-int8.onnx"
    path.write_bytes(matmul.onnx("int8"))
    found = quick([path, *written(tmp_path, "none")], runtimes=["litert"])
    rows = [(row.format, row.runtime, row.model, row.precision) for row in found.rows]
    assert rows == [("tflite", "litert", "tiny", "none"), ("onnx", "onnxruntime", "product", "int8")]
    assert found.rows[1].macs == matmul.MACS
    assert {(peak.runtime, peak.arithmetic) for peak in found.peaks} == {("litert", "float32"), ("onnxruntime", "int8")}


@pytest.mark.parametrize("arithmetic", matmul.ARITHMETICS)
def test_the_matrix_products_are_products(arithmetic: str) -> None:
    import onnxruntime
    from ai_edge_litert.interpreter import Interpreter

    x = np.random.default_rng(2).integers(-128, 128, (matmul.ROWS, matmul.DEPTH), dtype=np.int8)
    weights, integer = matmul.weights(arithmetic), arithmetic == "int8"
    scales = (matmul.INPUT_SCALE, matmul.WEIGHT_SCALE) if integer else (1, 1)
    product = (x.astype(np.float32) * np.float32(scales[0])) @ (weights.astype(np.float32) * np.float32(scales[1]))
    expected = np.clip(np.round(product / matmul.OUTPUT_SCALE), -128, 127) if integer else product
    assert expected.std() > 20

    interpreter = Interpreter(model_content=matmul.tflite(arithmetic), num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x if integer else x.astype(np.float32))
    interpreter.invoke()
    given = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_allclose(given, expected, atol=1 if integer else 1e-3)

    session = onnxruntime.InferenceSession(matmul.onnx(arithmetic), providers=["CPUExecutionProvider"])
    stored = (x ^ -128).view(np.uint8) if integer else x.astype(np.float32)
    [given] = session.run(None, {"x": stored})
    np.testing.assert_allclose(given.astype(np.float32) - 128 * integer, expected, atol=1 if integer else 1e-3)
    assert tflite.inspect(matmul.tflite(arithmetic)).macs == matmul.MACS


@pytest.mark.parametrize("precision", ["none", "fp16", "dynamic", "int8"])
def test_a_file_without_contract_is_known_by_its_name_and_ops(precision: str, tmp_path: Path) -> None:
    path = tmp_path / f"faces-{'fp32' if precision == 'none' else precision}-rgb.tflite"
    path.write_bytes(tiny_tflite.converted(precision))
    found = bench_plan.read(path)
    assert (found.model, found.precision, found.format) == ("faces-rgb", precision, "tflite")


def test_files_that_cannot_be_timed_are_named_in_one_line(tmp_path: Path) -> None:
    [whole] = written(tmp_path, "none")
    cut, text = tmp_path / "cut.tflite", tmp_path / "notes.tflite"
    cut.write_bytes(whole.read_bytes()[:900])
    text.write_text("no model at all")
    for path in (cut, text, tmp_path / "missing.tflite", tmp_path / "missing.keras", tmp_path):
        with pytest.raises(ExportFileError, match=re.escape(str(path))) as caught:
            quick([whole, path])
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"threads": (0,)}, r"`threads=0`: use numbers of 1 and more"),
        ({"threads": ()}, "`threads"),
        ({"runtimes": ["lite-rt"]}, r"unknown runtime 'lite-rt' \(did you mean 'litert'\?\)"),
        ({"runtimes": ["litert", "onnxruntime"]}, "onnxruntime cannot run any of these files"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: dict[str, Any], reason: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=reason):
        quick(written(tmp_path, "none"), **options)


def test_no_files_and_one_round_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no file to time"):
        quick([])
    with pytest.raises(UsageError, match="2 or more"):
        benchmark.bench(written(tmp_path, "none"), timing=benchmark.Timing(1))


def slower(*rows: Row, on: Machine = QUIET) -> tuple[str, ...]:
    return explain.slower(rows, on)


def test_quicker_files_and_files_without_float_twin_need_no_words() -> None:
    quicker = replace(ROW, precision="int8", p50_ms=0.16)
    assert slower(ROW, quicker) == ()
    assert slower(ROW, replace(quicker, p50_ms=0.5)) == ()
    different = ({"model": "other"}, {"threads": 2}, {"runtime": "tflite-runtime"}, {"input_shape": (1, 48, 48, 3)})
    for other in (*different, {"mirror": True}):
        assert slower(replace(ROW, **other), replace(quicker, p50_ms=5.0)) == ()
    assert slower(ROW, replace(ROW, path="again-fp32.tflite", p50_ms=5.0)) == ()
    assert slower(replace(ROW, format="keras", runtime="keras"), replace(quicker, p50_ms=5.0, runtime="keras")) == ()


def test_int16_is_slow_because_nothing_is_optimised_for_it() -> None:
    [said] = slower(ROW, replace(ROW, precision="int16x8", p50_ms=14.4, kernels=BUILT_IN))
    assert said.startswith("int16x8 of faces takes 30.0 times as long as fp32 in litert 2.3.0 (1 thread): ")
    assert "XNNPACK took 0 of its 14 ops (19 of the float file's 20)" in said
    assert "6 CONV_2D, 5 MAX_POOL_2D, 2 FULLY_CONNECTED ran in the runtime's built-in kernels" in said
    assert said.endswith("plain loops for int16 activations")


def test_built_in_int8_kernels_are_said_to_be_made_for_arm_only_elsewhere() -> None:
    row = replace(ROW, precision="int8", p50_ms=1.9, kernels=BUILT_IN)
    assert slower(ROW, row)[0].endswith("whose int8 code is tuned for ARM")
    assert slower(ROW, row, on=replace(QUIET, system="Linux aarch64"))[0].endswith("built-in kernels")
    assert "not known to have an int8 dot-product" in slower(ROW, row, on=replace(QUIET, int8_instructions=()))[0]


def test_dynamic_files_quantise_at_every_run() -> None:
    partly = Kernels("built-in kernels", "XNNPACK", 13, {"CAST": 1, "CONV_2D": 4, "FULLY_CONNECTED": 2})
    [said] = slower(ROW, replace(ROW, precision="dynamic", p50_ms=1.2, kernels=partly))
    assert "XNNPACK took 13 of its 20 ops" in said
    assert "quantise the activations anew at every run" in said
    [said] = slower(ROW, replace(ROW, precision="dynamic", p50_ms=1.2))
    assert "same kernels as the float file's" in said


def test_onnx_files_are_explained_by_the_ops_that_ran() -> None:
    floats = Kernels("CPUExecutionProvider", None, 0, {"FusedConv": 6, "MaxPool": 5})
    base = replace(ROW, format="onnx", runtime="onnxruntime", kernels=floats)
    ran = Kernels(
        "CPUExecutionProvider", None, 0, {"ConvInteger": 6, "DynamicQuantizeLinear": 6, "MaxPool": 5, "Mul": 9}
    )
    [said] = slower(base, replace(base, precision="dynamic", p50_ms=0.61, kernels=ran))
    assert "takes 1.3 times as long as fp32 in onnxruntime" in said
    assert "26 ops ran where the float file runs 11, 9 Mul, 6 ConvInteger, 6 DynamicQuantizeLinear more" in said
    [said] = slower(base, replace(base, precision="int8", p50_ms=0.61))
    assert "kernels for this type are slower" in said


def test_a_quiet_machine_needs_no_caution() -> None:
    assert explain.cautions([ROW], QUIET) == ()


@pytest.mark.parametrize(
    ("row", "on", "reason"),
    [
        ({}, {"busy_cores": 1.0}, r"do not trust these figures.*1\.0 of 4 cores were at work"),
        ({}, {"busy_cores": None, "load_average": 3.0}, r"do not trust these figures.*load average 3\.0 on 4 cores"),
        ({"off_cpu_percent": 23.0}, {}, "do not trust these figures.*from 1 of 1 rows for up to 23 %"),
        ({"p95_ms": 1.2}, {}, r"1 of 1 rows are unsteady, p95 up to 2\.5 times p50.*do not trust"),
        ({"p95_ms": 1.2, "threads": 4}, {}, "4 threads on 4 cores leave the system none; 1 thread is steadier"),
        ({"halves_differ_percent": 14.0}, {}, "even and odd rounds differ by up to 14 %"),
        ({"threads": 8}, {}, "8 threads take turns on 4 cores"),
    ],
)
def test_what_speaks_against_the_figures_is_said(row: dict[str, Any], on: dict[str, Any], reason: str) -> None:
    [said] = explain.cautions([replace(ROW, **row)], replace(QUIET, **on))
    assert re.search(reason, said)


def test_a_high_load_average_of_work_that_has_ended_is_no_caution() -> None:
    assert explain.cautions([ROW], replace(QUIET, load_average=9.0)) == ()


def test_the_machine_is_described() -> None:
    found = machine.describe()
    assert found.cores >= 1
    assert found.busy_cores is None or found.busy_cores >= 0
    environment = machine.environment()
    assert {"python", "tensorflow", "keras", "ai-edge-litert", "machine", "cpu"} <= set(environment)
    assert environment["cpu"].startswith(found.cpu)


def test_int8_instructions_are_read_from_the_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for fields, expected in (
        ({"flags": "fpu avx2 avx512_vnni avx_vnni"}, ("AVX512-VNNI", "AVX-VNNI")),
        ({"Features": "fp asimd asimddp i8mm"}, ("NEON dot product", "NEON i8mm")),
        ({"flags": "fpu avx2"}, ()),
    ):
        monkeypatch.setattr(machine, "read_cpuinfo", lambda fields=fields: fields)
        assert machine.int8_instructions() == expected
