"""Random changes to training faces: Keras layers, one resampling a picture, the same code on every backend; mixup.

Imports keras at module level because it defines a layer: import this module inside functions only.
"""

from __future__ import annotations

from math import radians
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from ..recipe import Affine, Photometric


class RandomAffine(keras.layers.Layer):  # type: ignore[misc]
    """uint8 [N, S, S, C] -> float32 [N, S, S, C] in 0..1; warped while training, only scaled otherwise.

    Pixels from outside the picture repeat the border ("nearest"), resampling is bilinear.
    """

    def __init__(self, ranges: Affine, seed: int) -> None:
        super().__init__(name="augmentation")
        self.ranges = ranges
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, images: Any, training: bool = False) -> Any:
        pixels = ops.cast(images, "float32") / 255.0
        if not training:
            return pixels
        return ops.image.affine_transform(
            pixels,
            self._transforms(ops.shape(pixels)[0], pixels.shape[1]),
            interpolation="bilinear",
            fill_mode="nearest",
            data_format="channels_last",
        )

    def _transforms(self, count: Any, side: int) -> Any:
        """[count, 8] coefficients that map an output pixel (x, y) to the input, about the picture's centre."""
        ranges = self.ranges
        angle = self._uniform(count, radians(ranges.rotation))
        shear = self._uniform(count, radians(ranges.shear))
        zoom_x = 1.0 + self._uniform(count, ranges.zoom)
        zoom_y = 1.0 + self._uniform(count, ranges.zoom)
        shift_x = self._uniform(count, ranges.shift * side)
        shift_y = self._uniform(count, ranges.shift * side)
        mirror = ops.sign(self._uniform(count, 1.0)) if ranges.flip else ops.ones((count,))
        a = ops.cos(angle) * zoom_x * mirror
        b = -ops.sin(angle + shear) * zoom_y
        c = ops.sin(angle) * zoom_x * mirror
        d = ops.cos(angle + shear) * zoom_y
        centre = (side - 1) / 2.0
        offset_x = centre + shift_x - (a + b) * centre
        offset_y = centre + shift_y - (c + d) * centre
        zero = ops.zeros((count,))
        return ops.stack([a, b, offset_x, c, d, offset_y, zero, zero], axis=1)

    def _uniform(self, count: Any, reach: float) -> Any:
        return keras.random.uniform((count,), -reach, reach, seed=self.seed_generator)


class RandomPhotometric(keras.layers.Layer):  # type: ignore[misc]
    """float32 [N, S, S, C] in 0..1 -> the same; other contrast and brightness, a rectangle erased, while training."""

    def __init__(self, ranges: Photometric, seed: int) -> None:
        super().__init__(name="photometric")
        self.ranges = ranges
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, pixels: Any, training: bool = False) -> Any:
        if not training:
            return pixels
        count, side = ops.shape(pixels)[0], pixels.shape[1]
        contrast = 1.0 + self._uniform((count, 1, 1, 1), -1.0, 1.0) * self.ranges.contrast
        brightness = self._uniform((count, 1, 1, 1), -1.0, 1.0) * self.ranges.brightness
        mean = ops.mean(pixels, axis=(1, 2, 3), keepdims=True)
        pixels = ops.clip((pixels - mean) * contrast + mean + brightness, 0.0, 1.0)
        inside = self._span(count, side)[:, :, None] * self._span(count, side)[:, None, :]
        erased = self._uniform((count, 1, 1), 0.0, 1.0) < self.ranges.erasing
        inside = (inside * ops.cast(erased, "float32"))[..., None]
        noise = self._uniform((count, side, side, 1), 0.0, 1.0)
        return pixels * (1.0 - inside) + noise * inside

    def _span(self, count: Any, side: int) -> Any:
        """[count, side]: 1 inside a random stretch of 1/8 to 1/2 of the side, 0 elsewhere."""
        length = self._uniform((count, 1), side / 8, side / 2)
        start = self._uniform((count, 1), 0.0, 1.0) * (side - length)
        place = ops.arange(side, dtype="float32")[None]
        return ops.cast(ops.logical_and(place >= start, place < start + length), "float32")

    def _uniform(self, shape: Any, low: float, high: float) -> Any:
        return keras.random.uniform(shape, low, high, seed=self.seed_generator)


def mixed(
    images: NDArray[np.uint8], targets: NDArray[np.float32], alpha: float, random: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """images uint8 [N, S, S, C] and targets float32 [N, K], each with those of a partner drawn without repetition.

    Mixup (Zhang et al. 2018, "mixup: Beyond empirical risk minimization"), before a face and its partner are augmented,
    so that both are turned and shifted alike. A face's own part is drawn from Beta(alpha, alpha) and is at least one
    half, so that it remains the face it was.
    """
    partner = random.permutation(len(images))
    own = random.beta(alpha, alpha, len(images)).astype(np.float32)
    own = np.maximum(own, 1 - own)
    part = own[:, None, None, None]
    blended = np.rint(part * images + (1 - part) * images[partner]).astype(np.uint8)
    return blended, own[:, None] * targets + (1 - own[:, None]) * targets[partner]
