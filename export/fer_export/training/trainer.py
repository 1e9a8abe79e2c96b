"""Training: the report's recipe, resumable after every epoch, seeded, on any Keras backend.

A run is a folder: `model.keras` (best epoch so far), `history.json`, `curves.png`, and, while the run is
not finished, `state.npz`. Epoch e of seed s is the same whether or not the run was interrupted before it:
order, augmentation and dropout are seeded by (s, e), and every decision is computed from the history.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..checkpoint import checkpoint
from ..dataset import DEFAULT_LABELS
from ..errors import TrainingError, UsageError
from ..system import files, keras_backend
from .methods import batch_norm_refit, initial_weights, logit_adjustment, soft_targets
from .methods.batch_norm_refit import Settled
from .networks import FACE_SIZE, build
from .plan import Setup
from .recipe import EpochRecord, Photometric, Recipe, best_epoch, finished, learning_rate
from .run_folder import RunFolder
from .several.group import Arrays

if TYPE_CHECKING:
    import keras

    from ..checkpoint import Checkpoint

OnStep = Callable[[int, int, int], None]
OnEpoch = Callable[[int, EpochRecord], None]


MEASURED = 512
"""Training faces that int8's steps are fitted to."""


@dataclass(frozen=True)
class Examples:
    """Faces to train on or to validate with."""

    images: NDArray[np.uint8]
    """Faces uint8 [N, 48, 48, 1]."""

    targets: NDArray[np.int64]
    """Positions in the labels of the network, int64 [N]."""

    soft: NDArray[np.float32] | None = None
    """Probabilities float32 [N, K] that are learned instead of the targets; None without teachers and
    votes."""

    def shares(self, classes: int) -> NDArray[np.float64]:
        """The share of each of so many classes in what is learned: float64 [classes]."""
        soft = np.eye(classes)[self.targets] if self.soft is None else self.soft
        return np.asarray(soft.mean(axis=0, dtype=np.float64))


@dataclass(frozen=True)
class TrainingResult:
    """The result of a finished run."""

    folder: Path
    """The run's folder."""

    epochs: tuple[EpochRecord, ...]
    """Figures of every epoch."""

    best_epoch: int
    """The epoch kept in model.keras."""

    settled: Settled | None = None
    """What estimating the batch-norm statistics again gave; None where the recipe does not ask for it."""

    def to_dict(self) -> dict[str, Any]:
        settled = self.settled.to_dict() if self.settled else None
        figures = {"best_epoch": self.best_epoch, "settled": settled, "epochs": list(self.epochs)}
        return {"folder": str(self.folder), **figures}


def train(
    setup: Setup,
    training: Examples,
    validation: Examples,
    folder: Path,
    *,
    on_step: OnStep = lambda epoch, step, steps: None,
    on_epoch: OnEpoch = lambda epoch, record: None,
) -> TrainingResult:
    """Train a network, or continue the run in `folder`.

    setup: what is trained, and how.
    training: faces to train on.
    validation: faces that choose the epoch.
    folder: the run's folder; the epoch with the highest validation accuracy is kept there as model.keras.
    on_step: called with the epoch, the steps done and the number of steps.
    on_epoch: called with the epoch and its figures.

    A run that has ended and has no card yet gives its result again.

    Raises TrainingError for NaN, degenerate data, a folder with a run of other settings or data, and processes that
    differ in these; UsageError for what check_recipe names, an unknown network or number of classes, and teachers that
    do not fit.
    """
    recipe, group, initial = setup.recipe, setup.group, setup.initial
    check_recipe(setup)
    check_examples(training, validation, setup.classes)
    present = [checkpoint.load(teacher) for teacher in setup.teachers] if recipe.consistent else []
    for teacher in present:
        soft_targets.check_teacher(teacher, DEFAULT_LABELS.get(setup.classes, ()), FACE_SIZE)
    settings = {
        "network": setup.network,
        "classes": setup.classes,
        "seed": setup.seed,
        "initial": initial,
        "teachers": list(setup.teachers),
        "recipe": asdict(recipe),
        "faces": [_digest(training), _digest(validation)],
    }
    if not group.alone:
        group.agree(settings)
    run = RunFolder.open(folder, settings, group)
    if run.ended:
        return TrainingResult(folder, tuple(run.epochs), best_epoch(run.epochs), run.settled)
    first_weights: Arrays = {}
    if initial is not None and not run.epochs:
        first_weights = group.shared(lambda: initial_weights.of(checkpoint.load(initial), setup.classes))
    with group.sharing_batches():
        shares = training.shares(setup.classes)
        trainer = Trainer(setup.network, setup.classes, recipe, setup.seed, present, shares)
        if run.epochs:
            trainer.load(run.weights)
        elif initial is not None:
            initial_weights.give(trainer.network, first_weights)
            trainer.measure_steps(training.images[:MEASURED])
        while not finished(run.epochs, recipe):
            epoch = len(run.epochs) + 1
            rate = learning_rate(run.epochs, recipe)
            record = trainer.epoch(epoch, rate, training, validation, on_step)
            run.append(record, trainer)
            on_epoch(epoch, record)
    run.draw()
    settle = recipe.settling and recipe.quantize == "none" and group.alone
    settled = _settle(run, training, validation) if settle else None
    run.finish(settled)
    return TrainingResult(folder, tuple(run.epochs), best_epoch(run.epochs), settled)


def check_recipe(setup: Setup) -> None:
    """Raise UsageError for settings that exclude each other."""
    recipe = setup.recipe
    if recipe.quantize == "int8" and setup.initial is None:
        raise UsageError("int8's steps are fitted to a trained network; name it with `initial`")
    if recipe.quantize == "int8" and recipe.dtype != "float32":
        raise UsageError(f"int8's steps are trained in float32; remove `dtype={recipe.dtype}`")
    if not recipe.consistent:
        return
    if not setup.teachers or recipe.distillation == 0:
        raise UsageError("`consistent=True` needs teachers; add `teachers`, and remove `distillation=0`")
    if not setup.group.alone:
        raise UsageError("`consistent=True` trains in one process; remove it, or remove `address`")


def check_examples(training: Examples, validation: Examples, classes: int) -> None:
    """Raise TrainingError for data that cannot train or judge a network."""
    for name, examples in (("training", training), ("validation", validation)):
        if len(examples.targets) == 0:
            raise TrainingError(f"the {name} split has no faces; pass a data set that holds both splits")
        if np.ptp(examples.images) == 0:
            raise TrainingError(
                f"every pixel of the {name} split has the same value; check the data with `summarize()`"
            )
    missing = sorted(set(range(classes)) - set(training.targets.tolist()))
    if missing:
        raise TrainingError(
            f"the training split has no face of class {', '.join(map(str, missing))}; "
            "check its class counts with `summarize()`"
        )


class Trainer:
    """The network with augmentation in front, compiled once; one call per epoch."""

    def __init__(
        self,
        network: str,
        classes: int,
        recipe: Recipe,
        seed: int,
        teachers: Sequence[Checkpoint] = (),
        shares: NDArray[np.float64] | None = None,
    ) -> None:
        """The last two: teachers that answer in every step, and the share of each class, by default equal ones."""
        keras_backend.start()
        import keras

        from .methods.augmentation import RandomAffine, RandomPhotometric

        keras.utils.set_random_seed(seed)
        self.seed = seed
        self.batch_size, self.mixup = recipe.batch_size, recipe.mixup
        self.network: keras.Model = build(network, classes, recipe.dtype)
        self.name, self.classes, self.dtype = network, classes, recipe.dtype
        self.averaged = recipe.averaging > 0
        self.augmentation = [RandomAffine(recipe.augmentation, seed)]
        if recipe.photometric != Photometric():
            self.augmentation.append(RandomPhotometric(recipe.photometric, seed))
        self.judged = self.network
        if recipe.quantize == "int8":
            from .methods.quantization_aware import stepped

            self.judged = stepped(self.network)
        shares = np.full(classes, 1 / classes) if shares is None else shares
        shape = self.network.input_shape[1:]
        if teachers:
            from .methods.live_teachers import Student

            labels, weight = DEFAULT_LABELS[classes], recipe.distillation
            self.model = Student(self.augmentation, self.judged, teachers, labels, weight, recipe.dtype)
        else:
            self.model = keras.Sequential([keras.Input(shape, dtype="uint8"), *self.augmentation, self.judged])
        self.model.compile(
            optimizer=_optimizer(recipe),
            loss=logit_adjustment.loss(shares, recipe.logit_adjustment, recipe.label_smoothing),
            metrics=["accuracy"],
        )
        self.model.optimizer.build(self.model.trainable_variables)

    def epoch(self, epoch: int, rate: float, training: Examples, validation: Examples, on_step: OnStep) -> EpochRecord:
        """Train one epoch and measure it; raise TrainingError if the loss is NaN or infinite."""
        started = time.perf_counter()
        loss, accuracy = self.fit(epoch, rate, training, on_step)
        with self.average():
            fed = feed(validation.images, self._one_hot(validation.targets), 256)
            val_loss, val_accuracy = self.model.evaluate(**fed, verbose=0)
        if not (math.isfinite(loss) and math.isfinite(val_loss)):
            other = "" if self.dtype == "float32" else ", or with `dtype='float32'`"
            raise TrainingError(
                f"the loss became NaN or infinite in epoch {epoch} (rate {rate:g}); "
                f"start again in a new `output` with a lower `learning_rate`{other}"
            )
        return {
            "loss": round(loss, 5),
            "accuracy": round(accuracy, 5),
            "val_loss": round(val_loss, 5),
            "val_accuracy": round(val_accuracy, 5),
            "learning_rate": rate,
            "seconds": round(time.perf_counter() - started, 1),
        }

    def fit(self, epoch: int, rate: float, training: Examples, on_step: OnStep) -> tuple[float, float]:
        """One epoch over the training faces; returns its loss and accuracy."""
        self._reseed(epoch)
        self.model.optimizer.learning_rate = rate
        order = np.random.default_rng([self.seed, epoch]).permutation(len(training.targets))
        images = training.images[order]
        targets = self._one_hot(training.targets[order]) if training.soft is None else training.soft[order]
        if self.mixup > 0:
            from .methods.augmentation import mixed

            images, targets = mixed(images, targets, self.mixup, np.random.default_rng([self.seed, epoch, 1]))
        history = self.model.fit(
            **feed(images, targets, self.batch_size),
            shuffle=False,
            verbose=0,
            callbacks=[_step_callback(epoch, math.ceil(len(order) / self.batch_size), on_step)],
        ).history
        return history["loss"][-1], history["accuracy"][-1]

    @contextlib.contextmanager
    def average(self) -> Iterator[None]:
        """The network with its averaged weights, for as long as the context lasts."""
        if not self.averaged:
            yield
            return
        variables = self.model.trainable_variables
        current = [_to_numpy(variable) for variable in variables]
        for variable, average in zip(variables, self.model.optimizer._model_variables_moving_average, strict=True):
            # A copy: the JAX backend donates the buffers of its arguments.
            variable.assign(_to_numpy(average))
        try:
            yield
        finally:
            for variable, value in zip(variables, current, strict=True):
                variable.assign(value)

    def _one_hot(self, targets: NDArray[np.int64]) -> NDArray[np.float32]:
        return np.eye(self.classes, dtype=np.float32)[targets]

    def save(self) -> Arrays:
        """Weights and optimizer state, by position."""
        variables = [*self.judged.weights, *self.model.optimizer.variables]
        return {f"variable_{i}": _to_numpy(variable) for i, variable in enumerate(variables)}

    def load(self, arrays: Arrays) -> None:
        variables = [*self.judged.weights, *self.model.optimizer.variables]
        for i, variable in enumerate(variables):
            variable.assign(arrays[f"variable_{i}"])

    def plain(self) -> keras.Model:
        """The network as it is kept: in float, everything in it trainable."""
        if self.judged is self.network and self.dtype == "float32":
            return self.network
        network = build(self.name, self.classes)
        network.set_weights(self.network.get_weights())
        return network

    def measure_steps(self, images: NDArray[np.uint8]) -> None:
        """Fit int8's steps to the values of uint8 faces [N, 48, 48, 1]; does nothing in plain float."""
        if self.judged is not self.network:
            from .methods.quantization_aware import measure

            measure(self.network, self.judged, images)

    def _reseed(self, epoch: int) -> None:
        for position, layer in enumerate([*self.augmentation, *self.network.layers]):
            generator = getattr(layer, "seed_generator", None)
            if generator is not None:
                generator.state.assign(np.array([(self.seed * 1000 + position) % 2**32, epoch], dtype="uint32"))


def feed(images: NDArray[np.uint8], targets: NDArray[np.float32], batch_size: int) -> dict[str, Any]:
    """The input of Keras's fit and evaluate that goes through the faces in this order.

    For TensorFlow, Keras would make a data set that tunes itself: a thread looks at it after 10, 20, 40 ms and so on,
        up to a minute, and may miss the end of the epoch. One of 25 s then takes 41.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        return {"x": images, "y": targets, "batch_size": batch_size}
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    batches = tf.data.Dataset.from_tensor_slices((images, targets)).batch(batch_size).prefetch(2)
    return {"x": batches.with_options(options)}


def _settle(run: RunFolder, training: Examples, validation: Examples) -> Settled:
    """Estimate the best network's batch-norm statistics again; model.keras is replaced where accuracy rises."""
    import keras

    network = keras.models.load_model(run.best, compile=False)
    seed = run.settings["seed"]
    settled = batch_norm_refit.improve(network, training.images, validation.images, validation.targets, seed)
    if settled.kept:
        run.keep(network)
    return settled


def _digest(examples: Examples) -> str:
    soft = b"" if examples.soft is None else examples.soft.tobytes()
    return files.sha256(examples.images.tobytes() + examples.targets.tobytes() + soft)


def _optimizer(recipe: Recipe) -> keras.optimizers.Optimizer:
    import keras

    if recipe.optimizer == "adam":
        return keras.optimizers.Adam(recipe.learning_rate)

    class AveragedSGD(keras.optimizers.SGD):  # type: ignore[misc]
        def finalize_variable_values(self, var_list: Any) -> None:
            """Keras would replace the weights by the average at the end of every fit, and so of every epoch."""

    optimizer = AveragedSGD(
        recipe.learning_rate,
        momentum=0.9,
        nesterov=True,
        weight_decay=recipe.weight_decay or None,
        use_ema=recipe.averaging > 0,
        ema_momentum=recipe.averaging,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def _step_callback(epoch: int, steps: int, on_step: OnStep) -> Any:
    import keras

    class Steps(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            # Not at its end: there Keras would wait for the loss, and so for a GPU, which gets the next steps now.
            on_step(epoch, batch + 1, steps)

    return Steps()


def _to_numpy(variable: Any) -> NDArray[Any]:
    import keras

    return np.asarray(keras.ops.convert_to_numpy(variable.value if hasattr(variable, "value") else variable))
