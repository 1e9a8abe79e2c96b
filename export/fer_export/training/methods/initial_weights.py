"""The weights that a training begins with: another network's, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...checkpoint import Checkpoint
from ...dataset import DEFAULT_LABELS, canonical
from ...errors import TrainingError

if TYPE_CHECKING:
    import keras

Weights = dict[str, NDArray[Any]]
"""The arrays of a network by layer, as `layer/0`, `layer/1`, ..."""

RARE = 2.0
"""How far the bias of an added emotion lies below the mean: it is rarer than the others (contempt: .6 %)."""


def of(given: Checkpoint, classes: int) -> Weights:
    """A network's weights, its last layer's columns those of the default labels of `classes` outputs.

    Where the network has more than half of these labels, an emotion that it lacks begins with the mean of its columns,
    and with their mean bias less RARE. Where it has fewer, its last layer is as it was.
    """
    weights, known = by_layer(given.network), [canonical(label) for label in given.labels]
    wanted, last = DEFAULT_LABELS.get(classes, ()), given.network.layers[-1].name
    if 2 * len(set(wanted) & set(known)) > len(wanted):
        heads = [
            name for name, array in weights.items() if name.startswith(f"{last}/") and array.shape[-1] == len(known)
        ]
        weights.update({name: _columns(weights[name], known, wanted) for name in heads})
    return weights


def _columns(array: NDArray[Any], known: Sequence[str], wanted: Sequence[str]) -> NDArray[Any]:
    mean = array.mean(-1) if array.ndim > 1 else array.mean(-1) - RARE
    columns = [array[..., known.index(label)] if label in known else mean for label in wanted]
    return np.stack(columns, axis=-1).astype(array.dtype)


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
        raise TrainingError("no layer of `initial` fits this network; start from one of the same family")
