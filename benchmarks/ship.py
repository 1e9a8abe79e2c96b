"""Puts a finished training run among the shipped networks: models/NAME, its probe faces, its card, its line of runs.

    python -m benchmarks.ship RUN --name nano-7 --data fer2013.csv --command 'fer-export train ...' --note '...'

Beside the float accuracy the card gets that of the int8 TFLite file, calibrated on Training faces, with interval,
size and cost; the commands that reproduce the weights from the CSV; and published results with their protocols.
With `--votes fer2013new.csv` it gets the figures by both 2013's labels and FER+ votes, and a network of 8 outputs is
judged by votes first; with `--photos DIR` (labels.csv inside) those on photographs, as its training shares and as equal
ones. `--name NAME` alone, without RUN, only renews what the card of a shipped network says of these.
`--calibrate` folds the temperature that fits PublicTest's faces into the weights, where the calibration error falls.
"""

import argparse
import json
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.photo import photos_accuracy

from fer_export.calibration import probe_faces
from fer_export.checkpoint import checkpoint
from fer_export.checkpoint.checkpoint import Checkpoint
from fer_export.dataset import fit, votes
from fer_export.dataset import read as readers
from fer_export.dataset.dataset import Dataset
from fer_export.exporting import export as exporting
from fer_export.network import prior, temperature
from fer_export.parity import evaluation
from fer_export.runtimes import open_runtime
from fer_export.system import files, keras_backend
from fer_export.training import networks

MODELS = Path(__file__).parents[1] / "models"
FILES = ("model.keras", "history.json", "curves.png", "card.json")

PUBLISHED = (
    ("people", None, 65.0, "Goodfellow et al. 2013; 5 points either way"),
    ("mini-Xception", 60_000, 66.0, "PrivateTest, one crop; 64 on PublicTest"),
    ("TinyFER-Lite", 930_000, 67.07, "PrivateTest, one crop"),
    ("MicroExpNet, distilled", 1_200_000, 71.2, "PrivateTest"),
    ("Tang 2013, winner of the challenge", None, 71.16, "PrivateTest, chosen on PublicTest"),
    ("VGGNet", 29_900_000, 73.28, "PrivateTest, mean of ten crops, chosen on PrivateTest itself"),
    ("ResNet18", None, 73.7, "PrivateTest, mean of ten crops, chosen on PrivateTest itself; 72.6 chosen on PublicTest"),
    ("ResMaskingNet", 143_000_000, 74.14, "PrivateTest; begun from ImageNet's weights, which are outside data"),
    ("ensembles", None, 76.8, "PrivateTest; several networks, 75.2 to 76.8"),
)
"""Network, parameters, accuracy in %, protocol."""

DISCORDANT = 0.15
"""Share of faces on which one of two good networks alone is right, for what they tell apart."""

COMPARED = (
    "Ours: one network, one crop, no outside data, PublicTest, where the epoch was chosen too; PrivateTest was never "
    "looked at. So figures of another split or protocol stand beside it, not against it."
)


VOTED = 8
"""A network of so many outputs was trained on votes."""

PUBLISHED_VOTES = (
    ("VGG13, Barsoum et al. 2016", 8_800_000, 84.99, "PrivateTest, majority"),
    ("SHCNN", None, 86.5, "PrivateTest, majority"),
    ("ESR-9", None, 87.2, "PrivateTest, majority; an ensemble"),
    ("RAN and SCN", None, 89.4, "PrivateTest, majority, 88 to 89.4; begun from millions of outside faces"),
    ("EmoXNetLite", None, 82.1, "PrivateTest, majority; distilled"),
)
"""The same for FER+ votes."""

PHOTOS_SEEN = (
    "Photographs of other collections, each with one labelled face. They were seen while tau and the detector's rules "
    "were chosen, so these figures are slightly optimistic."
)


def by_labels(network: Checkpoint, kinds: dict[str, Dataset]) -> dict[str, Any]:
    """A network on PublicTest by each kind of label: accuracy, recall, calibration error, as trained and as equal."""
    found = {}
    for kind, data in kinds.items():
        faces = data.split("PublicTest")
        each = {}
        for name in (prior.TRAINED, prior.EQUAL):
            chosen = prior.choose(name, network.labels, network.trained_shares)
            result = evaluation.evaluate(prior.with_prior(network, chosen), faces, data.source.name).to_dict()
            each[name] = {key: result[key] for key in ("accuracy", "recall", "expected_calibration_error")}
        judged = each[prior.TRAINED]["accuracy"]["count"]
        found[kind] = {"faces": judged, "left_out": len(faces) - judged, "priors": each}
    return found


def on_photos(network: Checkpoint, folder: Path) -> dict[str, Any]:
    """A network on labelled photographs, in Keras and as int8 file, as trained and as equal."""
    known = photos_accuracy.photos(folder, network.size)
    each: dict[str, Any] = {}
    for name in (prior.TRAINED, prior.EQUAL):
        moved = prior.with_prior(network, prior.choose(name, network.labels, network.trained_shares))
        with tempfile.TemporaryDirectory() as place:
            file = exporting.export(moved, "tflite", ["int8"], Path(place)).files[0].path
            with open_runtime(file.read_bytes()) as runtime:
                int8 = runtime.run(known.faces)
        answers = {"keras": moved.predict(known.faces), "int8": int8}
        each[name] = {kind: photos_accuracy.of_photos(found, network.labels, known) for kind, found in answers.items()}
    return {"photos": len(known.emotions) + len(known.without_face), "note": PHOTOS_SEEN, "priors": each}


def calibrated(network: Checkpoint, data: Dataset, folder: Path, card: dict[str, Any]) -> Checkpoint:
    """The network with the temperature that fits PublicTest's faces, written to its folder and its card."""
    faces, targets = data.split("PublicTest").for_labels(network.labels)
    fitting = temperature.fitted(network.predict(fit(faces.pixels, network.size)), targets)
    moved = temperature.with_temperature(network, fitting)
    before, after = (evaluation.evaluate(each, data.split("PublicTest"), data.source.name) for each in (network, moved))
    errors = [each.to_dict()["expected_calibration_error"] for each in (before, after)]
    if errors[1] >= errors[0]:
        return network
    moved.network.save(folder / "model.keras")
    content = (folder / "model.keras").read_bytes()
    card |= {"sha256": files.sha256(content), "bytes": len(content)}
    card["evaluation"] |= {key: value for key, value in after.to_dict().items() if key in card["evaluation"]}
    card["protocol"]["temperature"] = {
        "value": fitting,
        "chosen_on": "PublicTest",
        "expected_calibration_error_before": errors[0],
    }
    return checkpoint.load(folder)


def int8_figures(network: Checkpoint, data: Dataset) -> dict[str, Any]:
    """The int8 TFLite file of a network on PublicTest."""
    with tempfile.TemporaryDirectory() as folder:
        made = exporting.export(network, "tflite", ["int8"], Path(folder), data=data)
    [file] = made.files
    accuracy = file.parity.file_accuracy
    if accuracy is None or made.calibration is None:
        raise SystemExit(f"{data.source} has no labelled PublicTest faces")
    return {
        "file": file.path.name,
        "passed": file.parity.passed,
        "bytes": file.bytes,
        "accuracy": accuracy.to_dict(),
        "agreement": file.parity.agreement.to_dict(),
        "calibration": f"{len(made.calibration.images)} Training faces, seed {made.options.seed}",
        "macs": file.graph.macs,
        "parameters": file.graph.parameters,
    }


def comparison(faces: int, accuracy: float, published: tuple[Any, ...] = PUBLISHED) -> dict[str, Any]:
    """Published results, and what so many faces tell apart at such an accuracy."""
    alone, paired = (196 * (variance / faces) ** 0.5 for variance in (accuracy * (1 - accuracy), DISCORDANT))
    keys = ("network", "parameters", "accuracy_percent", "protocol")
    return {
        "published": [dict(zip(keys, row, strict=True)) for row in published],
        "protocol": COMPARED,
        "tells_apart": (
            f"On {faces:,} faces the 95 % interval of this accuracy is {alone:.1f} points either way. Two networks of "
            f"which one alone is right on {100 * DISCORDANT:.0f} % of them are told apart from {paired:.1f} points on "
            "(McNemar); a difference between seeds, epochs or recipes below that may be chance."
        ),
    }


def run_line(card: dict[str, Any], name: str, note: str) -> str:
    """A line of models/runs.jsonl."""
    protocol = card["protocol"]
    entry = {
        "run": name,
        "network": card["network"],
        "seed": protocol["seed"],
        "epochs": protocol["epochs"],
        "best_epoch": protocol["best_epoch"],
        "seconds": protocol["seconds"],
        "public_test_accuracy": card["evaluation"]["accuracy"]["value"],
        "recipe": protocol["recipe"],
        "initial": protocol["initial_weights"],
        "teachers": protocol["teachers"],
        "note": note,
    }
    return json.dumps(entry) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Put a training run among the shipped networks.")
    parser.add_argument("run", type=Path, nargs="?", help="the folder that `fer-export train` wrote")
    parser.add_argument("--name", required=True, help="NETWORK-OUTPUTS")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--votes", type=Path, help="FER+'s fer2013new.csv")
    parser.add_argument("--photos", type=Path, help="a folder of photographs with labels.csv")
    parser.add_argument("--calibrate", action="store_true", help="fold a temperature into the weights")
    parser.add_argument("--command", action="append", default=[], help="what reproduces the weights; in order")
    parser.add_argument("--note", default="shipped", help="for the run's line in models/runs.jsonl")
    options = parser.parse_args()
    keras_backend.start()
    folder = MODELS / options.name
    if options.name.rpartition("-")[0] not in networks.NETWORKS:
        parser.error(f"no network is called {options.name}")
    if options.run:
        trained = json.loads((options.run / "card.json").read_text())["name"]
        if trained != options.name:
            parser.error(f"{options.run} is a {trained}; pass --name {trained}")
        folder.mkdir(exist_ok=True)
        for file in FILES:
            shutil.copyfile(options.run / file, folder / file)
    kinds = {"2013": readers.read(options.data)}
    if options.votes:
        kinds["votes"] = votes.with_votes(kinds["2013"], options.votes)
    voted = options.name.endswith(f"-{VOTED}")
    if voted and not options.votes:
        parser.error(f"{options.name} was trained on votes; pass --votes")
    data = kinds["votes" if voted else "2013"]
    network = checkpoint.load(folder)
    card = json.loads((folder / "card.json").read_text())
    if options.run:
        card["protocol"]["commands"] = options.command
    card.setdefault("trained_shares", votes.shares(data.split("Training"), network.labels))
    if options.calibrate:
        network = calibrated(network, data, folder, card)
    if options.run or options.calibrate:
        files.write_whole(folder / "probe.npz", probe_faces.make(network).to_bytes())
    network = replace(network, trained_shares=card["trained_shares"])
    card["evaluation"]["int8"] = int8_figures(network, data)
    card["evaluation"]["labels"] = by_labels(network, kinds)
    if options.photos:
        card["evaluation"]["photos"] = on_photos(network, options.photos)
    published = PUBLISHED_VOTES if voted else PUBLISHED
    card["comparison"] = comparison(card["evaluation"]["faces"], card["evaluation"]["accuracy"]["value"], published)
    files.write_json(folder / "card.json", card)
    if options.run:
        with (MODELS / "runs.jsonl").open("a") as runs:
            runs.write(run_line(card, options.name, options.note))
    print(json.dumps(card["evaluation"]["int8"], indent=2))


if __name__ == "__main__":
    main()
