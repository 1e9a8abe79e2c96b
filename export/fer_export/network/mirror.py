"""A face and its mirror image, averaged: one network, one copy of its weights, twice its multiply-adds.

FER2013's emotions do not tell left from right, so both pictures should give the same answer. Imports keras at module
level because it defines layers: import this module inside functions only.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


class BothSides(keras.layers.Layer):  # type: ignore[misc]
    """Faces [N, S, S, C] -> [2N, S, S, C]: every face, followed by its mirror image.

    A slice with a negative step, not a reversal: every runtime supports it for bytes, and ONNX has it as one op.
    """

    def call(self, faces: Any) -> Any:
        below = ops.concatenate([faces, faces[:, :, ::-1]], axis=1)
        return ops.reshape(below, (-1, *faces.shape[1:]))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (None, *input_shape[1:])


class MeanOfSides(keras.layers.Layer):  # type: ignore[misc]
    """Probabilities [2N, K] of such pairs -> their means [N, K]."""

    def call(self, probabilities: Any) -> Any:
        return ops.mean(ops.reshape(probabilities, (-1, 2, probabilities.shape[-1])), axis=1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (None, *input_shape[1:])


def mirrored(network: keras.Model, faces: Any) -> Any:
    """The network's mean answer to symbolic faces [N, S, S, C] and their mirror images: [N, K]."""
    return MeanOfSides(name="mirror_mean")(network(BothSides(name="mirror")(faces)))
