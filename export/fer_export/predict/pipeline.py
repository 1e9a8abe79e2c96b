"""The whole pipeline: photo -> faces -> emotions, as the photo contract says and as an app computes it."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..bundle import Bundle, is_bundle
from ..checkpoint import DEFAULT_MODEL, Checkpoint, labels, load, shipped_folder, shipped_shares
from ..contract import FrameRule, PhotoContract, contract_for, exported
from ..dataset import as_input
from ..errors import CheckpointError, ExportFileError, PhotoError, UsageError
from ..harmless import file_name
from ..model_file import inspect as modelfile
from ..model_file import read_file
from ..network import EQUAL, TRAINED, Prior, choose
from ..photo import Detector, Frame, crop
from ..photo import read as photo
from ..runtimes import KerasRuntime, Runtime, open_runtime
from ..system import OnStep, files, silent
from .results import PhotoResult, PhotoResults, Prediction

EXPORTED = tuple(row.suffix for row in exported())
"""Suffixes of exported files; any other network runs in Keras."""


@dataclass(frozen=True)
class Parts:
    """What a pipeline is put together from."""

    contract: PhotoContract
    """What is done to a photo; its labels and size are the network's."""

    runtime: Runtime
    """The network."""

    model: str
    """What the network is called."""

    detectors: Path | None = None
    """Folder of the detector files; None for those of the installed package."""

    assumed: str = ""
    """Which of labels and scaling are assumptions; empty for none."""

    prior: Prior | None = None
    """Applied to the answers; None for those of the network as it is."""


class Pipeline:
    """A photo to faces to emotions: detectors, crop and network, loaded. `fer-export predict`.

    network: what `load` returned, a shipped name, or the path of a network, of an exported file or of a bundle's
        folder; or the parts themselves.
    prior: shares of the emotions that the answers assume: `trained`, `equal`, or a JSON file with one for each label.
        `equal` leaves a network as it is whose trained shares nobody knows, and exported files as they were exported.

    Close it, or use it as a context manager.

    Raises what loading the network raises, and UsageError for a prior that cannot be assumed.
    """

    def __init__(self, network: Checkpoint | str | Path | Parts | None = None, *, prior: str | Path = EQUAL) -> None:
        parts = network if isinstance(network, Parts) else _parts(network, prior)
        self.contract, self.runtime, self.model = parts.contract, parts.runtime, parts.model
        self.assumed, self.prior = parts.assumed, parts.prior
        self._detectors, self._detector = parts.detectors, Detector(parts.contract, parts.detectors)

    @property
    def said_of_prior(self) -> str:
        """Which shares of the emotions the answers assume; empty for those of the training faces."""
        return self.prior.said if self.prior else ""

    def limit(self, min_score: float | None = None, min_size: int | None = None) -> None:
        """Replace the contract's least score (0..1) and least longer side in pixels of a face, where one is given."""
        rule = self.contract.merge
        if min_score is not None:
            rule = replace(rule, score=math.ceil(round(1000 * min_score, 6)))
        if min_size is not None:
            rule = replace(rule, size=min_size)
        if rule != self.contract.merge:
            self.contract = replace(self.contract, merge=rule)
            self._detector = Detector(self.contract, self._detectors)

    def spread(self, threads: int) -> None:
        """Look for the faces of each photo on so many threads, which changes none of them."""
        self._detector.spread(threads)

    @classmethod
    def of_file(
        cls, path: Path | None = None, names: str | Sequence[str] | None = None, *, prior: str | Path = EQUAL
    ) -> Pipeline:
        """With an exported .tflite or .onnx file for grey, RGB or frame input.

        path: the file; None for the default network's, which is shipped.
        names: labels in the order of the outputs, where the file's own are missing or wrong.
        prior: as for the class.

        Raises ExportFileError for a file that cannot be read or run, CheckpointError for labels that do not fit,
        UsageError for a prior that cannot be assumed.
        """
        if path is None:
            return cls(_default(names, prior))
        _check_folded(prior)
        return cls(_of_file(path, names))

    @classmethod
    def of_bundle(cls, folder: Path, *, prior: str | Path = EQUAL) -> Pipeline:
        """With the contract, the detectors and the default file of a bundle; raises BundleError for a damaged one."""
        _check_folded(prior)
        return cls(_of_bundle(folder))

    def analyse(self, picture: str | Path | NDArray[np.uint8]) -> tuple[Prediction, ...]:
        """The faces of a photo, the largest first, and their emotions; () without a face.

        picture: the path of a photo, or its upright pixels uint8 [H, W, 3].

        Raises PhotoError for a photo that cannot be read.
        """
        return self.predict(photo.read(Path(picture)) if isinstance(picture, str | Path) else picture)

    def predict(self, picture: NDArray[np.uint8]) -> tuple[Prediction, ...]:
        """The faces of an upright photo uint8 [H, W, 3], the surest first, and their emotions; () without a face."""
        faces = self._detector.faces(picture)
        if not faces:
            return ()
        gray = np.stack([crop.face(picture, face.box, self.contract) for face in faces])
        if self.runtime.takes_frames:
            probabilities = self.runtime.run_frames([Frame(picture, face.box) for face in faces])
        else:
            probabilities = self.runtime.run(as_input(gray, self.runtime.input_shape[-1]))
        if self.prior is not None:
            probabilities = self.prior.applied(probabilities, self.contract.labels)
        height, width = picture.shape[:2]
        squares = [crop.square(face.box, width, height, self.contract.crop) for face in faces]
        found = zip(faces, squares, gray, probabilities, strict=True)
        return tuple(Prediction(*each, self.contract.labels) for each in found)

    def predict_files(
        self,
        paths: Sequence[Path],
        *,
        annotate: Path | None = None,
        on_step: OnStep = silent,
    ) -> PhotoResults:
        """The faces of many photos; one that cannot be read becomes a result with its error, and the next follows.

        paths: the photos.
        annotate: a .png to draw the result into; with several photos each has its own beside it (`picture_paths`).
        on_step: called with the task, the steps done and the number of steps.

        Raises UsageError for another suffix, OutputError when a picture cannot be written.
        """
        pictures = picture_paths(paths, annotate) if annotate else [None] * len(paths)
        results = []
        for done, (path, picture) in enumerate(zip(paths, pictures, strict=True)):
            on_step("looking for faces", done, len(paths))
            results.append(self.predict_file(path, picture))
        return PhotoResults(
            self.model, f"{self.runtime.name} {self.runtime.version}", tuple(results), self.assumed, self.said_of_prior
        )

    def close(self) -> None:
        """Release the network's runtime."""
        self.runtime.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def predict_file(
        self, path: Path, picture: Path | None = None, crops: Path | None = None, *, largest: bool = False
    ) -> PhotoResult:
        """The faces of one photo; a result with its error where it cannot be read.

        picture: where the annotated picture goes.
        crops: where the faces' crops go: a folder and the beginning of their names.
        largest: keep only the largest face.
        """
        try:
            found = photo.read_photo(path)
        except PhotoError as error:
            return PhotoResult(path, error=str(error))
        pixels = found.pixels
        predictions = self.predict(pixels)
        if largest and predictions:
            predictions = (max(predictions, key=lambda each: each.face.box.area),)
        if crops:
            write_crops(pixels, predictions, crops)
        if picture:
            from .annotate import annotated

            files.write_whole(picture, annotated(pixels, predictions))
        return PhotoResult(path, pixels.shape[1], pixels.shape[0], predictions, picture, caution=found.caution)


def write_crops(pixels: NDArray[np.uint8], predictions: Sequence[Prediction], place: Path) -> tuple[Path, ...]:
    """Write the square of each face in colour: `out/anna` gives `out/anna-1-happy.png` and so on."""
    from PIL import Image

    written = []
    for number, each in enumerate(predictions, 1):
        left, top, side = each.square.left, each.square.top, each.square.side
        buffer = io.BytesIO()
        Image.fromarray(pixels[top : top + side, left : left + side]).save(buffer, format="PNG")
        path = place.with_name(f"{place.name}-{number}-{each.emotion}.png")
        files.write_whole(path, buffer.getvalue())
        written.append(path)
    return tuple(written)


def picture_paths(photos: Sequence[Path], picture: Path) -> list[Path]:
    """Where the annotated pictures go: `picture` for one photo; for several, its name with each photo's before .png.

    faces.png gives faces-anna.png for anna.jpg, and faces-anna-2.png for a second photo called anna. Raises UsageError
    for a name that does not end in .png or is a photo's, OutputError where nothing can be written.
    """
    if picture.suffix.lower() != ".png":
        raise UsageError(f"the annotated picture {picture} is written as PNG; pass a name that ends in .png")
    paths: list[Path] = []
    for photo_path in photos:
        stem, count = f"{picture.stem}-{file_name(photo_path.stem)}" if len(photos) > 1 else picture.stem, 1
        path = picture.with_stem(stem)
        while path in paths:
            count += 1
            path = picture.with_stem(f"{stem}-{count}")
        paths.append(path)
    replaced = {path.resolve() for path in paths} & {path.resolve() for path in photos}
    if replaced:
        raise UsageError(f"the annotated picture would replace the photo {min(replaced)}; pass another name")
    files.check_writable(picture.parent)
    return paths


def _parts(network: Checkpoint | str | Path | None, prior: str | Path) -> Parts:
    """The parts for a loaded network, a shipped name, or the path of a network, an exported file or a bundle.

    None is the shipped int8 file of the default network.
    """
    if network is None:
        return _default(None, prior)
    if isinstance(network, Checkpoint):
        contract = contract_for(network.labels, network.size)
        chosen = None if network.prior is not None else _chosen(prior, network.labels, network.trained_shares)
        return Parts(contract, KerasRuntime(network), network.name, assumed=network.assumed, prior=chosen)
    if str(network).lower().endswith(EXPORTED):
        _check_folded(prior)
        return _of_file(Path(network))
    if is_bundle(Path(network)):
        _check_folded(prior)
        return _of_bundle(Path(network))
    return _parts(load(network), prior)


def _default(names: str | Sequence[str] | None, prior: str | Path) -> Parts:
    parts = _of_file(default_file(), names, trusted=True)
    return replace(parts, prior=_chosen(prior, parts.contract.labels, shipped_shares(DEFAULT_MODEL)))


def _chosen(prior: str | Path, names: tuple[str, ...], shares: Mapping[str, float] | None) -> Prior | None:
    """The prior, None for equal shares where nobody knows the trained ones."""
    return None if prior == EQUAL and shares is None else choose(prior, names, shares)


def _check_folded(prior: str | Path) -> None:
    """Raises UsageError for a prior of one's own: in an exported file it was folded before."""
    if prior not in (TRAINED, EQUAL):
        raise UsageError(
            f"the prior {prior} does not change an exported file, whose prior is folded in; export the network with it"
        )


def default_file() -> Path:
    """The shipped int8 file of the default network."""
    return shipped_folder() / DEFAULT_MODEL / f"{DEFAULT_MODEL}-int8.tflite"


def _of_file(path: Path, names: str | Sequence[str] | None = None, trusted: bool = False) -> Parts:
    """trusted: whether the file is ours, so that it needs no process of its own."""
    content = read_file(path)
    try:
        info, runtime = modelfile.read(content), open_runtime(content, isolated=not trusted)
    except ExportFileError as error:
        raise ExportFileError(f"{path}: {error}") from error
    try:
        contract = _contract(info.contract or {}, runtime)
        outputs = _outputs(runtime)
    except ExportFileError as error:
        runtime.close()
        raise ExportFileError(f"{path}: {error}") from error
    held = {"labels": list(info.labels)} if info.labels else {}
    try:
        chosen, _ = labels.choose(names, held, outputs, path)
    except CheckpointError:
        runtime.close()
        raise
    assumed = "labels" if labels.origin(names, held) == "assumed" else ""
    return Parts(replace(contract, labels=chosen), runtime, path.name, assumed=assumed)


def _of_bundle(folder: Path) -> Parts:
    bundle = Bundle.open(folder)
    return Parts(bundle.contract, open_runtime(bundle.default), bundle.default.name, bundle.detectors)


def _contract(held: dict[str, Any], runtime: Runtime) -> PhotoContract:
    """The photo contract of a file, without labels: with its own crop for a frame file."""
    if runtime.takes_frames:
        rule = FrameRule.from_dict(held.get("frame") or {})
        return replace(contract_for((), rule.size), crop=rule.crop, grey=rule.grey, resize=rule.resize)
    height, width, channels = runtime.input_shape[1:]
    if height != width or height < 1 or channels not in (1, 3):
        raise ExportFileError(
            f"it takes pictures {[height, width, channels]}, not [S, S, 1] or [S, S, 3]; pass another"
        )
    return contract_for((), height)


def _outputs(runtime: Runtime) -> int:
    """Number of probabilities that a file outputs."""
    if runtime.takes_frames:
        frame = Frame(np.zeros((2, 2, 3), np.uint8), crop.Box(0, 0, 2, 2))
        return int(runtime.run_frames([frame]).shape[1])
    return int(runtime.run(np.zeros(runtime.input_shape, np.uint8)).shape[1])
