"""The ranges of a float file's activations on the calibration faces, by their error (see network.ranges)."""

from __future__ import annotations

from collections.abc import Container

import numpy as np
from numpy.typing import NDArray

from ..network import best_range
from ..runtimes.op_by_op import Activations

FACES = 100
"""Faces measured."""

VALUES = 4096
"""Values of a tensor that are kept of each face, beside its extremes."""

Range = tuple[float, float]


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
