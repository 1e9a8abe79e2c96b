"""Teachers that see each face as the student does: altered, differently in every epoch.

A teacher mostly repeats the label of a face that it was trained on; for the same face turned, moved and mixed with
another it gives its own answer (Beyer et al. 2022, "Knowledge distillation: A good teacher is patient and consistent").
Imports keras at module level because it defines a model: import this module inside functions only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from ...checkpoint import Checkpoint
from .soft_targets import check_teacher, columns


class Student(keras.Model):  # type: ignore[misc]
    """A network behind its augmentation, uint8 [N, S, S, 1] -> probabilities [N, K].

    While it trains, `weight` (0..1) of its targets is the mean of the teachers' answers to the augmented faces. They
    compute in `dtype`, a Keras dtype policy, which their networks are set to, and are not trained. Raises UsageError
    where a teacher knows fewer emotions than `labels` or takes faces of another size.
    """

    def __init__(
        self,
        augmentation: Sequence[keras.layers.Layer],
        network: keras.Model,
        teachers: Sequence[Checkpoint],
        labels: Sequence[str],
        weight: float,
        dtype: str,
    ) -> None:
        super().__init__(name="student")
        self.augmentation, self.network, self.weight = list(augmentation), network, weight
        self.teachers = [Teacher(teacher, labels, network.input_shape[1], dtype) for teacher in teachers]
        self.answers: Any = None
        self.build((None, *network.input_shape[1:]))

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.built = True

    def call(self, images: Any, training: bool = False) -> Any:
        for layer in self.augmentation:
            images = layer(images, training=training)
        if training:
            self.answers = ops.stop_gradient(ops.mean([teacher(images) for teacher in self.teachers], axis=0))
        return self.network(images, training=training)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        if training:
            y = (1.0 - self.weight) * y + self.weight * self.answers
        return super().compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training)


class Teacher(keras.layers.Layer):  # type: ignore[misc]
    """A trained network's answer to pixels float32 [N, S, S, 1] in 0..1: float32 [N, K], of `labels` alone."""

    def __init__(self, given: Checkpoint, labels: Sequence[str], size: int, dtype: str) -> None:
        super().__init__(name=f"teacher_{given.sha256[:12]}", trainable=False)
        check_teacher(given, labels, size)
        self.network, self.channels, self.columns = given.network, given.channels, columns(given, labels)
        self.network.trainable = False
        self.scale, self.shift = given.scale_and_shift
        _compute_in(dtype, self.network.layers[:-1])
        self.built = True

    def call(self, pixels: Any) -> Any:
        scaled = pixels * (255.0 * self.scale) + self.shift
        probabilities = self.network(ops.repeat(scaled, self.channels, axis=-1), training=False)
        chosen = ops.take(ops.cast(probabilities, "float32"), self.columns, axis=1)
        return chosen / ops.maximum(ops.sum(chosen, axis=1, keepdims=True), 1e-12)


def _compute_in(dtype: str, layers: Sequence[keras.layers.Layer]) -> None:
    """Set the policy of layers and of those inside them, except for code that others wrote for float32."""
    for layer in layers:
        if isinstance(layer, keras.Model):
            _compute_in(dtype, layer.layers)
        elif not isinstance(layer, keras.layers.TFSMLayer | keras.layers.Lambda):
            layer.dtype_policy = keras.dtype_policies.get(dtype)
