"""Losses that take the emotions' shares out of training, beside the shift of a trained network's last layer.

    python -m benchmarks.training.losses PHOTOS fer2013.csv --votes fer2013new.csv RUNS [--epochs N] [--initial NAME]

The same network goes on training from the same weights, once for each tau of logit adjustment: 0 is the plain loss, 1
the balanced softmax (`fer-export train --logit-adjustment`). Each is then judged as it is and with what is left of the
shift to equal shares, on PublicTest by votes and on labelled photographs (see benchmarks/photo/photos_accuracy.py).
Runs lie in the folder RUNS, go on where they were interrupted, and are not made anew where they are finished.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.photo.photos_accuracy import Photos, moved, of_photos, of_split, photos
from benchmarks.record import record

from fer_export.checkpoint import checkpoint
from fer_export.checkpoint.checkpoint import Checkpoint
from fer_export.dataset import read as readers
from fer_export.dataset import votes
from fer_export.dataset.dataset import Dataset
from fer_export.dataset.pixels import fit
from fer_export.network.prior import EQUAL, choose
from fer_export.system import keras_backend
from fer_export.training import train_network
from fer_export.training.plan import Plan

ADJUSTMENTS = (0.0, 0.5, 1.0)
NAME, NETWORK, CLASSES, RATE, WARM_UP = "losses", "nano", 8, 0.04, 1


def trained(folder: Path, adjustment: float, data: Dataset, options: argparse.Namespace) -> Checkpoint:
    """The network after its epochs under a tau of logit adjustment; trained in this folder where it is not there."""
    if not (folder / "card.json").exists():
        changes = {
            "epochs": options.epochs,
            "learning_rate": RATE,
            "warm_up": WARM_UP,
            "dtype": options.dtype,
            "logit_adjustment": adjustment,
        }
        plan = Plan(NETWORK, CLASSES, initial=options.initial, changes=changes)
        train_network.train_network(plan, data, folder, on_epoch=lambda epoch, figures, left: print(epoch, figures))
    return checkpoint.load(folder)


def judged(network: Checkpoint, known: Photos, data: Dataset, adjustment: float) -> dict[str, Any]:
    """Figures of a network at each tau from its own shares on: what training took out is not shifted again."""
    faces, targets = data.split("PublicTest").for_labels(network.labels)
    answers = network.predict(fit(faces.pixels, network.size))
    of_faces = network.predict(fit(known.faces, network.size))
    shares = votes.shares(data.split("Training"), network.labels)
    rows = {}
    for tau in ADJUSTMENTS:
        prior = choose(EQUAL, network.labels, shares, tau - adjustment)
        shift = np.zeros(len(network.labels)) if prior is None else prior.shift(network.labels)
        rows[f"{tau:g}"] = {
            "votes": of_split(moved(answers, shift), targets, network.labels),
            "photos": of_photos(moved(of_faces, shift), network.labels, known),
        }
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description="Logit adjustment in training beside the shift afterwards.")
    parser.add_argument("photos", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--votes", type=Path, required=True)
    parser.add_argument("--initial", default="nano-8")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--dtype", default="mixed_bfloat16")
    options = parser.parse_args()
    keras_backend.start()
    data = votes.with_votes(readers.read(options.data), options.votes)
    known = photos(options.photos, 48)
    found = {}
    for adjustment in ADJUSTMENTS:
        network = trained(options.runs / f"{adjustment:g}", adjustment, data, options)
        found[f"{adjustment:g}"] = judged(network, known, data, adjustment)
    settings = {"network": NETWORK, "initial": options.initial, "epochs": options.epochs, "rate": RATE}
    record(NAME, {**settings, "photos": len(known.emotions) + len(known.without_face), "trained_with": found})


if __name__ == "__main__":
    main()
