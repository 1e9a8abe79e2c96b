"""The card of a trained network: what it is, how it was made, how good it is, what it must not be used for."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..dataset import Dataset
from ..parity import Evaluation
from ..system import files, keras_backend
from .plan import Plan
from .recipe import Recipe
from .trainer import TrainingResult

DATA_ORIGIN = (
    "FER2013, collected by Pierre-Luc Carrier and Aaron Courville with the Google image search API for the ICML 2013 "
    "Challenges in Representation Learning (Goodfellow et al., 2013, arXiv:1307.0414), distributed by Kaggle."
)
DATA_TERMS = (
    "The faces are web pictures whose copyright stays with their owners; Kaggle offers the set for the challenge and "
    "for research. No picture of it is part of this package. Check the terms yourself before any commercial use."
)
VOTES = (
    "FER+ votes of ten people a face (Barsoum et al. 2016): learned as shares, single votes removed; judged by "
    "majority, faces without one left out"
)
LABELS_2013 = "FER2013's labels of 2013, one a face"
VOTES_ORIGIN = "FER+ (fer2013new.csv), Copyright (c) Microsoft Corporation, MIT licence."
INTENDED_USE = (
    "Teaching, research and app prototypes that guess the expression shown on a face crop, with the person's consent, "
    "on the person's own device."
)
NOT_FOR = (
    "Decisions about people: hiring, schooling, policing, border control, insurance, medicine, lie detection.",
    "Inferring emotions at the workplace or in education, which the EU AI Act (Article 5) prohibits.",
    "Telling what a person feels: a shown expression is not a felt emotion, and the labels are crowd guesses "
    "(people agree with them in about 65 % of the faces).",
    "Watching people who do not know of it or have not agreed.",
)
LIMITS = (
    "FER2013 is unbalanced (1.5 % disgust), has mislabelled faces, and says nothing about age, gender or skin "
    "colour; accuracy differs between groups and has not been measured for them."
)


def trained_card(
    plan: Plan, recipe: Recipe, data: Dataset, result: TrainingResult, evaluation: Evaluation, training_faces: int
) -> dict[str, Any]:
    """The card of a network that `fer-export train` made, JSON-safe; model.keras must be in result.folder.

    plan: what was trained.
    recipe: how it was trained.
    data: the data set.
    result: the finished run.
    evaluation: its figures on the validation faces.
    training_faces: how many faces it was trained on.
    """
    content = (result.folder / "model.keras").read_bytes()
    labels = list(evaluation.labels)
    return {
        "name": f"{plan.network}-{plan.classes}",
        "network": plan.network,
        "labels": labels,
        "scaling": "unit",
        "input": "float32 [N, 48, 48, 1], grey levels / 255",
        "output": f"float32 [N, {len(labels)}], probabilities in the order of labels",
        "bytes": len(content),
        "sha256": files.sha256(content),
        "licence": "Apache-2.0 (the weights; see data for the pictures they were trained on)",
        "protocol": {
            "split": plan.protocol,
            "labels_of": VOTES if data.votes is not None else LABELS_2013,
            "trained_on": "Training" if plan.protocol == "official" else "70 % of all rows, stratified",
            "epoch_chosen_on": evaluation.split,
            "initial_weights": plan.initial or "random",
            "teachers": list(plan.teachers),
            "epochs": len(result.epochs),
            "best_epoch": result.best_epoch,
            "settled": result.settled.to_dict() if result.settled else None,
            "seed": plan.seed,
            "recipe": asdict(recipe),
            "seconds": round(sum(epoch["seconds"] for epoch in result.epochs)),
        },
        "data": {
            "file": data.source.name,
            "sha256": data.sha256,
            "rows": len(data.emotions),
            "training_faces": training_faces,
            **_votes(data),
            "origin": DATA_ORIGIN,
            "terms": DATA_TERMS,
        },
        "evaluation": {
            "split": evaluation.split,
            "faces": evaluation.accuracy.count,
            "accuracy": evaluation.accuracy.to_dict(),
            "recall": evaluation.to_dict()["recall"],
            "expected_calibration_error": evaluation.expected_calibration_error,
            "note": f"The epoch was chosen on {evaluation.split}, so this figure is slightly optimistic.",
        },
        "environment": keras_backend.environment(),
        "intended_use": INTENDED_USE,
        "not_for": list(NOT_FOR),
        "limits": LIMITS,
    }


def _votes(data: Dataset) -> dict[str, Any]:
    if data.votes_source is None:
        return {}
    return {"votes": {"file": data.votes_source.name, "sha256": data.votes_sha256, "origin": VOTES_ORIGIN}}


def write(folder: Path, card: dict[str, Any]) -> Path:
    """Write card.json, atomically."""
    return files.write_json(folder / "card.json", card)
