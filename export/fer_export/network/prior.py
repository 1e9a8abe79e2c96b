"""The prior: how often each emotion is expected, folded into the last layer.

A network learns the shares of its training faces with the faces: a quarter of FER2013 is happy, 1.5 % disgust. Where
an app's photos have other shares, Bayes' rule corrects the answers: log(expected / trained share) is added to the
logits (Saerens et al. 2002; Menon et al. 2021, "Long-tail learning via logit adjustment"). It costs nothing at run
time.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..checkpoint import Checkpoint
from ..dataset import Dataset, canonical, votes
from ..errors import ConversionError, ExportFileError, UsageError
from .layers import is_graph

if TYPE_CHECKING:
    import keras

TRAINED, EQUAL = "trained", "equal"

TAU = 0.75
"""How much of the shift `equal` applies: of 0, .25, .5, .75 and 1 the best on photographs for compact-7, at less than
half of what the whole shift costs on faces with the trained shares (benchmarks/photo/photos_accuracy.py)."""


@dataclass(frozen=True)
class Prior:
    """The shares that answers assume, beside those that the network was trained on."""

    expected: Mapping[str, float]
    """Expected share of each label, above 0."""

    trained: Mapping[str, float]
    """Share of each label among the training faces, above 0."""

    tau: float
    """How much of the difference is applied: 0 nothing, 1 all of it."""

    def shift(self, labels: Sequence[str]) -> NDArray[np.float64]:
        """What is added to the logits of these labels: float64 [K], of mean 0."""
        found = np.array([self.tau * math.log(self.expected[name] / self.trained[name]) for name in labels])
        centred: NDArray[np.float64] = found - found.mean()
        return centred

    def applied(self, probabilities: NDArray[np.float32], labels: Sequence[str]) -> NDArray[np.float32]:
        """Probabilities [N, K] as the prior makes them, where it cannot be folded into a file any more."""
        shifted = probabilities * np.exp(self.shift(labels)).astype(np.float32)
        total = shifted.sum(axis=1, keepdims=True)
        return np.asarray(shifted / np.maximum(total, np.float32(1e-12)), np.float32)

    @property
    def said(self) -> str:
        """What it expects, in a few words."""
        equal = len(set(self.expected.values())) == 1
        return f"{'equal shares' if equal else 'shares of a file'}, {self.tau:g} of the way"

    def to_dict(self) -> dict[str, Any]:
        return {"expected": dict(self.expected), "trained": dict(self.trained), "tau": self.tau}

    @classmethod
    def from_dict(cls, document: Any, labels: Sequence[str]) -> Prior:
        """The prior inside a file; raises ExportFileError where it is not of this form."""
        try:
            expected, trained = (
                {name: float(document[key][name]) for name in labels} for key in ("expected", "trained")
            )
            tau = float(document["tau"])
        except (KeyError, TypeError, ValueError) as error:
            raise ExportFileError("the file's prior does not fit its labels; export the file again") from error
        if not all(0 < share <= 1 for share in (*expected.values(), *trained.values())) or not 0 <= tau <= 2:
            raise ExportFileError("the file's prior has a share outside 0..1; export the file again")
        return cls(expected, trained, tau)


def choose(
    name: str | Path, labels: Sequence[str], trained: Mapping[str, float] | None, tau: float | None = None
) -> Prior | None:
    """The prior of a name: None for `trained`.

    name: `trained`, `equal`, or a JSON file with the expected share of each label.
    labels: of the network.
    trained: the shares it was trained on; None where nobody knows them.
    tau: how much of the difference is applied; by default TAU for `equal` and all of it for a file.

    Raises UsageError for unknown or zero trained shares, and for a file that does not fit the labels.
    """
    if name == TRAINED:
        return None
    if trained is None:
        raise UsageError(
            "the shares of the emotions that this network was trained on are unknown, so no other prior can be "
            "assumed; pass its training data"
        )
    missing = [label for label in labels if not trained.get(label, 0) > 0]
    if missing:
        raise UsageError(f"the training faces have no {', '.join(missing)}; a prior needs faces of every label")
    if name == EQUAL:
        return Prior({label: 1 / len(labels) for label in labels}, dict(trained), TAU if tau is None else tau)
    return Prior(_read(Path(name), labels), dict(trained), 1.0 if tau is None else tau)


def with_prior(checkpoint: Checkpoint, prior: Prior | None) -> Checkpoint:
    """The network whose answers assume the prior, exactly.

    Raises ConversionError for a network that does not end in a visible softmax, UsageError for one with another prior.
    """
    if prior is None:
        return checkpoint
    if checkpoint.prior is not None:
        if checkpoint.prior == prior.to_dict():
            return checkpoint
        raise UsageError(f"{checkpoint.name} already has another prior; pass the network as it was trained")
    network = shifted(checkpoint.network, prior.shift(checkpoint.labels))
    return replace(checkpoint, network=network, prior=prior.to_dict())


def expecting(checkpoint: Checkpoint, name: str | Path, data: Dataset | None, *, required: bool) -> Checkpoint:
    """The network whose answers assume the prior of a name.

    name: `trained`, `equal`, or a JSON file with the expected share of each label.
    data: its Training faces give the trained shares where the network's card has none.
    required: whether a prior that cannot be applied is an error; else the network stays as it is.

    Raises what choose and with_prior raise.
    """
    if name == TRAINED:
        return checkpoint
    trained = checkpoint.trained_shares
    if trained is None and data is not None:
        trained = votes.shares(data.split("Training"), checkpoint.labels)
    if not required and not (trained and all(trained.get(label) for label in checkpoint.labels)):
        return checkpoint
    try:
        return with_prior(checkpoint, choose(name, checkpoint.labels, trained))
    except ConversionError:
        if required:
            raise
        return checkpoint  # its last layer is not visible


def meant_by(checkpoint: Checkpoint, contract: Mapping[str, Any]) -> Checkpoint:
    """The network that a file with this contract was made from: with its mirror and its prior."""
    meant, document = checkpoint.meant_by(contract), contract.get("prior")
    if document is not None:
        return with_prior(meant, Prior.from_dict(document, checkpoint.labels))
    if meant.prior is not None:
        raise UsageError(f"the file has no prior and {meant.name} has one; pass the network as it was trained")
    return meant


def shifted(network: keras.Model, shift: NDArray[np.float64], temperature: float = 1.0) -> keras.Model:
    """The network with its logits divided by a temperature and moved by a constant [K].

    A dense layer before the softmax takes both into its weights; after any other layer stands one more, a multiple and
    a constant. Layers are shared with the network given. Raises ConversionError where no softmax is visible at the end.
    """
    import keras
    from keras import activations, layers

    if not is_graph(network):
        raise ConversionError("the network's last layer is not visible, so a prior cannot be folded into it")
    last, given = _made_by(network.outputs[0])
    if type(last) is layers.Dense and last.activation is activations.softmax:
        answers = _dense(last, shift, temperature)(given)
    elif isinstance(last, layers.Softmax) or getattr(last, "activation", None) is activations.softmax:
        before, source = _made_by(given)
        if isinstance(last, layers.Softmax | layers.Activation):
            if type(before) is layers.Dense and before.activation is activations.linear:
                logits = _dense(before, shift, temperature)(source)
            else:
                logits = layers.Rescaling(1 / temperature, shift.tolist(), name="prior")(given)
            answers = last(logits)
        else:
            raise ConversionError(f"the softmax of {type(last).__name__} {last.name!r} cannot take a prior")
    else:
        raise ConversionError("the network does not end in a softmax, so a prior cannot be folded into it")
    # Not a list of one: a network that was called with a tensor takes a tensor.
    inputs = network.inputs[0] if len(network.inputs) == 1 else network.inputs
    return keras.Model(inputs, answers, name=network.name)


def _made_by(tensor: Any) -> tuple[Any, Any]:
    """The layer that made a symbolic tensor, and what it was given."""
    history = tensor._keras_history
    node = history.operation._inbound_nodes[history.node_index]
    return history.operation, node.input_tensors[0] if node.input_tensors else None


def _dense(layer: keras.layers.Dense, shift: NDArray[np.float64], temperature: float) -> keras.layers.Dense:
    from ..checkpoint import copied

    kernel, bias = (layer.get_weights() + [np.zeros(layer.units)])[:2]
    new = copied(layer, use_bias=True)
    new.build((None, kernel.shape[0]))
    new.set_weights([(kernel / temperature).astype("float32"), (bias / temperature + shift).astype("float32")])
    return new


def _read(path: Path, labels: Sequence[str]) -> dict[str, float]:
    """Expected shares, scaled to sum to 1."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"the prior {path} cannot be read as JSON ({error}); pass trained, equal or a file") from error
    if not isinstance(document, dict):
        raise UsageError(f'the prior {path} is not a JSON object such as {{"happy": 0.3, ...}}')
    held = {canonical(str(name)): share for name, share in document.items()}
    missing = [label for label in labels if canonical(label) not in held]
    if missing or len(held) != len(labels):
        raise UsageError(f"the prior {path} must have a share for each of {', '.join(labels)}, and for nothing else")
    shares = {label: held[canonical(label)] for label in labels}
    for label, share in shares.items():
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share < math.inf:
            raise UsageError(f"the prior {path} has {share!r} for {label}; it must be a number above 0")
    total = sum(shares.values())
    return {label: share / total for label, share in shares.items()}
