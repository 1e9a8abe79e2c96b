"""Reads networks as people have them into one object: network, labels, picture size, scaling.

A checkpoint is a shipped name, a network folder (model.keras, card.json), a Keras file of any age, an
architecture JSON with weights, or a SavedModel folder.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..dataset import as_input, batch_of
from ..errors import CheckpointError, UsageError
from ..harmless import file_name
from ..system import keras_backend
from ..system.process import memory_limit
from . import classifier, input_range
from .evidence import Evidence, Origin
from .file_kinds import is_unpacked
from .find import find
from .keras3.dequantise import dequantised
from .labels import CARD_SOURCE, known, parsed_json
from .labels import choose as choose_labels
from .labels import origin as labels_origin
from .scaling import SCALINGS

if TYPE_CHECKING:
    import keras

DEFAULT_MODEL = "compact-7"

Factor = float | NDArray[np.float32]
"""One number for all channels, or float32 [3]."""
_BATCH = 64
"""Faces at a time: larger batches are no faster and need more memory."""
_SPARE_MEMORY, _MEMORY_PER_BYTE = 3 << 29, 6
"""Bytes that reading and trying a network may take: so many, and so many for each byte of its files."""


@dataclass(frozen=True)
class Checkpoint:
    """A trained network with everything needed to run it and read its answers."""

    name: str
    """Name of the network; the exported files begin with it."""

    network: keras.Model
    """Float32 [N, S, S, C], scaled, to float32 probabilities [N, K]; functional unless it is wrapped or subclassed."""

    labels: tuple[str, ...]
    """Emotions in the order of the outputs, by their usual names."""

    labels_source: str
    """Where the labels come from."""

    size: int
    """Side of a face in pixels."""

    channels: int
    """1 for grey, 3 for RGB."""

    scaling: str
    """A key of SCALINGS."""

    scaling_source: str
    """Where the scaling comes from."""

    softmax_added: bool
    """Whether the file gives logits, so that a softmax was added."""

    source: Path
    """The file or folder that was read."""

    given: str
    """The name or path that was asked for."""

    sha256: str
    """SHA-256 of the files read."""

    bytes: int
    """Size of the files read."""

    folder: Path | None
    """The network folder; None for a file."""

    mirror: bool = False
    """Whether the answer is the mean over the face and its mirror image."""

    labels_from: Origin = "given"
    """Where the labels come from, as a word."""

    scaling_from: Origin = "given"
    """Where the scaling comes from, as a word."""

    evidence: Evidence | None = None
    """What labelled faces say about both, once they were asked."""

    trained_shares: Mapping[str, float] | None = None
    """Share of each label among what it was trained on; None where its card does not say."""

    whole: tuple[str, ...] = ()
    """Separable convolutions that `network` computes whole (network.whole)."""

    prior: Mapping[str, Any] | None = None
    """The prior that is folded into `network` (network.prior), as in a contract; None for the shares it was trained on.
    """

    @property
    def scale_and_shift(self) -> tuple[Factor, Factor]:
        """(scale, shift): the network's input is byte * scale + shift, one number or float32 [3] each."""
        scaling = SCALINGS[self.scaling]
        scale, shift = (
            each[0] if len(each) == 1 else np.array(each, np.float32) for each in (scaling.scale, scaling.shift)
        )
        return scale, shift

    def scaled(self, images: NDArray[np.uint8], scaling: str | None = None) -> NDArray[np.float32]:
        """Bytes uint8 [N, S, S, 1|C] as the network takes them: float32 [N, S, S, C]; scaling: another than its own."""
        name = scaling or self.scaling
        given = as_input(images, self.channels)
        if name == "unit":  # divided as people's training code divides, to the last bit
            return given.astype(np.float32) / np.float32(255)
        if name == "signed":
            return given.astype(np.float32) / np.float32(127.5) - np.float32(1)
        rule = SCALINGS[name]
        ordered = (given[..., ::-1] if rule.bgr else given).astype(np.float32)
        scaled: NDArray[np.float32] = ordered * np.array(rule.scale, np.float32) + np.array(rule.shift, np.float32)
        return scaled

    @property
    def bgr(self) -> bool:
        """Whether the network's first channel is blue."""
        return SCALINGS[self.scaling].bgr

    @property
    def assumed(self) -> str:
        """What of labels and scaling nothing says: `labels and scaling`; empty where all is known."""
        origins = {"labels": self.labels_from, "scaling": self.scaling_from}
        return " and ".join(name for name, origin in origins.items() if origin == "assumed")

    @property
    def said_of_scaling(self) -> tuple[str, str]:
        """What the contract of a file says of the scaling and its source: nothing where a card says it."""
        return ("", "") if self.scaling_from == "card" else (self.scaling, self.scaling_source)

    def meant_by(self, contract: Mapping[str, Any]) -> Checkpoint:
        """The network that a file with this contract was made from: with mirror or without.

        What was only assumed of the network is taken from a file that was made from it.
        """
        meant = replace(self, mirror=bool(contract.get("mirror", False)))
        if contract.get("checkpoint_sha256") != self.sha256:
            return meant
        labels, scaling = contract.get("labels"), contract.get("scaling")
        if self.labels_from == "assumed" and isinstance(labels, list | tuple) and len(labels) == len(self.labels):
            source = str(contract.get("labels_source", ""))
            meant = replace(meant, labels=tuple(labels), labels_source=source, labels_from="file")
        if self.scaling_from == "assumed" and scaling in SCALINGS:
            source = str(contract.get("scaling_source", ""))
            meant = replace(meant, scaling=scaling, scaling_source=source, scaling_from="file")
        return meant

    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Keras's answer to bytes (with mirror the mean of two): uint8 [N, S, S, 1] or [N, S, S, C] -> float32 [N, K].

        Grey is repeated for an RGB network. Raises UsageError for pictures that do not fit.
        """
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] not in self._picture_shapes():
            raise UsageError(
                f"pictures of {images.dtype} {list(images.shape)} do not fit {self.name}; "
                f"pass uint8 [N, {self.size}, {self.size}, {self.channels}]"
            )
        sides = [images, images[:, :, ::-1]] if self.mirror else [images]
        answers = [self._predict_all(side, self.scaling) for side in sides]
        return np.mean(answers, axis=0) if self.mirror else answers[0]

    def predict_scaled(self, images: NDArray[np.uint8], scaling: str) -> NDArray[np.float32]:
        """What it would answer to bytes uint8 [N, S, S, 1] if it were trained on that scaling: float32 [N, K]."""
        return self._predict_all(images, scaling)

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe summary."""
        return {
            "name": self.name,
            "labels": list(self.labels),
            "labels_source": self.labels_source,
            "size": self.size,
            "channels": self.channels,
            "scaling": self.scaling,
            "scaling_source": self.scaling_source,
            "evidence": self.evidence.to_dict() if self.evidence else None,
            "softmax_added": self.softmax_added,
            "mirror": self.mirror,
            "source": str(self.source),
            "bytes": self.bytes,
            "sha256": self.sha256,
        }

    def _picture_shapes(self) -> set[tuple[int, ...]]:
        return {(self.size, self.size, channels) for channels in (1, self.channels)}

    def _predict_all(self, images: NDArray[np.uint8], scaling: str) -> NDArray[np.float32]:
        batch = batch_of(_BATCH, self.size)
        batches = [self._predict_batch(images[i : i + batch], scaling) for i in range(0, len(images), batch)]
        return np.concatenate(batches) if batches else np.empty((0, len(self.labels)), np.float32)

    def _predict_batch(self, images: NDArray[np.uint8], scaling: str) -> NDArray[np.float32]:
        return np.asarray(self._function(self.scaled(images, scaling)), dtype="float32")

    @cached_property
    def _function(self) -> Callable[[NDArray[np.float32]], Any]:
        import keras

        if keras.backend.backend() != "tensorflow":
            return self.network.predict_on_batch  # type: ignore[no-any-return]
        import tensorflow as tf

        signature = [tf.TensorSpec([None, self.size, self.size, self.channels], tf.float32)]
        # Keras's layers need no translation by AutoGraph, which takes half of the time.
        function = tf.function(lambda x: self.network(x, training=False), input_signature=signature, autograph=False)
        concrete = function.get_concrete_function()
        return lambda images: concrete(tf.constant(images))


def load(
    model: str | Path = DEFAULT_MODEL,
    *,
    weights: Path | None = None,
    labels: str | Sequence[str] | Path | None = None,
    scaling: str | None = None,
    trust: bool = False,
) -> Checkpoint:
    """Load a network: a shipped name, or the path of a file or folder.

    weights: the .h5 that belongs to an architecture .json.
    labels: names, comma-separated or a list, or a text or JSON file; they win over card.json, which wins over the
        default for 6, 7 or 8 outputs.
    scaling: a key of SCALINGS.
    trust: run code that the file holds.

    Raises CheckpointError, or UsageError for an unknown scaling or one of RGB for a grey network.
    """
    if scaling is not None and scaling not in SCALINGS:
        raise UsageError(f"unknown scaling {scaling!r}; choose `scaling={', '.join(SCALINGS)}`")
    path, folder = find(model)
    card = _card(folder)
    sources = _files(path, weights)
    keras_backend.start()  # takes seconds
    # What a file declares may be far more than it holds: layers, constants, activations.
    with memory_limit.at_most(_SPARE_MEMORY + _MEMORY_PER_BYTE * sum(source.stat().st_size for source in sources)):
        plain = classifier.plain(dequantised(_read(path, weights, trust), path), path)
        network, softmax_added = classifier.with_probabilities(plain, path)
    size, channels = network.input_shape[1], network.input_shape[3]
    names, labels_source = choose_labels(labels, card, network.output_shape[-1], path)
    scale, scaling_source, scaling_from = _scaling(scaling, card, network, path)
    if channels == 1 and SCALINGS[scale].rgb_only:
        raise UsageError(f"the scaling {scale!r} is for RGB networks, but {path} takes grey pictures; choose another")
    return Checkpoint(
        name=_name(folder or path),
        network=network,
        labels=names,
        labels_source=labels_source,
        size=size,
        channels=channels,
        scaling=scale,
        scaling_source=scaling_source,
        softmax_added=softmax_added,
        source=path,
        given=str(model),
        sha256=_sha256(path, sources),
        bytes=sum(source.stat().st_size for source in sources),
        folder=folder,
        labels_from=labels_origin(labels, card),
        scaling_from=scaling_from,
        trained_shares=_shares(card, names),
    )


def labels_of(
    model: str | Path = DEFAULT_MODEL, labels: str | Sequence[str] | Path | None = None
) -> tuple[str, ...] | None:
    """The labels of a network without loading it; None where only its outputs tell.

    model, labels: as for `load`.

    Raises CheckpointError when there is no such network or its labels cannot be read.
    """
    return known(labels, _card(find(model)[1]))


def _read(path: Path, weights: Path | None, trust: bool) -> keras.Model:
    from . import keras_files, saved_model

    if not path.is_dir() or is_unpacked(path):
        return keras_files.read(path, weights, trust=trust)
    if weights is not None:
        raise CheckpointError(f"{path} holds its own weights; drop `weights`")
    return saved_model.read(path, trust=trust)


def _scaling(given: str | None, card: dict[str, Any], network: keras.Model, path: Path) -> tuple[str, str, Origin]:
    """(scaling, where it comes from, the same as a word)."""
    if given is not None:
        return given, "--scaling", "given"
    if "scaling" in card:
        if not isinstance(card["scaling"], str) or card["scaling"] not in SCALINGS:
            raise CheckpointError(
                f"card.json beside {path} has the scaling {card['scaling']!r}; add `scaling={', '.join(SCALINGS)}`"
            )
        return card["scaling"], CARD_SOURCE, "card"
    read = input_range.read(network)
    if read is not None:
        return read.scaling, read.source, "network" if read.certain else "assumed"
    return "unit", "assumed, as nothing says how it was trained; `scaling` overrides it", "assumed"


def _shares(card: dict[str, Any], labels: Sequence[str]) -> dict[str, float] | None:
    """The trained shares of a card, where it has one above 0 for each label."""
    held = card.get("trained_shares")
    if not isinstance(held, dict) or sorted(held) != sorted(labels):
        return None
    right = all(isinstance(share, int | float) and 0 < share <= 1 for share in held.values())
    return {label: float(held[label]) for label in labels} if right else None


def _card(folder: Path | None) -> dict[str, Any]:
    path = folder / CARD_SOURCE if folder else None
    if path is None or not path.is_file():
        return {}
    try:
        card = parsed_json(path.read_text(encoding="utf-8"), path)
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}); fix or remove it") from error
    if not isinstance(card, dict):
        raise CheckpointError(f"{path} is not the card of a network; fix or remove it")
    return card


def _name(path: Path) -> str:
    stem = path.resolve().name if path.is_dir() else path.stem
    return file_name(re.sub(r"[^a-z0-9._-]+", "-", stem.lower()).strip("-._") or "network")


def _files(path: Path, weights: Path | None) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file())
    return [path, *([weights] if weights is not None and weights.is_file() else [])]


def _sha256(path: Path, sources: list[Path]) -> str:
    """Of the bytes of the files; a folder's file names (relative, in order) count too."""
    digest = hashlib.sha256()
    for source in sources:
        if path.is_dir():
            digest.update(source.relative_to(path).as_posix().encode() + b"\0")
        for block in _blocks(source):
            digest.update(block)
    return digest.hexdigest()


def _blocks(path: Path) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            yield block
