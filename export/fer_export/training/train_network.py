"""A training run from a data set to a network folder: examples, training, evaluation, card."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checkpoint import checkpoint
from ..dataset import DEFAULT_LABELS, FER2013, FER_PLUS, Dataset, Faces, canonical, distribution, report_split
from ..errors import UsageError
from ..parity import evaluation
from ..system import OnStep, silent
from . import card, recipe, trainer
from .methods.logit_adjustment import learned_shares
from .methods.soft_targets import soft_targets
from .plan import Plan, Setup
from .recipe import EpochRecord

OnEpoch = Callable[[int, EpochRecord, int], None]


def train_network(
    plan: Plan,
    data: Dataset,
    folder: Path,
    *,
    on_step: OnStep = silent,
    on_epoch: OnEpoch = lambda epoch, record, left: None,
) -> dict[str, Any] | None:
    """Train in `folder`, or continue the run there, and return the card, which is written there as card.json.

    plan: what is trained, and how; all but the first of its processes return None.
    data: the faces to train with; its votes, where it has any, are learned as shares.
    folder: the run's folder.
    on_step: called with the task, the steps done and the number of steps.
    on_epoch: called with the epoch, its figures and the largest number of epochs left.

    Raises what trainer.train, checkpoint.load and Group.joined raise, and UsageError for a warm-up without a cosine
    schedule, for a patience with one, and for what check_recipe names.
    """
    settings = _recipe(plan, data)
    setup = Setup(plan.network, plan.classes, settings, plan.seed, plan.initial, plan.teachers, plan.group)
    trainer.check_recipe(setup)
    labels = DEFAULT_LABELS.get(plan.classes, ())
    if plan.protocol == "report":
        faces, judges = report_split(data, labels)
    else:
        faces, judges = data.split("Training"), data.split("PublicTest")
    examples = _voted(faces, labels, settings.votes) if data.votes is not None else _examples(faces, labels)
    with plan.group.joined():
        if plan.teachers and not settings.consistent:
            taught = plan.group.shared(lambda: {"soft": _taught(plan.teachers, examples, labels, settings)})
            examples = replace(examples, soft=taught["soft"])
        result = trainer.train(
            setup,
            examples,
            _examples(judges, labels),
            folder,
            on_step=lambda epoch, step, steps: on_step(f"epoch {epoch} of at most {settings.epochs}", step, steps),
            on_epoch=lambda epoch, record: on_epoch(epoch, record, settings.epochs - epoch),
        )
    if not plan.group.first:
        return None
    trained = checkpoint.load(folder / "model.keras", labels=labels)
    figures = evaluation.evaluate(trained, judges, data.source.name)
    document = card.trained_card(plan, settings, data, result, figures, len(examples.targets))
    learned = learned_shares(examples.shares(plan.classes), settings.logit_adjustment)
    document["trained_shares"] = {label: round(float(share), 6) for label, share in zip(labels, learned, strict=True)}
    card.write(folder, document)
    return document


def card_text(document: dict[str, Any], folder: Path, data: Path) -> str:
    """The last lines of `fer-export train`."""
    protocol, figures = document["protocol"], document["evaluation"]
    low, high = figures["accuracy"]["wilson_95"]
    return (
        f"{document['name']}: {figures['split']} accuracy {100 * figures['accuracy']['value']:.1f} % "
        f"({100 * low:.1f}-{100 * high:.1f}), epoch {protocol['best_epoch']} of {protocol['epochs']}\n"
        f"written: {folder}/model.keras, card.json, history.json, curves.png\n{_next(protocol['split'], folder, data)}"
    )


def _next(split: str, folder: Path, data: Path) -> str:
    words = f"--model {shlex.quote(str(folder))}"
    if split == "report":
        return (
            "caution: it has learnt from faces of PublicTest; judged by them with --data it looks better than it is\n"
            f"next:\n  fer-export tflite --quantize int8 {words}"
        )
    words += f" --data {shlex.quote(str(data))}"
    return f"next:\n  fer-export evaluate {words}\n  fer-export tflite --quantize int8 {words}"


def _recipe(plan: Plan, data: Dataset) -> recipe.Recipe:
    """The recipe of a plan for the data; raises UsageError for changes that exclude each other."""
    own = recipe.of(plan.recipe_of or plan.network, taught=bool(plan.teachers), voted=data.votes is not None)
    settings = replace(own, **plan.changes)
    _check_votes(settings, plan.classes, data, plan.protocol)
    if settings.warm_up and settings.schedule != "cosine":
        raise UsageError("the report's recipe has no warm-up; remove `warm_up`, or add `recipe_of='compact'`")
    if "distillation" in plan.changes and not plan.teachers:
        raise UsageError("`distillation` is the weight of teachers; add `teachers`, or remove it")
    if "stop_patience" in plan.changes and settings.schedule == "cosine":
        raise UsageError("this recipe has no early stopping; remove `stop_patience`, or add `recipe_of='report'`")
    return settings


def _check_votes(settings: recipe.Recipe, classes: int, data: Dataset, protocol: str) -> None:
    if data.votes is None:
        if settings.votes:
            raise UsageError("a weight of votes needs votes; pass fer2013new.csv, or remove the weight")
        if classes == len(FER_PLUS):
            raise UsageError("FER2013's labels have no contempt; 8 outputs need the votes of fer2013new.csv")
    elif protocol == "report":
        raise UsageError("the report's division is of 2013's labels; use the official splits with votes")


def _voted(faces: Faces, labels: tuple[str, ...], weight: float) -> trainer.Examples:
    """Faces with the shares of their votes as targets, mixed with 2013's labels where `weight` is below 1."""
    if faces.votes is None:
        raise UsageError(f"the faces of {faces.name} have no votes")
    kept, soft = distribution(faces.votes, labels)
    known = faces.take(kept)
    targets = soft.argmax(axis=1).astype(np.int64)
    if weight < 1:
        names = [canonical(label) for label in labels]
        position = np.array([names.index(name) if name in names else -1 for name in FER2013])[known.emotions]
        given = np.where(position[:, None] < 0, soft, np.eye(len(names), dtype=np.float32)[position])
        soft = (weight * soft + (1 - weight) * given).astype(np.float32)
    return trainer.Examples(known.pixels, targets, soft)


def _taught(
    teachers: Sequence[str], examples: trainer.Examples, labels: tuple[str, ...], settings: recipe.Recipe
) -> NDArray[np.float32]:
    loaded = [checkpoint.load(teacher) for teacher in teachers]
    return soft_targets(loaded, examples.images, examples.targets, labels, settings.distillation, examples.soft)


def _examples(faces: Faces, labels: tuple[str, ...]) -> trainer.Examples:
    known, targets = faces.for_labels(labels)
    return trainer.Examples(known.pixels, targets)
