"""The weights that a training begins with: another network's, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from ...checkpoint.checkpoint import Checkpoint
from ...dataset.emotions import DEFAULT_LABELS, canonical
from ...errors import TrainingError

if TYPE_CHECKING:
    import keras

Weights = dict[str, NDArray[Any]]
"""The arrays of a network by layer, as `layer/0`, `layer/1`, ..."""


def of(given: Checkpoint, classes: int) -> Weights:
    """A network's weights, its last layer's columns those of the default labels of `classes` outputs."""
    weights, known = by_layer(given.network), [canonical(label) for label in given.labels]
    wanted, last = DEFAULT_LABELS.get(classes, ()), given.network.layers[-1].name
    if wanted and set(wanted) <= set(known):
        columns = [known.index(label) for label in wanted]
        heads = [
            name for name, array in weights.items() if name.startswith(f"{last}/") and array.shape[-1] == len(known)
        ]
        weights.update({name: weights[name][..., columns] for name in heads})
    return weights


def by_layer(network: keras.Model) -> Weights:
    """All weights of a network."""
    return {f"{layer.name}/{i}": array for layer in network.layers for i, array in enumerate(layer.get_weights())}


def give(network: keras.Model, initial: Mapping[str, NDArray[Any]]) -> None:
    """Copy another network's weights into layers with the same name and shapes; the others keep theirs.

    Raises TrainingError where no layer matches.
    """
    given: dict[str, list[NDArray[Any]]] = {}
    for name, array in initial.items():
        given.setdefault(name.rsplit("/", 1)[0], []).append(array)
    copied = 0
    for layer in network.layers:
        weights = given.get(layer.name, [])
        if weights and [w.shape for w in weights] == [w.shape for w in layer.get_weights()]:
            layer.set_weights(weights)
            copied += 1
    if not copied:
        raise TrainingError("no layer of --initial fits this network; start from one of the same family")
