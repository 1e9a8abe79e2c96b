"""The int8 TFLite file of every shipped network on one thread of LiteRT, side by side in one run.

    python -m benchmarks.speed.network_latency [--draw]

Let nothing else run. Ratios to the report's largest network are what counts; milliseconds are this machine's. The
front of accuracy against latency is drawn into results/front.png, from the cards' accuracies; --draw draws it anew from
what is recorded.
"""

import io
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.record import RESULTS, record

from fer_export.checkpoint import checkpoint, shipped
from fer_export.exporting import export as exporting
from fer_export.latency import run as benchmark
from fer_export.report.text.bench import bench_text

NAME = "network_latency"
BESIDE = "report-512-7"

SAME = 1.03
"""Latencies within this ratio cannot be told apart."""

CLOSE = 0.8
"""Points of accuracy within which labels would lie on each other."""

Figure = dict[str, Any]
"""A share of a card: {"value", "wilson_95"}."""


def main() -> None:
    if "--draw" not in sys.argv[1:]:
        measure()
    networks = json.loads((RESULTS / f"{NAME}.json").read_text())["networks"]
    (RESULTS / "front.png").write_bytes(drawn({name: row["p50_ms"] for name, row in networks.items()}))


def measure() -> None:
    """Record every network's latency, load time, size and memory."""
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
            "load_ms": row.load_ms,
            "first_ms": row.first_ms,
            "p5_ms": row.p5_ms,
            "p50_ms": row.p50_ms,
            "p95_ms": row.p95_ms,
            "bytes": row.file_bytes,
            "peak_rss_mb": row.peak_rss_mb,
            "times_beside": round(row.p50_ms / p50[BESIDE], 3),
        }
        for name, row in zip(paths, found.rows, strict=True)
    }
    record(NAME, {"beside": BESIDE, "networks": networks, "cautions": list(found.cautions)})


def judged(name: str) -> dict[str, Figure]:
    """Accuracy by its card: on PublicTest by both kinds of labels, and on photographs; none where these are missing."""
    seen = json.loads((shipped.shipped_folder() / name / "card.json").read_text())["evaluation"]
    if "photos" not in seen:
        return {}
    labels = {kind: seen["labels"][kind]["priors"]["trained"]["accuracy"] for kind in ("2013", "votes")}
    photos = seen["photos"]["priors"]["equal"]["int8"]["accuracy"]
    return {"by 2013's labels": labels["2013"], "by FER+ votes": labels["votes"], "photographs, equal shares": photos}


def front(points: dict[str, tuple[float, float]]) -> list[str]:
    """Names that no other beats, fastest first.

    points: latency and accuracy of each; latencies within SAME count as equal.
    """

    def beaten(name: str) -> bool:
        ms, accuracy = points[name]
        return any(other <= SAME * ms and better > accuracy for other, better in points.values())

    return sorted((name for name in points if not beaten(name)), key=lambda name: points[name][0])


def close(points: dict[str, tuple[float, float]], width: float) -> list[list[str]]:
    """Names that share a label, fastest first: no further apart than `width` in latency and CLOSE in accuracy."""
    groups: list[list[str]] = []
    for name in sorted(points, key=lambda name: points[name][0]):
        ms, percent = points[name]
        for group in groups:
            if all(abs(ms - points[one][0]) <= width and abs(percent - points[one][1]) <= CLOSE for one in group):
                group.append(name)
                break
        else:
            groups.append([name])
    return groups


def drawn(latency: dict[str, float]) -> bytes:
    """The fronts as a PNG picture.

    latency: median milliseconds of every network.
    """
    from matplotlib.figure import Figure as Drawing

    found = {name: judged(name) for name in latency}
    figure = Drawing(figsize=(11, 3.8), dpi=100, layout="constrained")
    kinds = next(kinds for kinds in found.values() if kinds)
    for axes, kind in zip(figure.subplots(1, len(kinds)), kinds, strict=True):
        points = {name: (latency[name], 100 * each[kind]["value"]) for name, each in found.items() if each}
        for name, (ms, percent) in points.items():
            low, high = (100 * end for end in found[name][kind]["wilson_95"])
            axes.errorbar(ms, percent, [[percent - low], [high - percent]], marker="o", markersize=4, capsize=2)
        for names in close(points, 0.1 * max(latency.values())):
            axes.annotate(", ".join(names), points[names[-1]], (6, 5), textcoords="offset points", fontsize=8)
        best = [points[name] for name in front(points)]
        axes.plot(*zip(*best, strict=True), color="grey", linewidth=1, linestyle="--", zorder=0)
        axes.set_title(kind, fontsize=10)
        axes.set_xlabel("ms for a face, int8, one thread")
        axes.set_xlim(0, 1.35 * max(latency.values()))
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("accuracy, %")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


if __name__ == "__main__":
    main()
