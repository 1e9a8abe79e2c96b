"""A narrower network with the strongest channels of a trained one, to train on from (structured pruning).

    python -m benchmarks.training.pruned compact-7 slim pruned.keras
    fer-export train --network slim --initial pruned.keras --teacher compact-7 --data fer2013.csv --output run

Both are residual networks of `fer-export train`. All convolutions of a stage write to the same channels, so these are
chosen together: the ones whose convolutions, with their batch norms folded in, have the largest squares (magnitude
pruning: Li et al. 2017, arXiv:1608.08710). The classes stay the trained network's.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from fer_export.checkpoint import checkpoint
from fer_export.training import networks

Channels = NDArray[np.intp]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("trained", help="name or path of the wider network")
    parser.add_argument("narrower", help="network of `fer-export train`")
    parser.add_argument("output", type=Path, help="file to write (.keras)")
    given = parser.parse_args()
    trained = checkpoint.load(given.trained)
    pruned(trained.network, networks.build(given.narrower, len(trained.labels))).save(given.output)


def pruned(trained: keras.Model, narrower: keras.Model) -> keras.Model:
    """`narrower` with the weights of the strongest channels of `trained`, whose convolutions have the same names."""
    kept: dict[str, Channels] = {}
    before, inputs = "", np.arange(1)
    for layer in narrower.layers:
        if isinstance(layer, keras.layers.Conv2D):
            stage = layer.name.split("_")[0]
            inputs = kept[before] if before else inputs
            outputs = kept.setdefault(stage, strongest(trained, stage, layer.filters))
            [kernel] = trained.get_layer(layer.name).get_weights()
            layer.set_weights([kernel[:, :, inputs][..., outputs]])
            before = stage
        elif isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([weight[kept[before]] for weight in trained.get_layer(layer.name).get_weights()])
        elif isinstance(layer, keras.layers.Dense):
            kernel, bias = trained.get_layer(layer.name).get_weights()
            layer.set_weights([kernel[kept[before]], bias])
    return narrower


def strongest(network: keras.Model, stage: str, count: int) -> Channels:
    """The `count` channels of a stage that its convolutions write to most, in their order."""
    strength = sum(
        squares(network, layer)
        for layer in network.layers
        if isinstance(layer, keras.layers.Conv2D) and layer.name.split("_")[0] == stage
    )
    return np.sort(np.argsort(strength)[-count:])


def squares(network: keras.Model, convolution: keras.layers.Conv2D) -> NDArray[np.float32]:
    """The sum of the squares of a convolution's kernel and its batch norm, for each output channel."""
    norm = network.get_layer(convolution.name.replace("_conv", "_norm"))
    gamma, _, _, variance = norm.get_weights()
    [kernel] = convolution.get_weights()
    folded = kernel * (gamma / np.sqrt(variance + norm.epsilon))
    return np.asarray((folded**2).sum((0, 1, 2)))


if __name__ == "__main__":
    main()
