"""The int8 TFLite file of every shipped network on one thread of LiteRT, side by side in one run.

    python -m benchmarks.speed.network_latency

Let nothing else run. Ratios to the report's largest network are what counts; milliseconds are this machine's.
"""

import tempfile
from pathlib import Path

from benchmarks.record import record

from fer_export.checkpoint import checkpoint, shipped
from fer_export.exporting import export as exporting
from fer_export.latency import run as benchmark
from fer_export.report.text.bench import bench_text

BESIDE = "report-512-7"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = {
            name: exporting.export(checkpoint.load(name), "tflite", ["int8"], Path(folder)).files[0].path
            for name in shipped.shipped_names()
        }
        found = benchmark.bench(list(paths.values()), runtimes=("litert",), threads=(1,))
    print(bench_text(found))
    p50 = {name: row.p50_ms for name, row in zip(paths, found.rows, strict=True)}
    networks = {
        name: {
            "p5_ms": row.p5_ms,
            "p50_ms": row.p50_ms,
            "p95_ms": row.p95_ms,
            "peak_rss_mb": row.peak_rss_mb,
            "times_beside": round(row.p50_ms / p50[BESIDE], 3),
        }
        for name, row in zip(paths, found.rows, strict=True)
    }
    record("network_latency", {"beside": BESIDE, "networks": networks, "cautions": list(found.cautions)})


if __name__ == "__main__":
    main()
