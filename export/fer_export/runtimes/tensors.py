"""The inputs and the output of a .tflite classifier, and the kernels that compute it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ExportFileError
from ..model_file import TensorSummary, tflite
from ..photo import Frame
from .protocol import check_frame, check_pictures

Op = tuple[str, Sequence[int], Sequence[int]]
"""Name, input tensors and output tensors of a node."""

BOX = (4,), "int32"
"""Shape and type of a frame file's second input."""

_DELEGATE = "DELEGATE"


@dataclass(frozen=True)
class Tensors:
    """The inputs and the output of an exported file, and how they store bytes and probabilities."""

    image: TensorSummary
    """The picture."""

    probabilities: TensorSummary
    """The output."""

    box: TensorSummary | None = None
    """The second input of a frame file; None in other files."""

    @classmethod
    def of(cls, model: bytes) -> Tensors:
        """Read them from a .tflite file.

        Raises ExportFileError when it is not a TFLite model, or not a classifier of one picture.
        """
        summary = tflite.inspect(model)
        box = next((end for end in summary.inputs if (end.shape, end.dtype) == BOX), None)
        images = [end for end in summary.inputs if end is not box]
        if len(images) != 1 or len(summary.outputs) != 1:
            raise ExportFileError(
                f"the file has {len(summary.inputs)} inputs and {len(summary.outputs)} outputs; "
                "pass an emotion classifier with one input and one output"
            )
        image, probabilities = images[0], summary.outputs[0]
        if image.dtype not in ("uint8", "int8", "float32") or len(image.shape) != 4 or image.shape[0] not in (1, -1):
            raise ExportFileError(
                f"the file's input is {image.dtype} {list(image.shape)}; "
                "pass one with float32, uint8 or int8 [1, S, S, C]"
            )
        quantised = probabilities.dtype in ("uint8", "int8") and probabilities.scale is not None
        if not (quantised or probabilities.dtype == "float32") or len(probabilities.shape) != 2:
            raise ExportFileError(
                f"the file's output is {probabilities.dtype} {list(probabilities.shape)}; "
                "pass one with float32 or quantised probabilities [1, K]"
            )
        return cls(image, probabilities, box)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """[1, S, S, C]; a free batch is 1, another free size -1."""
        return (1, *self.image.shape[1:])

    def encode(self, images: NDArray[np.uint8]) -> NDArray[Any]:
        """uint8 [N, S, S, C] -> the same faces in the type of the input; raises ExportFileError on other shapes."""
        check_pictures(images, self.input_shape)
        if self.image.dtype == "int8":
            # Flipping the top bit subtracts 128.
            return (images ^ 0x80).view(np.int8)
        return np.ascontiguousarray(images, dtype=self.image.dtype)

    def encode_frame(self, frame: Frame) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
        """A picture [1, H, W, 3] and its box [4]; raises ExportFileError for a picture of another kind."""
        check_frame(frame)
        return np.ascontiguousarray(frame.photo[None]), frame.clamped

    def stored(self, count: int) -> NDArray[Any]:
        """Room for the outputs of that many faces, [count, K] in the type of the output."""
        return np.zeros((count, self.probabilities.shape[-1]), self.probabilities.dtype)

    def decode(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """Stored outputs [N, K] -> float32 probabilities [N, K]."""
        scale, zero = self.probabilities.scale, self.probabilities.zero_point
        if stored.dtype == np.float32 or scale is None or zero is None:
            return stored.astype(np.float32, copy=False)
        return (np.float32(scale) * (stored.astype(np.int32) - zero)).astype(np.float32)


def kernels_of(ops: Iterable[Op], output: int) -> str:
    """What computes a tensor: XNNPACK, TFLite's builtin kernels, or both, with the ops left to the latter.

    ops: every node of an interpreter that is ready to run.

    The nodes that XNNPACK took over are still among them; its replacement comes after them as DELEGATE, so the last
    writer of a tensor counts.
    """
    makers = {tensor: (name, inputs) for name, inputs, outputs in ops for tensor in outputs}
    names, wanted, seen = set(), [output], set()
    while wanted:
        tensor = wanted.pop()
        if tensor in makers and tensor not in seen:
            seen.add(tensor)
            names.add(makers[tensor][0])
            wanted.extend(makers[tensor][1])
    builtin = ", ".join(sorted(names - {_DELEGATE}))
    if _DELEGATE not in names:
        return "builtin kernels"
    return f"XNNPACK, builtin kernels for {builtin}" if builtin else "XNNPACK"
