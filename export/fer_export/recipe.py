"""The recipe of a training run as data, and the decisions that follow from it and the history alone.

Rate and end of a run are computed from the recorded epochs, so an interrupted run goes on exactly as planned.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

EpochRecord = dict[str, float]
"""loss, accuracy, val_loss, val_accuracy, learning_rate, seconds of one epoch."""


@dataclass(frozen=True)
class Affine:
    """Augmentation ranges in the units of Keras 2's ImageDataGenerator, which the report used.

    rotation: degrees either way. zoom: scale of each axis in 1-zoom..1+zoom. shift: fraction of the
    side either way. shear: degrees (so the report's 0.15 hardly moves a pixel). flip: mirror half of the faces.
    """

    rotation: float = 20.0
    zoom: float = 0.15
    shift: float = 0.2
    shear: float = 0.15
    flip: bool = True


@dataclass(frozen=True)
class Recipe:
    """The report's recipe: Adam, plateau halving on val_accuracy, early stopping on val_loss.

    epochs is the most that are trained; rates are Adam's; patience counts epochs.
    """

    batch_size: int = 32
    epochs: int = 100
    learning_rate: float = 1e-3
    stop_patience: int = 7
    plateau_patience: int = 3
    plateau_factor: float = 0.5
    min_learning_rate: float = 1e-5
    augmentation: Affine = field(default_factory=Affine)


def learning_rate(epochs: Sequence[EpochRecord], recipe: Recipe) -> float:
    """The rate for the next epoch: Keras's ReduceLROnPlateau on val_accuracy, replayed over the history."""
    rate, best, waited = recipe.learning_rate, -math.inf, 0
    for record in epochs:
        if record["val_accuracy"] > best + 1e-4:
            best, waited = record["val_accuracy"], 0
            continue
        waited += 1
        if waited >= recipe.plateau_patience:
            rate, waited = max(rate * recipe.plateau_factor, recipe.min_learning_rate), 0
    return rate


def finished(epochs: Sequence[EpochRecord], recipe: Recipe) -> bool:
    """Whether the run is over: Keras's EarlyStopping on val_loss, replayed over the history."""
    if len(epochs) >= recipe.epochs:
        return True
    losses = [record["val_loss"] for record in epochs]
    return bool(losses) and len(losses) - 1 - losses.index(min(losses)) >= recipe.stop_patience


def best_epoch(epochs: Sequence[EpochRecord]) -> int:
    """The epoch (from 1) with the highest val_accuracy; the first of equals."""
    accuracies = [record["val_accuracy"] for record in epochs]
    return accuracies.index(max(accuracies)) + 1
