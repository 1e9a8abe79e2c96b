"""Probe faces: synthetic pictures made from a network alone, so that calibration and parity run without data.

Smooth noise is optimised (Adam, on the pixels) until the batch statistics in front of every batch norm match
the ones the network stored while it was trained, as in "The Knowledge Within" (Haroush et al., 2020) and
ZeroQ (Cai et al., 2020). A small cross-entropy towards drawn soft labels spreads the emotions, a total-variation
term keeps the pictures smooth. They show no photograph of anyone. Half of the purpose is to calibrate, the other
to judge: the two sets are optimised apart and share no picture.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..checkpoint import Checkpoint
from ..errors import CheckpointError, ConversionError
from ..system import files, keras_backend

if TYPE_CHECKING:
    import keras

BATCH = 128
CALIBRATE_BATCHES = 2
VERIFY_BATCHES = 1
STEPS = 200
LEARNING_RATE = 0.15
LABEL_WEIGHT = 0.1
SMOOTHNESS_WEIGHT = 0.01
VERSION = 1

OnStep = Callable[[int, int], None]


@dataclass(frozen=True)
class ProbeFaces:
    """Synthetic faces made from a network."""

    calibrate: NDArray[np.uint8]
    """Faces for calibration, uint8 [256, S, S, 1]."""

    verify: NDArray[np.uint8]
    """Faces for parity, uint8 [128, S, S, 1]."""

    record: dict[str, Any]
    """How they were made, JSON-safe."""

    def to_bytes(self) -> bytes:
        """The content of a `probe.npz`: NumPy's format, packed by LZMA, a quarter smaller than NumPy packs it."""
        buffer = io.BytesIO()
        record = np.array(json.dumps(self.record, sort_keys=True))
        arrays = {"calibrate": self.calibrate, "verify": self.verify, "record": record}
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, array in arrays.items():
                entry = zipfile.ZipInfo(f"{name}.npy")
                entry.compress_type = zipfile.ZIP_LZMA
                with archive.open(entry, "w") as file:
                    np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)
        return buffer.getvalue()


def load(path: Path, checkpoint: Checkpoint) -> ProbeFaces | None:
    """Read a `probe.npz`; None if there is none or it was made from another network.

    Raises CheckpointError when the file is there but damaged.
    """
    try:
        arrays = files.read_arrays(path)
        probe = ProbeFaces(arrays["calibrate"], arrays["verify"], dict(json.loads(str(arrays["record"]))))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CheckpointError(f"{path} is damaged ({error}); delete it to have probe faces made again") from error
    same = probe.record.get("checkpoint") == checkpoint.sha256 and probe.record.get("scaling") == checkpoint.scaling
    return probe if same else None


def possible(checkpoint: Checkpoint) -> bool:
    """Whether probe faces can be made: the network shows at least one batch norm over channels."""
    from ..network import channel_norms, is_graph

    return is_graph(checkpoint.network) and bool(channel_norms(checkpoint.network))


def noise(checkpoint: Checkpoint, seed: int = 1) -> NDArray[np.uint8]:
    """Smooth random pictures, uint8 [128, S, S, 1]: enough to compare a float file with its network."""
    return _pixels(_smooth_noise(np.random.default_rng(seed), checkpoint.size))


def make(
    checkpoint: Checkpoint, *, seed: int = 1, steps: int = STEPS, on_step: OnStep = lambda step, steps: None
) -> ProbeFaces:
    """Make probe faces for any network that has batch norms; about two minutes on two cores.

    Raises ConversionError if the network shows no batch norm, UsageError where Keras does not run on TensorFlow.
    """
    keras_backend.require_tensorflow()
    observed = observed_of(checkpoint)
    batches, gaps = [], []
    total = CALIBRATE_BATCHES + VERIFY_BATCHES
    for batch in range(total):
        images, gap = _optimise(
            observed,
            checkpoint,
            seed * 1000 + batch,
            steps,
            _shifted(on_step, batch * steps, total * steps),
        )
        batches.append(images)
        gaps.append(round(gap, 4))
    return ProbeFaces(
        np.concatenate(batches[:CALIBRATE_BATCHES]),
        np.concatenate(batches[CALIBRATE_BATCHES:]),
        {
            "version": VERSION,
            "checkpoint": checkpoint.sha256,
            "scaling": checkpoint.scaling,
            "seed": seed,
            "steps": steps,
            "statistics_gap": gaps,
        },
    )


def observed_of(checkpoint: Checkpoint) -> keras.Model:
    """The network with every batch norm replaced by one that also adds its distance from the statistics as a loss."""
    import keras

    from ..checkpoint import copied
    from ..network import StatisticsGap, is_channel_norm

    if not possible(checkpoint):
        raise ConversionError(
            f"{checkpoint.name} has no batch norm to make probe faces from; "
            "calibrate on real faces with `data='fer2013.csv'`"
        )

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        return StatisticsGap(layer) if is_channel_norm(layer) else copied(layer)

    copy = keras.models.clone_model(checkpoint.network, clone_function=clone, recursive=True)
    _copy_weights(checkpoint.network, copy)
    copy.trainable = False
    return copy


def _copy_weights(network: keras.Model, copy: keras.Model) -> None:
    from ..checkpoint import copy_weights
    from ..network import is_channel_norm, is_graph

    for old in network.layers:
        if not old.weights:
            continue
        new = copy.get_layer(old.name)
        if is_graph(old):
            _copy_weights(old, new)
        elif not is_channel_norm(old):
            copy_weights(old, new)


def _optimise(
    observed: keras.Model, checkpoint: Checkpoint, seed: int, steps: int, on_step: Callable[[int], None]
) -> tuple[NDArray[np.uint8], float]:
    import keras
    import tensorflow as tf

    rng = np.random.default_rng(seed)
    latent = tf.Variable(_smooth_noise(rng, checkpoint.size))
    targets = _soft_labels(rng, len(checkpoint.labels))
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps))
    scale, shift = checkpoint.scale_and_shift

    def step() -> Any:
        with tf.GradientTape() as tape:
            pixels = 255.0 * tf.sigmoid(latent)
            probabilities = observed(tf.repeat(pixels, checkpoint.channels, axis=-1) * scale + shift, training=False)
            gap = tf.add_n(observed.losses)
            loss = gap + LABEL_WEIGHT * tf.reduce_mean(keras.losses.categorical_crossentropy(targets, probabilities))
            loss += SMOOTHNESS_WEIGHT * tf.reduce_mean(tf.image.total_variation(pixels)) / checkpoint.size**2
        optimizer.apply_gradients([(tape.gradient(loss, latent), latent)])
        return gap

    compiled, gap = tf.function(step), float("nan")
    for number in range(1, steps + 1):
        gap = float(compiled())
        on_step(number)
    return _pixels(latent.numpy()), gap


def _shifted(on_step: OnStep, before: int, total: int) -> Callable[[int], None]:
    return lambda step: on_step(before + step, total)


def _pixels(latent: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.rint(255.0 / (1.0 + np.exp(-latent))).astype(np.uint8)


def _smooth_noise(rng: np.random.Generator, size: int) -> NDArray[np.float32]:
    """float32 [BATCH, size, size, 1], logits of a grey picture: noise of several octaves, about N(0, 1)."""
    picture = np.zeros((BATCH, size, size), np.float32)
    for cells in (3, 6, 12, 24):
        grid = rng.standard_normal((BATCH, cells + 1, cells + 1)).astype(np.float32)
        position = np.linspace(0, cells - 1e-3, size)
        low = position.astype(int)
        part = (position - low).astype(np.float32)
        rows = grid[:, low] * (1 - part)[:, None] + grid[:, low + 1] * part[:, None]
        picture += (rows[:, :, low] * (1 - part) + rows[:, :, low + 1] * part) / 2
    return picture[..., None]


def _soft_labels(rng: np.random.Generator, classes: int) -> NDArray[np.float32]:
    """float32 [BATCH, classes]: each class leads equally often, with 40 to 100 % of the probability."""
    share = rng.uniform(0.4, 1.0, (BATCH, 1))
    rest = rng.dirichlet(np.ones(classes), BATCH)
    leader = np.eye(classes)[np.arange(BATCH) % classes]
    return (share * leader + (1 - share) * rest).astype(np.float32)
