"""Face crops as a phone passes them: square grey pictures of the network's size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def fit(pixels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Resize faces uint8 [N, S, S, 1] to [N, size, size, 1], bilinear (Pillow); faces of that size are kept."""
    if pixels.shape[1:3] == (size, size):
        return pixels
    from PIL import Image

    resized = [
        np.asarray(Image.fromarray(face[..., 0]).resize((size, size), Image.Resampling.BILINEAR)) for face in pixels
    ]
    return np.stack(resized)[..., None] if resized else np.zeros((0, size, size, 1), np.uint8)


def batch_of(count: int, size: int) -> int:
    """How many pictures of this side hold as many pixels as `count` of 48x48, so that batches need as much memory."""
    return max(1, min(count, count * 48**2 // size**2))


def as_input(images: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    """Grey faces [N, S, S, 1] for an input of 1 or 3 channels; RGB repeats the grey, whose luma it then is."""
    return images if images.shape[-1] == channels else np.repeat(images, channels, axis=-1)
