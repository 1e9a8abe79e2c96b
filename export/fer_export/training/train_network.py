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
from .methods.soft_targets import soft_targets
from .recipe import EpochRecord
from .several.group import ALONE, Group

OnEpoch = Callable[[int, EpochRecord, int], None]


def train_network(
    network: str,
    classes: int,
    data: Dataset,
    folder: Path,
    *,
    protocol: str = "official",
    initial: str | None = None,
    teachers: Sequence[str] = (),
    seed: int = 1,
    recipe_of: str | None = None,
    changes: dict[str, Any] | None = None,
    group: Group = ALONE,
    on_step: OnStep = silent,
    on_epoch: OnEpoch = lambda epoch, record, left: None,
) -> dict[str, Any] | None:
    """Train in `folder`, or continue the run there, and return the card, which is written there as card.json.

    network: a key of networks.NETWORKS.
    classes: 6 or 7 outputs, or 8 where the data has votes.
    data: the faces to train with; its votes, where it has any, are learned as shares.
    folder: the run's folder.
    protocol: `official` trains on Training and chooses the epoch on PublicTest; `report` splits all rows 70/30.
    initial: name or path of a network whose weights are the start.
    teachers: names or paths of networks whose probabilities are learned beside the labels.
    seed: seed of every random choice.
    recipe_of: another network whose recipe is used.
    changes: fields of recipe.Recipe that differ from it.
    group: the processes that train together; all but the first return None.
    on_step: called with the task, the steps done and the number of steps.
    on_epoch: called with the epoch, its figures and the largest number of epochs left.

    Raises what trainer.train, checkpoint.load and Group.joined raise, and UsageError for a warm-up without a cosine
    schedule, for a patience with one, and for what check_recipe names.
    """
    changes = changes or {}
    settings = replace(_recipe(recipe_of or network, teachers, data), **changes)
    _check_votes(settings, classes, data, protocol)
    if settings.warm_up and settings.schedule != "cosine":
        raise UsageError("the report's recipe has no warm-up; remove `warm_up`, or add `recipe_of='compact'`")
    if "distillation" in changes and not teachers:
        raise UsageError("`distillation` is the weight of teachers; add `teachers`, or remove it")
    if "stop_patience" in changes and settings.schedule == "cosine":
        raise UsageError("this recipe has no early stopping; remove `stop_patience`, or add `recipe_of='report'`")
    trainer.check_recipe(settings, initial, teachers, group)
    labels = DEFAULT_LABELS.get(classes, ())
    if protocol == "report":
        faces, judges = report_split(data, labels)
    else:
        faces, judges = data.split("Training"), data.split("PublicTest")
    examples = _voted(faces, labels, settings.votes) if data.votes is not None else _examples(faces, labels)
    with group.joined():
        if teachers and not settings.consistent:
            taught = group.shared(lambda: {"soft": _taught(teachers, examples, labels, settings.distillation)})
            examples = replace(examples, soft=taught["soft"])
        result = trainer.train(
            network,
            classes,
            examples,
            _examples(judges, labels),
            folder,
            recipe=settings,
            seed=seed,
            initial=initial,
            teachers=teachers,
            group=group,
            on_step=lambda epoch, step, steps: on_step(f"epoch {epoch} of at most {settings.epochs}", step, steps),
            on_epoch=lambda epoch, record: on_epoch(epoch, record, settings.epochs - epoch),
        )
    if not group.first:
        return None
    trained = checkpoint.load(folder / "model.keras", labels=labels)
    figures = evaluation.evaluate(trained, judges, data.source.name)
    name = f"{network}-{classes}"
    document = card.trained_card(
        name, network, data, protocol, result, settings, seed, figures, len(examples.targets), initial, teachers
    )
    document["trained_shares"] = shares(examples, labels)
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


def shares(examples: trainer.Examples, labels: Sequence[str]) -> dict[str, float]:
    """The share of each label in the targets that a network learned."""
    soft = np.eye(len(labels))[examples.targets] if examples.soft is None else examples.soft
    return {label: round(float(share), 6) for label, share in zip(labels, soft.mean(axis=0), strict=True)}


def _recipe(network: str, teachers: Sequence[str], data: Dataset) -> recipe.Recipe:
    return recipe.of(network, taught=bool(teachers), voted=data.votes is not None)


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
    teachers: Sequence[str], examples: trainer.Examples, labels: tuple[str, ...], weight: float
) -> NDArray[np.float32]:
    loaded = [checkpoint.load(teacher) for teacher in teachers]
    return soft_targets(loaded, examples.images, examples.targets, labels, weight, examples.soft)


def _examples(faces: Faces, labels: tuple[str, ...]) -> trainer.Examples:
    known, targets = faces.for_labels(labels)
    return trainer.Examples(known.pixels, targets)
