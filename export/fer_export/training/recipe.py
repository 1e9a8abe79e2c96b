"""The recipe of a training run as data, and the decisions that follow from it and the history alone.

Rate and end of a run are computed from the recorded epochs, so an interrupted run continues exactly as planned.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

EpochRecord = dict[str, float]
"""loss, accuracy, val_loss, val_accuracy, learning_rate, seconds of one epoch."""


@dataclass(frozen=True)
class Affine:
    """Augmentation ranges in the units of Keras 2's ImageDataGenerator, which the report used."""

    rotation: float = 20.0
    """Degrees either way."""

    zoom: float = 0.15
    """Scale of each axis in 1-zoom..1+zoom."""

    shift: float = 0.2
    """Fraction of the side either way."""

    shear: float = 0.15
    """Degrees (so the report's 0.15 hardly moves a pixel)."""

    flip: bool = True
    """Whether half of the faces are mirrored."""


@dataclass(frozen=True)
class Photometric:
    """Augmentation of the pixel values 0..1, each drawn for every face."""

    contrast: float = 0.0
    """Scale about the face's mean in 1-contrast..1+contrast."""

    brightness: float = 0.0
    """Added, either way."""

    erasing: float = 0.0
    """Share of the faces with a rectangle of noise, whose sides are 1/8 to 1/2 of the face's."""


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    The defaults are the report's: Adam, plateau halving on val_accuracy, early stopping on val_loss.
    """

    batch_size: int = 32
    """Faces per step."""

    epochs: int = 100
    """Largest number of epochs."""

    learning_rate: float = 1e-3
    """Highest rate."""

    stop_patience: int = 7
    """Epochs without a lower val_loss before stopping."""

    plateau_patience: int = 3
    """Epochs without a higher val_accuracy before the rate falls."""

    plateau_factor: float = 0.5
    """Factor of the rate then."""

    min_learning_rate: float = 1e-5
    """Least rate."""

    optimizer: str = "adam"
    """`adam`, or `sgd` with Nesterov momentum 0.9."""

    schedule: str = "plateau"
    """`plateau`, or `cosine`, which rises over warm_up epochs, falls to zero after the last one and has neither plateau
    nor early stopping."""

    warm_up: int = 0
    """Epochs in which the rate rises."""

    weight_decay: float = 0.0
    """Decoupled, of kernels only."""

    label_smoothing: float = 0.0
    """Share of the target spread over all emotions."""

    averaging: float = 0.0
    """Momentum per step of the exponential average of the weights, which is what is judged and kept; 0 means none."""

    distillation: float = 0.0
    """Weight of the teachers' probabilities in the targets, 0..1."""

    votes: float = 0.0
    """Weight of FER+ votes in the targets, 0..1, beside 2013's labels; 0 means that the data has no votes."""

    consistent: bool = False
    """Whether the teachers answer for every face as the network sees it, altered in each epoch, not once for the face
    as it is."""

    mixup: float = 0.0
    """Alpha of the Beta distribution by which faces are mixed; 0 means none."""

    logit_adjustment: float = 0.0
    """How much of the logarithm of the training faces' shares is added to the logits while the network learns (tau of
    Menon et al. 2021). It then answers as if the emotions had equal shares: 1, the balanced softmax, wholly; 0, the
    plain loss, not at all."""

    quantize: str = "none"
    """`int8` trains and judges with the steps of an int8 file, with fixed batch norms; `none` trains in plain float."""

    dtype: str = "float32"
    """What layers compute in: `float32`, or `mixed_bfloat16` with weights, updates and probabilities in float32. The
    network that is kept is float32."""

    settling: bool = False
    """Whether batch-norm statistics are estimated again at the end on the training faces as they are, and kept where
    the validation accuracy rises; not in a run of several processes or with int8's steps."""

    augmentation: Affine = field(default_factory=Affine)
    """Changes of the geometry."""

    photometric: Photometric = field(default_factory=Photometric)
    """Changes of the pixel values."""


COMPACT = Recipe(
    batch_size=64,
    epochs=64,
    learning_rate=0.08,
    optimizer="sgd",
    schedule="cosine",
    warm_up=2,
    weight_decay=3e-3,
    label_smoothing=0.1,
    averaging=0.999,
    settling=True,
    augmentation=Affine(rotation=15.0, zoom=0.17, shift=0.094, shear=5.0),
    photometric=Photometric(contrast=0.3, brightness=0.15, erasing=0.5),
)
"""The recipe of `compact`."""

NANO = replace(
    COMPACT,
    epochs=70,
    weight_decay=5e-4,
    augmentation=Affine(rotation=10.0, zoom=0.12, shift=0.07, shear=5.0),
    photometric=Photometric(contrast=0.2, brightness=0.1),
)
"""The recipe of `nano` and `slim`: fewer weights memorise the faces less and need less regularisation."""

LARGE = replace(COMPACT, batch_size=128, learning_rate=0.1)
"""The recipe of `large`: fewer, larger steps, which suit a GPU. At this rate it learns almost nothing for ten epochs.
With its average multiplied by .25, a rate of .08, 5 epochs of warm-up and 88 epochs it learns at once; four such runs
ended at 69.6 to 69.8 %, against 68.2 to 69.7 %, and taught no better (models/runs.jsonl). The teachers of compact-7 and
compact-6 were trained as it stands here, without a refit of the batch norms."""

RECIPES = {"compact": COMPACT, "slim": NANO, "nano": NANO, "large": LARGE}
"""Every other network takes the report's."""

DISTILLATION = 0.7
"""The teachers' weight in the targets, for any network; a teacher's uncertainty replaces label smoothing."""


def of(network: str, taught: bool = False, voted: bool = False) -> Recipe:
    """The recipe of a network, by its name, with or without teachers and votes, which both replace smoothing."""
    chosen = RECIPES.get(network, Recipe())
    if voted:
        chosen = replace(chosen, votes=1.0, label_smoothing=0.0)
    return replace(chosen, distillation=DISTILLATION, label_smoothing=0.0) if taught else chosen


def learning_rate(epochs: Sequence[EpochRecord], recipe: Recipe) -> float:
    """The rate for the next epoch: the cosine's, or Keras's ReduceLROnPlateau on val_accuracy, replayed."""
    if recipe.schedule == "cosine":
        return _cosine(len(epochs), recipe)
    rate, best, waited = recipe.learning_rate, -math.inf, 0
    for record in epochs:
        if record["val_accuracy"] > best + 1e-4:
            best, waited = record["val_accuracy"], 0
            continue
        waited += 1
        if waited >= recipe.plateau_patience:
            rate, waited = max(rate * recipe.plateau_factor, recipe.min_learning_rate), 0
    return rate


def _cosine(done: int, recipe: Recipe) -> float:
    if done < recipe.warm_up:
        return recipe.learning_rate * (done + 1) / (recipe.warm_up + 1)
    part = (done - recipe.warm_up) / (recipe.epochs - recipe.warm_up)
    return recipe.learning_rate * 0.5 * (1.0 + math.cos(math.pi * part))


def finished(epochs: Sequence[EpochRecord], recipe: Recipe) -> bool:
    """Whether the run is over: Keras's EarlyStopping on val_loss, replayed over the history."""
    if len(epochs) >= recipe.epochs:
        return True
    if recipe.schedule == "cosine":
        return False
    losses = [record["val_loss"] for record in epochs]
    return bool(losses) and len(losses) - 1 - losses.index(min(losses)) >= recipe.stop_patience


def best_epoch(epochs: Sequence[EpochRecord]) -> int:
    """The epoch (from 1) with the highest val_accuracy; the first of equals."""
    accuracies = [record["val_accuracy"] for record in epochs]
    return accuracies.index(max(accuracies)) + 1
