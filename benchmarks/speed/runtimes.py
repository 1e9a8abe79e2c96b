"""The default network's files in every runtime: answers on PublicTest and latency, timed twice.

    python -m benchmarks.speed.runtimes fer2013.csv

tflite-runtime runs in the interpreter that FER_EXPORT_TFLITE_RUNTIME names. Let nothing else run: the second
benchmark shows how far medians can be trusted.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.record import record

from fer_export.checkpoint import checkpoint
from fer_export.contract import variants
from fer_export.dataset import read as readers
from fer_export.errors import FerExportError
from fer_export.exporting import ExportedFile
from fer_export.exporting import export as exporting
from fer_export.latency import run as benchmark
from fer_export.parity import judge as judging
from fer_export.report.text.bench import bench_text
from fer_export.runtimes import runtimes_of

THREADS = (1, 2)
INTERPRETED = ("litert", "tflite-runtime", "onnxruntime")


def main() -> None:
    network, data = checkpoint.load(), readers.read(Path(sys.argv[1]))
    with tempfile.TemporaryDirectory() as folder:
        paths, answers = [], []
        exported = exporting.export_variants(network, variants.compared(), Path(folder), data=data)
        for file in exported.files:
            paths.append(file.path)
            for runtime in runtimes_of(file.variant.format):
                answers.append({"file": file.path.name, "runtime": runtime, **answered(file, exported.judge, runtime)})
        first, second = (benchmark.bench(paths, runtimes=INTERPRETED, threads=THREADS) for _ in range(2))
        for path in paths:
            path.unlink()
    ratios = [b.p50_ms / a.p50_ms for a, b in zip(first.rows, second.rows, strict=True)]
    document = first.to_dict()
    for row in document["rows"]:
        row["path"] = Path(row["path"]).name
    print(bench_text(first))
    record(
        "runtimes",
        {
            "answers": answers,
            "bench": document,
            "second_run_over_first": [round(ratio, 3) for ratio in ratios],
            "farthest_ratio": round(max(max(ratio, 1 / ratio) for ratio in ratios), 3),
        },
    )


def answered(file: ExportedFile, judge: judging.Judge, runtime: str) -> dict[str, Any]:
    """Agreement with Keras and drop in a runtime, or why it cannot run the file."""
    try:
        found = judge.judge(file.path.read_bytes(), file.variant.gate, runtime=runtime).parity
    except FerExportError as error:
        return {"error": str(error)}
    return {"agreement": found.agreement.to_dict(), "drop": found.drop, "mean_difference": found.mean_difference}


if __name__ == "__main__":
    main()
