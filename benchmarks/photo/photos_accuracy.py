"""Networks on labelled photographs and on PublicTest, with some of the shift from their training shares to equal ones.

    python -m benchmarks.photo.photos_accuracy PHOTOS fer2013.csv [--votes fer2013new.csv] [--models compact-7,...]

PHOTOS is a folder with labels.csv (photo, kind, emotion): its `single` photos have one labelled face, and the largest
face found is judged; a photo without one counts as wrong. Nothing is trained anew: tau of log(equal / trained share) is
added to the logits. The price is shown beside the gain: neutral and happy faces of PublicTest that are called disgust
or fear.
"""

import argparse
import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.record import record
from numpy.typing import NDArray

from fer_export.checkpoint import checkpoint, shipped
from fer_export.checkpoint.checkpoint import Checkpoint
from fer_export.contract.photo import contract_for
from fer_export.dataset import read as readers
from fer_export.dataset import votes
from fer_export.dataset.dataset import Dataset
from fer_export.dataset.emotions import canonical
from fer_export.dataset.pixels import fit
from fer_export.network.prior import EQUAL, choose
from fer_export.parity.evaluation import figures
from fer_export.parity.statistics import Proportion
from fer_export.photo import crop
from fer_export.photo import read as photo
from fer_export.photo.detector import Detector
from fer_export.system import keras_backend

TAUS = (0.0, 0.25, 0.5, 0.75, 1.0)
COMMON, RARE = ("neutral", "happy"), ("disgust", "fear")


@dataclass(frozen=True)
class Photos:
    """Grey faces of labelled photographs."""

    faces: NDArray[np.uint8]
    """uint8 [N, S, S, 1]."""

    emotions: tuple[str, ...]
    """Label of each face."""

    without_face: tuple[str, ...]
    """Labels of the photos in which no face was found."""


def photos(folder: Path, size: int) -> Photos:
    """The largest face of each single photo of a folder with labels.csv."""
    contract = contract_for((), size)
    detector = Detector(contract, None)
    faces, emotions, missed = [], [], []
    with open(folder / "labels.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == "single"]
    for row in rows:
        picture = photo.read(folder / row["photo"])
        found = detector.faces(picture)
        if found:
            faces.append(crop.face(picture, found[0].box, contract))
            emotions.append(canonical(row["emotion"]))
        else:
            missed.append(canonical(row["emotion"]))
    return Photos(np.stack(faces), tuple(emotions), tuple(missed))


def moved(probabilities: NDArray[np.float32], shift: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities [N, K] with a shift [K] of their logits, as network.prior folds it."""
    found = probabilities.astype(np.float64) * np.exp(shift)
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def of_photos(answers: NDArray[Any], labels: tuple[str, ...], known: Photos) -> dict[str, Any]:
    """Accuracy, recall and precision; a photo without a face, or with a label the network lacks, counts as wrong."""
    names = [canonical(label) for label in labels]
    given = [names[best] for best in answers.argmax(axis=1)]
    hits = [said for said, true in zip(given, known.emotions, strict=True) if said == true]
    everyone = [*known.emotions, *known.without_face]
    table = {
        name: {
            "recall": Proportion(hits.count(name), everyone.count(name)).to_dict(),
            "precision": Proportion(hits.count(name), given.count(name)).to_dict() if name in given else None,
        }
        for name in sorted(set(everyone))
    }
    return {"accuracy": Proportion(len(hits), len(everyone)).to_dict(), "emotions": table}


def of_split(answers: NDArray[Any], targets: NDArray[np.int64], labels: tuple[str, ...]) -> dict[str, Any]:
    """Accuracy, balanced accuracy and calibration error, and the common faces that are called a rare emotion."""
    found = figures(answers.astype(np.float32), targets, labels, model="", data="", split="")
    recall = [each.value for each in found.recall if each.count]
    best, names = answers.argmax(axis=1), np.array([canonical(label) for label in labels])
    common = np.isin(names[targets], COMMON)
    false = int(np.isin(names[best[common]], RARE).sum())
    return {
        "accuracy": found.accuracy.to_dict(),
        "balanced_accuracy": round(float(np.mean(recall)), 5),
        "expected_calibration_error": found.expected_calibration_error,
        "common_called_rare": Proportion(false, int(common.sum())).to_dict(),
    }


def measured(network: Checkpoint, known: Photos, data: dict[str, Dataset]) -> dict[str, Any]:
    """Figures of a network at every tau, on photos and on PublicTest by each kind of label.

    data: name of the labels -> data set; the first gives the trained shares of a network whose card does not.
    """
    trained = network.trained_shares
    if trained is None:
        trained = votes.shares(next(iter(data.values())).split("Training"), network.labels)
    answers = network.predict(fit(known.faces, network.size))
    judged = {name: found.split("PublicTest").for_labels(network.labels) for name, found in data.items()}
    given = {name: (network.predict(fit(f.pixels, network.size)), targets) for name, (f, targets) in judged.items()}
    rows = {}
    for tau in TAUS:
        prior = choose(EQUAL, network.labels, trained, tau)
        if prior is None:
            raise SystemExit("equal is not a prior")
        shift = prior.shift(network.labels)
        rows[f"{tau:g}"] = {
            "photos": of_photos(moved(answers, shift), network.labels, known),
            **{name: of_split(moved(p, shift), targets, network.labels) for name, (p, targets) in given.items()},
        }
    return {"trained_shares": dict(trained), "tau": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description="Networks on labelled photographs, under several priors.")
    parser.add_argument("photos", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--votes", type=Path)
    parser.add_argument("--models", default=",".join(shipped.shipped_names()))
    options = parser.parse_args()
    keras_backend.start()
    data = {"2013": readers.read(options.data)}
    if options.votes:
        data["votes"] = votes.with_votes(data["2013"], options.votes)
    networks = [checkpoint.load(name) for name in options.models.split(",")]
    known = photos(options.photos, 48)
    record(
        "photos_accuracy",
        {
            "photos": len(known.emotions) + len(known.without_face),
            "without_face": len(known.without_face),
            "networks": {network.name: measured(network, known, data) for network in networks},
        },
    )


if __name__ == "__main__":
    main()
