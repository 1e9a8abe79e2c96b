"""A network that computes with the steps of its int8 file while it is trained.

Jacob et al. (2018), arXiv:1712.05877, and Nagel et al. (2021), arXiv:2106.08295, chapter 4: in the forward pass kernels
and activations take only values that int8 can hold, gradients pass the rounding as if it were not there. Batch norms
keep what they know, as they will be folded into the kernels: one factor per channel does not move a kernel's int8
steps.

Imports keras at module level because it defines layers: import this module inside functions only.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import activations, layers, ops
from keras.quantizers import fake_quant_with_min_max_vars
from numpy.typing import NDArray

BATCH = 64
LINEAR = (layers.Conv2D, layers.Dense)
FUSED = (layers.BatchNormalization, layers.ReLU)
"""What a converter folds into the layer before it, where that has no activation of its own."""
PASSED = (layers.InputLayer, layers.MaxPooling2D, layers.Flatten, layers.Dropout)
"""Layers that only select among their inputs."""


class SteppedKernel(layers.Layer):  # type: ignore[misc]
    """A convolution or dense layer with its kernel on 255 symmetric steps per channel.

    It shares the layer's weights.
    """

    def __init__(self, linear: layers.Layer) -> None:
        super().__init__(name=f"{linear.name}_stepped")
        self.linear = linear

    def build(self, shape: Any) -> None:
        """Nothing: the layer was built with its network."""

    def call(self, x: Any) -> Any:
        linear, kernel = self.linear, self.linear.kernel
        reach = ops.stop_gradient(ops.max(ops.abs(kernel), axis=tuple(range(len(kernel.shape) - 1))))
        kernel = fake_quant_with_min_max_vars(kernel, -reach, reach, narrow_range=True, axis=-1)
        if isinstance(linear, layers.Dense):
            x = ops.matmul(x, kernel)
        else:
            x = ops.conv(x, kernel, list(linear.strides), linear.padding, linear.data_format, linear.dilation_rate)
        return linear.activation(x + linear.bias if linear.use_bias else x)


class Stepped(layers.Layer):  # type: ignore[misc]
    """Values on 256 steps between two fixed ends, which `measure` sets; 0 is one of them."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name)
        self.low = self.add_weight(shape=(), initializer="zeros", trainable=False, name="low")
        self.high = self.add_weight(shape=(), initializer="ones", trainable=False, name="high")

    def call(self, x: Any) -> Any:
        return fake_quant_with_min_max_vars(x, self.low, self.high)


def stepped(network: keras.Model) -> keras.Model:
    """A functional network over the same weights that computes in int8's steps; its batch norms are not trained.

    network: of the layers that `networks.build` uses.

    The probabilities at its end are not rounded.
    """
    last = network.layers[-1]

    def layer_of(layer: layers.Layer) -> layers.Layer:
        layer.trainable = not isinstance(layer, layers.BatchNormalization)
        return layer

    def call(layer: layers.Layer, *inputs: Any, **options: Any) -> Any:
        given = SteppedKernel(layer)(*inputs) if isinstance(layer, LINEAR) else layer(*inputs, **options)
        return given if layer is last or not _writes(layer) else Stepped(_name(layer))(given)

    return keras.models.clone_model(network, clone_function=layer_of, call_function=call)


def measure(network: keras.Model, aware: keras.Model, images: NDArray[np.uint8]) -> None:
    """Set the ends of every step to the least and largest value that the float network has on uint8 [N, S, S, C]."""
    written = [layer for layer in network.layers[:-1] if _writes(layer)]
    observed = keras.Model(network.input, [layer._inbound_nodes[0].output_tensors[0] for layer in written])
    ends = np.zeros((len(written), 2), np.float32)
    for start in range(0, len(images), BATCH):
        values = observed(images[start : start + BATCH].astype(np.float32) / np.float32(255), training=False)
        for end, value in zip(ends, values if isinstance(values, list) else [values], strict=True):
            end[0] = min(end[0], float(ops.min(value)))
            end[1] = max(end[1], float(ops.max(value)))
    for layer, (low, high) in zip(written, ends, strict=True):
        steps = aware.get_layer(_name(layer))
        steps.low.assign(low)
        steps.high.assign(max(high, low + 1e-6))


def _writes(layer: layers.Layer) -> bool:
    """Whether the int8 file holds this layer's result as a tensor of its own steps."""
    if isinstance(layer, PASSED):
        return False
    linear = getattr(layer, "activation", activations.linear) is activations.linear
    return not (linear and all(isinstance(node.operation, FUSED) for node in layer._outbound_nodes))


def _name(layer: layers.Layer) -> str:
    return f"{layer.name}_steps"
