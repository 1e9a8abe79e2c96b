"""Table 4.2.1 of the student report again: its ten networks, trained by its own protocol, beside what it printed.

    python -m benchmarks.training.report_table fer2013.csv --runs DIR [--rows 1,3] [--epochs N]

Trains the rows one after another, each in a folder of its own under DIR; a run that was interrupted, within a row or
between two, goes on. After every row, what is finished is written to results/report_table.json and report_table.png,
beside the rows that were recorded there before from the same data. `--rows none` only writes what lies in DIR.

The protocol is that of `fer-export train --protocol report`: 70 % and 30 % of all rows at hand, stratified, the
report's recipe with its early stopping. The epoch that is kept is the best on the very 30 % that judge.
"""

import argparse
import json
import math
import statistics
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import record
from fer_export.checkpoint import checkpoint
from fer_export.checkpoint.checkpoint import Checkpoint
from fer_export.dataset import read as readers
from fer_export.dataset.dataset import Dataset, report_split
from fer_export.dataset.emotions import DEFAULT_LABELS
from fer_export.parity import evaluation
from fer_export.parity.statistics import Proportion, mcnemar_exact, paired_difference_interval, wilson_interval
from fer_export.system import files, keras_backend
from fer_export.system.figures import png
from fer_export.training import train_network
from fer_export.training.plan import Plan

NAME = "report_table"
REPORT_FACES = {7: 10_767, 6: 10_602}
"""The 30 % of the report's own 35,887 rows, or of the 35,340 without disgust."""

REPORT, OURS = "#7a7a7a", "#0b6e4f"


@dataclass(frozen=True)
class Printed:
    """A row as the report prints it, its slip in one parameter count included."""

    parameters: int
    """Of the network."""

    seconds_per_epoch: int
    """Time of an epoch."""

    epochs: int
    """Until early stopping."""

    accuracy: float
    """0..1."""

    loss: float
    """Validation loss."""


@dataclass(frozen=True)
class Row:
    """One row of the table."""

    number: int
    """From 1."""

    network: str
    """A key of training.networks.NETWORKS."""

    batch_size: int
    """Faces a step."""

    outputs: int
    """Emotions."""

    printed: Printed
    """The report's figures."""

    @property
    def folder(self) -> str:
        return f"{self.number:02d}-{self.network}-{self.outputs}-batch-{self.batch_size}"


ROWS = (
    Row(1, "report-64", 16, 7, Printed(147_015, 48, 68, 0.619, 1.0266)),
    Row(2, "report-64", 64, 7, Printed(147_015, 56, 47, 0.6056, 1.0522)),
    Row(3, "report-64", 32, 7, Printed(147_015, 45, 35, 0.5854, 1.096)),
    Row(4, "report-128", 32, 7, Printed(453_303, 51, 33, 0.6046, 1.0113)),
    Row(5, "report-256", 32, 7, Printed(1_243_527, 66, 31, 0.6149, 1.0167)),
    Row(6, "report-512", 32, 7, Printed(2_622_599, 100, 30, 0.5911, 1.0549)),
    Row(7, "report-64", 32, 6, Printed(147_015, 43, 50, 0.6168, 1.0343)),
    Row(8, "report-128", 32, 6, Printed(453_303, 48, 38, 0.6132, 1.0068)),
    Row(9, "report-256", 32, 6, Printed(1_243_527, 56, 41, 0.6237, 0.9784)),
    Row(10, "report-512", 32, 6, Printed(2_622_599, 93, 47, 0.6319, 0.9701)),
)


def train(row: Row, data: Dataset, folder: Path, epochs: int | None = None) -> None:
    """Train a row, or go on with it; nothing where it is finished. epochs: at most, instead of the report's 100."""
    if (folder / row.folder / "history.json").exists():
        return
    changes = {"batch_size": row.batch_size, **({"epochs": epochs} if epochs else {})}
    train_network.train_network(
        Plan(row.network, row.outputs, "report", changes=changes),
        data,
        folder / row.folder,
        on_epoch=lambda epoch, figures, left: print(
            f"row {row.number}: epoch {epoch}, val_accuracy {figures['val_accuracy']:.4f}, "
            f"{figures['seconds']:.0f} s, {left} epochs left at most",
            flush=True,
        ),
    )


def trained(row: Row, folder: Path) -> Checkpoint | None:
    """The network of a finished row."""
    if not (folder / row.folder / "history.json").exists():
        return None
    return checkpoint.load(folder / row.folder / "model.keras", labels=DEFAULT_LABELS[row.outputs])


def measured(row: Row, network: Checkpoint, data: Dataset, folder: Path) -> dict[str, Any]:
    """What is recorded of a finished row; `ahead` is ours minus the report's accuracy, in points with 95 % interval.

    seconds_per_epoch: the median, as a run may have waited within an epoch.
    """
    history = json.loads((folder / row.folder / "history.json").read_text())
    epochs, best = history["epochs"], history["best_epoch"]
    judges = report_split(data, network.labels)[1]
    found = evaluation.evaluate(network, judges, data.source.name)
    seconds = [epoch["seconds"] for epoch in epochs]
    return {
        "parameters": sum(math.prod(weight.shape) for weight in network.network.trainable_weights),
        "epochs": len(epochs),
        "most_epochs": history["recipe"]["epochs"],
        "best_epoch": best,
        "seconds": round(sum(seconds)),
        "seconds_per_epoch": round(statistics.median(seconds), 1),
        "accuracy": found.accuracy.to_dict(),
        "loss": epochs[best - 1]["val_loss"],
        "last_epoch": {"accuracy": epochs[-1]["val_accuracy"], "loss": epochs[-1]["val_loss"]},
        "ahead": ahead(found.accuracy, report_accuracy(row)),
        "backend": history["environment"]["backend"],
    }


def report_accuracy(row: Row) -> Proportion:
    """The report's accuracy as a share of its 30 %."""
    count = REPORT_FACES[row.outputs]
    return Proportion(round(row.printed.accuracy * count), count)


def ahead(ours: Proportion, theirs: Proportion) -> dict[str, Any]:
    """Difference of two accuracies on different faces, in points, with its 95 % interval.

    Newcombe (1998), Statistics in Medicine 17, method 10: from the two Wilson intervals. It knows the choice of faces
    only, not how much a second training run with another seed would differ.
    """
    (low, high), (their_low, their_high) = ours.interval, theirs.interval
    difference = ours.value - theirs.value
    least = difference - math.hypot(ours.value - low, their_high - theirs.value)
    most = difference + math.hypot(high - ours.value, theirs.value - their_low)
    return {"points": _points(difference), "interval": [_points(least), _points(most)]}


def restricted(
    probabilities: NDArray[np.float32], labels: tuple[str, ...], kept: tuple[str, ...]
) -> NDArray[np.float32]:
    """Probabilities [N, K] of `labels` as those of the labels in `kept`, in that order, summing to 1 again."""
    chosen = probabilities[:, [labels.index(label) for label in kept]]
    return chosen / chosen.sum(axis=1, keepdims=True)


def like_terms(seven: Checkpoint, six: Checkpoint, data: Dataset) -> dict[str, Any]:
    """The network with 6 outputs against that with 7 held to the same six emotions, on faces that neither learnt from.

    The report's two divisions differ, as disgust is dropped before the lot is drawn: only the faces in the 30 % of
    both are new to both networks. six_ahead: points, with the paired 95 % interval and the exact McNemar p.
    """
    own, other = report_split(data, six.labels)[1], report_split(data, seven.labels)[1]
    faces, targets = own.take(np.flatnonzero(np.isin(own.rows, other.rows))).for_labels(six.labels)
    held = restricted(seven.predict(faces.pixels), seven.labels, six.labels)
    right = six.predict(faces.pixels).argmax(axis=1) == targets
    held_right = held.argmax(axis=1) == targets
    gained, lost, count = int((right & ~held_right).sum()), int((held_right & ~right).sum()), len(targets)
    low, high = paired_difference_interval(gained, lost, count)
    return {
        "six": Proportion(int(right.sum()), count).to_dict(),
        "seven_held_to_six": Proportion(int(held_right.sum()), count).to_dict(),
        "six_ahead": {
            "points": _points((gained - lost) / count),
            "interval": [_points(low), _points(high)],
            "p": float(f"{mcnemar_exact(lost, gained):.3g}"),
        },
    }


def figures(data: Dataset, folder: Path) -> dict[str, Any]:
    """Every row beside the report's, `ours` None where it is not trained, and 6 against 7 outputs where both are.

    What does not lie in `folder` is taken as it was recorded before, if from the same data.
    """
    earlier = recorded(data)
    kept = {row["row"]: row["ours"] for row in earlier["rows"]}
    pairs = {pair["network"]: pair for pair in earlier["six_against_seven"]}
    rows, networks = [], {}
    for row in ROWS:
        network = networks[row.number] = trained(row, folder)
        ours = measured(row, network, data, folder) if network else kept.get(row.number)
        low, high = wilson_interval(row.printed.accuracy * REPORT_FACES[row.outputs], REPORT_FACES[row.outputs])
        report = {**asdict(row.printed), "wilson_95": [round(low, 5), round(high, 5)]}
        settings = {"row": row.number, "network": row.network, "batch_size": row.batch_size, "outputs": row.outputs}
        rows.append({**settings, "report": report, "ours": ours})
    for row in ROWS:
        for other in ROWS:
            if (row.network, row.batch_size, row.outputs, other.outputs) == (other.network, other.batch_size, 7, 6):
                seven, six = networks[row.number], networks[other.number]
                if seven and six:
                    pairs[row.network] = {"network": row.network, **like_terms(seven, six, data)}
    compared = [pairs[network] for network in dict.fromkeys(row.network for row in ROWS) if network in pairs]
    source = {"file": data.source.name, "sha256": data.sha256, "rows": len(data)}
    return {"data": source, "rows": rows, "six_against_seven": compared}


def recorded(data: Dataset) -> dict[str, Any]:
    """The rows and comparisons that stand in results/ already; none where they are of other data."""
    path = record.RESULTS / f"{NAME}.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    same = found.get("data", {}).get("sha256") == data.sha256
    return found if same else {"rows": [], "six_against_seven": []}


def picture(rows: list[dict[str, Any]]) -> bytes:
    """The accuracies with their intervals, row by row, as PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.6, 4.6), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    for source, color, shift, shape in (("report", REPORT, -0.14, "s"), ("ours", OURS, 0.14, "o")):
        points = [(row["row"] + shift, *_span(row[source])) for row in rows if row[source]]
        if points:
            places, values, lows, highs = (np.array(column) for column in zip(*points, strict=True))
            error = [values - lows, highs - values]
            label = "report" if source == "report" else "fer-export"
            axes.errorbar(values, places, xerr=error, fmt=shape, color=color, capsize=3, markersize=5, label=label)
    axes.set_yticks(
        [row["row"] for row in rows],
        [f"{row['network']}, batch {row['batch_size']}, {row['outputs']} outputs" for row in rows],
    )
    axes.invert_yaxis()
    axes.set_xlabel("accuracy on the 30 %, with 95 % interval")
    axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside upper right", ncols=2, frameon=False)
    return png(figure)


def _span(found: dict[str, Any]) -> tuple[float, float, float]:
    """Accuracy and its interval, of either source."""
    given = found["accuracy"]
    return (given["value"], *given["wilson_95"]) if isinstance(given, dict) else (given, *found["wilson_95"])


def _points(share: float) -> float:
    return round(100 * share, 2)


def _numbers(text: str) -> list[int]:
    if text == "none":
        return []
    known = [row.number for row in ROWS]
    numbers = [int(part) if part.isdigit() else 0 for part in text.split(",")]
    if not set(numbers) <= set(known):
        raise argparse.ArgumentTypeError(f"{text!r} are no rows; pass numbers from 1 to {known[-1]}, or none")
    return numbers


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Table 4.2.1 of the report again.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--runs", type=Path, required=True, help="folder of the training runs")
    parser.add_argument("--rows", type=_numbers, default=[row.number for row in ROWS], help="default: all")
    parser.add_argument("--epochs", type=int, help="at most, instead of the report's 100")
    options = parser.parse_args(arguments)
    keras_backend.start()
    data = readers.read(options.data)
    for number in options.rows or [None]:
        if number:
            train(ROWS[number - 1], data, options.runs, options.epochs)
        found = figures(data, options.runs)
        path = record.record(NAME, found)
        files.write_whole(path.with_suffix(".png"), picture(found["rows"]))


if __name__ == "__main__":
    main()
