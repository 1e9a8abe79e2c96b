"""Layers that replace batch norms when a network is copied.

Imports keras at module level because it defines layers: import this module inside functions only. Their `call` takes
    the mask that a copied graph still passes to a former batch norm.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray


def scale_and_shift(norm: keras.layers.BatchNormalization) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The batch norm at inference as x * scale + shift, both float64 [C]."""
    mean, variance = _array(norm.moving_mean), _array(norm.moving_variance)
    gamma = _array(norm.gamma) if norm.scale else np.ones_like(mean)
    beta = _array(norm.beta) if norm.center else np.zeros_like(mean)
    scale = gamma / np.sqrt(variance + norm.epsilon)
    return scale, beta - mean * scale


class Absorbed(keras.layers.Layer):  # type: ignore[misc]
    """A batch norm that was folded into its predecessor's weights."""

    def call(self, x: Any, training: bool = False, mask: Any = None) -> Any:
        return x


class ChannelScale(keras.layers.DepthwiseConv2D):  # type: ignore[misc]
    """A batch norm as a 1x1 depthwise convolution: float32 [N, H, W, C], or [N, C] taken as 1x1 pictures."""

    def __init__(self, norm: keras.layers.BatchNormalization) -> None:
        super().__init__(1, name=norm.name)
        self.input_spec = None  # a convolution's asks for rank 4

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build((None, 1, 1, input_shape[-1]))
        self.input_spec = None

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape

    def call(self, x: Any, training: bool = False, mask: Any = None) -> Any:
        if len(x.shape) == 4:
            return super().call(x)
        # Through a reshape TensorFlow's converter moves the bias into the dense layer behind it. A channel of -1 that
        # is multiplied by 300 then reaches its 8-bit weights as -300, and not as the small number that it is.
        return ops.squeeze(super().call(x[:, None, None, :]), (1, 2))

    def take(self, norm: keras.layers.BatchNormalization) -> None:
        """Compute what the batch norm computed."""
        scale, shift = scale_and_shift(norm)
        self.set_weights([scale.reshape(1, 1, -1, 1).astype("float32"), shift.astype("float32")])


class StatisticsGap(keras.layers.Layer):  # type: ignore[misc]
    """The batch norm at inference, which adds as a loss how far the batch is from the stored statistics.

    The distances of mean and deviation are counted in stored deviations, squared and averaged over channels.
    """

    def __init__(self, norm: keras.layers.BatchNormalization) -> None:
        super().__init__(name=norm.name)
        self.factor, self.shift = (array.astype("float32") for array in scale_and_shift(norm))
        self.mean = _array(norm.moving_mean).astype("float32")
        self.deviation = np.sqrt(_array(norm.moving_variance) + norm.epsilon).astype("float32")

    def call(self, x: Any, training: bool = False, mask: Any = None) -> Any:
        mean, variance = ops.moments(x, axes=list(range(len(x.shape) - 1)))
        off = ops.square((mean - self.mean) / self.deviation)
        spread = ops.square(ops.sqrt(variance + 1e-6) / self.deviation - 1.0)
        self.add_loss(ops.mean(off) + ops.mean(spread))
        return x * self.factor + self.shift


def _array(variable: Any) -> NDArray[np.float64]:
    return np.asarray(variable.numpy(), dtype="float64")
