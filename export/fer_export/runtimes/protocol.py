"""The interface of every runtime, and what all of them need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import ExportFileError
from ..photo import Frame

OnFace = Callable[[int, int], None]
"""Called with the number of faces done and the number of faces."""


class Runtime(Protocol):
    """A network or an exported file, loaded and ready; a context manager.

    name: a word of `--runtime`.
    version: version of the runtime's package.
    threads: how many threads a single face may use.
    input_shape: [1, S, S, C]; [1, -1, -1, 3] for a frame file, which has `run_frames` instead of `run`.
    """

    name: str
    version: str
    threads: int
    input_shape: tuple[int, ...]
    takes_frames: bool = False

    @property
    def kernels(self) -> str:
        """The code that does the arithmetic, as the loaded runtime reports it."""
        ...

    def run(self, images: NDArray[np.uint8], on_face: OnFace = lambda done, total: None) -> NDArray[np.float32]:
        """uint8 [N, S, S, C] -> float32 probabilities [N, K] in the order of the file's labels.

        Raises ExportFileError when the file does not take such pictures or fails on one.
        """
        ...

    def run_frames(self, frames: Sequence[Frame], on_face: OnFace = lambda done, total: None) -> NDArray[np.float32]:
        """Pictures of any size with a box each -> float32 probabilities [N, K]; each frame is asked for once.

        Raises ExportFileError when the file takes faces instead, or fails on a frame.
        """
        raise ExportFileError(
            "the file takes face crops, not whole pictures; export one that does with `input_kind='frame'`"
        )

    def close(self) -> None:
        """Release what the runtime holds; closing twice does nothing."""
        return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def check_pictures(images: NDArray[np.uint8], shape: tuple[int, ...]) -> None:
    """Raise ExportFileError unless images [N, ...] fit a file's input shape [1, ...]."""
    if -1 in shape[1:]:
        raise ExportFileError(
            "the file takes whole pictures with a box, not face crops; export one for crops with `input_kind='gray'`"
        )
    if images.shape[1:] != shape[1:]:
        raise ExportFileError(
            f"the file takes pictures {list(shape[1:])} and was given {list(images.shape[1:])}; "
            "name the network it was made from with `network`"
        )


def check_frame(frame: Frame) -> None:
    """Raise ExportFileError unless the picture is uint8 [H, W, 3] with at least one pixel."""
    photo = frame.photo
    if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or 0 in photo.shape:
        raise ExportFileError(
            f"the file takes pictures uint8 [H, W, 3], not {photo.dtype} {list(photo.shape)}; convert it to RGB"
        )
