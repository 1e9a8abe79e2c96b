"""The scalings that networks are trained on: bytes 0..255 to what the first layer takes.

`unit`, `signed` and `raw` are simple; `caffe` and `torch` are the modes of keras.applications' preprocess_input, for
RGB networks. The other channel order has a name of its own: OpenCV reads pictures as BGR, and caffe is BGR by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

_CAFFE_BGR: tuple[float, ...] = (103.939, 116.779, 123.68)
_TORCH_MEAN: tuple[float, ...] = (0.485, 0.456, 0.406)
_TORCH_DEVIATION: tuple[float, ...] = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Scaling:
    """How bytes become a network's input: byte * scale + shift, channel by channel."""

    scale: tuple[float, ...]
    """Factor of a byte: one for all channels, or three, one a channel of the network's input."""
    shift: tuple[float, ...]
    """What is added to the product, as many."""
    formula: str
    """The same for people, with x for the byte."""
    bgr: bool = False
    """Whether the first channel is blue."""

    @property
    def rgb_only(self) -> bool:
        """Whether it makes no sense for a grey network."""
        return self.bgr or len(self.shift) > 1


def _torch(bgr: bool) -> Scaling:
    order = slice(None, None, -1 if bgr else 1)
    mean, deviation = _TORCH_MEAN[order], _TORCH_DEVIATION[order]
    scale = tuple(1 / 255 / each for each in deviation)
    shift = tuple(-middle / each for middle, each in zip(mean, deviation, strict=True))
    return Scaling(scale, shift, "(x / 255 - mean) / deviation of ImageNet" + ", BGR" * bgr, bgr)


def _caffe(bgr: bool) -> Scaling:
    shift = tuple(-mean for mean in _CAFFE_BGR[:: 1 if bgr else -1])
    return Scaling((1.0, 1.0, 1.0), shift, f"x - mean of ImageNet, {'BGR' if bgr else 'RGB'}", bgr)


SCALINGS: dict[str, Scaling] = {
    "unit": Scaling((1 / 255,), (0.0,), "x / 255"),
    "signed": Scaling((1 / 127.5,), (-1.0,), "x / 127.5 - 1"),
    "raw": Scaling((1.0,), (0.0,), "the bytes themselves"),
    "caffe": _caffe(True),
    "torch": _torch(False),
    "unit-bgr": Scaling((1 / 255,), (0.0,), "x / 255, BGR", True),
    "signed-bgr": Scaling((1 / 127.5,), (-1.0,), "x / 127.5 - 1, BGR", True),
    "raw-bgr": Scaling((1.0,), (0.0,), "the bytes themselves, BGR", True),
    "caffe-rgb": _caffe(False),
    "torch-bgr": _torch(True),
}
"""What a network expects, by name."""

TOLD_APART_BY_GREY = ("unit", "signed", "raw", "caffe", "torch", "caffe-rgb", "torch-bgr")
"""Those that grey faces tell apart: where the three channels are scaled alike, RGB and BGR give the same answers."""
