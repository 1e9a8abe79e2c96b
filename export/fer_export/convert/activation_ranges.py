"""The ranges of a float file's activations on the calibration faces, by their error (see network.ranges).

A few rare extremes are cut off where that makes all steps finer. It helps networks with depthwise convolutions, a
DenseNet and a ResNet; files that are close to Keras anyway keep their extremes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..checkpoint import Checkpoint
from ..errors import ExportFileError
from ..network import best_range
from ..runtimes.op_by_op import Activations

FACES = 100
"""Faces measured."""

VALUES = 4096
"""Values of a tensor that are kept of each face, beside its extremes."""

FEW, MORE = 32, 128
"""Faces by which a file is found to be close enough, and those by which two files are compared."""

FAR, OF_MARGIN = 0.02, 0.04
"""Mean difference from Keras above which ranges by error are tried, a conversion more: in probability, and as a share
of the mean margin between Keras's first two answers. A network that is sure of nothing changes its answer for less."""

Range = tuple[float, float]
Made = TypeVar("Made")


def measured(activations: Activations, images: NDArray[np.uint8], skipped: Container[str] = ()) -> dict[str, Range]:
    """The best range of each op's output, by the names of `Op.output`.

    activations: the float file, opened op by op.
    images: uint8 [N, S, S, C].
    skipped: names of ops that need no range.
    """
    wanted = [position for position, op in enumerate(activations.ops) if op.name not in skipped]
    seen: dict[int, list[NDArray[np.float32]]] = {position: [] for position in wanted}
    for i in np.linspace(0, len(images) - 1, min(FACES, len(images))).astype(int):
        outputs = activations.run(images[i : i + 1])
        for position in wanted:
            flat = outputs[position].reshape(-1)
            drawn = flat[i % max(1, len(flat) // VALUES) :: max(1, len(flat) // VALUES)]
            seen[position].append(np.concatenate([drawn, [flat.min(), flat.max()]]).astype(np.float32))
    return {activations.ops[position].output: best_range(np.concatenate(drawn)) for position, drawn in seen.items()}


def extremes(activations: Activations, images: NDArray[np.uint8], wanted: Container[str]) -> dict[str, Range]:
    """The smallest and the largest value of the ops of these names on all faces, by the names of `Op.output`."""
    found: dict[str, Range] = {}
    for face in range(len(images)):
        for op, values in zip(activations.ops, activations.run(images[face : face + 1]), strict=True):
            if op.name in wanted:
                low, high = found.get(op.output, (math.inf, -math.inf))
                found[op.output] = min(low, float(values.min())), max(high, float(values.max()))
    return found


def chosen(
    make: Callable[[bool], Made],
    run: Callable[[Made, NDArray[np.uint8]], NDArray[np.float32]],
    checkpoint: Checkpoint,
    images: NDArray[np.uint8],
) -> tuple[Made, bool]:
    """An int8 file with the ranges that suit its network, and whether they are those by error.

    make: makes the file with ranges by error (True) or with the extremes.
    run: a file's answers to grey faces, float32 [N, K].
    checkpoint: its network.
    images: calibration faces uint8 [N, S, S, 1].
    """

    def drawn(count: int) -> NDArray[np.uint8]:
        positions = np.linspace(0, len(images) - 1, min(count, len(images))).astype(int)
        return np.asarray(images[positions])

    def apart(file: Made, faces: NDArray[np.uint8], expected: NDArray[np.float32]) -> float:
        try:
            return float(np.abs(run(file, faces) - expected).max(axis=1).mean())
        except ExportFileError:  # the runtime refuses it, as it does some scales
            return math.inf

    plain, few = make(False), drawn(FEW)
    expected = checkpoint.predict(few)
    second, first = np.sort(expected, axis=1)[:, -2:].T
    if apart(plain, few, expected) <= min(FAR, OF_MARGIN * float((first - second).mean())):
        return plain, False
    other, more = make(True), drawn(MORE)
    expected = checkpoint.predict(more)
    return (other, True) if apart(other, more, expected) < apart(plain, more, expected) else (plain, False)
