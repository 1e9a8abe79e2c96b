"""What the phone must hand to an exported file and what it gets back, as data.

The same document is embedded in every file (`contract.json`) and read by apps; these constants stand
nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

INPUT_NAME = "image"
OUTPUT_NAME = "probabilities"
LUMA = (0.299, 0.587, 0.114)
"""ITU-R BT.601 weights of R, G, B: what Pillow's convert("L") and Android's grey conversions use."""

VERSION = 1


@dataclass(frozen=True)
class Contract:
    """One exported file's tensors.

    input_shape: [1, S, S, 1] grey or [1, S, S, 3] RGB, values 0..255 in the order rows, columns, channels
    (int8 files take value - 128). output_shape: [1, K], probabilities in the order of `labels`.
    labels_source says where the label order comes from. float_layers: layers of an int8 file that compute in float.
    """

    model: str
    precision: str
    input_kind: str
    input_shape: tuple[int, int, int, int]
    input_type: str
    output_shape: tuple[int, int]
    output_type: str
    labels: tuple[str, ...]
    labels_source: str
    checkpoint_sha256: str
    luma: tuple[float, float, float] = LUMA
    input_name: str = INPUT_NAME
    output_name: str = OUTPUT_NAME
    version: int = VERSION
    float_layers: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe; float_layers is there only where there are any."""
        document = asdict(self)
        return document if self.float_layers else {k: v for k, v in document.items() if k != "float_layers"}


def channels(input_kind: str) -> int:
    """1 for `gray`, 3 for `rgb`."""
    return 3 if input_kind == "rgb" else 1


def io_types(io: str | None) -> tuple[str, str]:
    """Input and output type of a file: uint8 in and float32 out, unless `--io` overrides both."""
    return (io, io) if io else ("uint8", "float32")


def describe(labels: Sequence[str], input_kind: str, size: int) -> str:
    """One sentence for the file's own description field."""
    picture = "RGB" if input_kind == "rgb" else "grey"
    return (
        f"Facial emotion from a {size}x{size} {picture} face crop, bytes 0-255; probabilities of {', '.join(labels)}."
    )
