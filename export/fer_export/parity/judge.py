"""Exported files before the judge: the faces that judge, and parity of a file's bytes with its network."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..calibration import calibration_set
from ..calibration import probe_faces as probe
from ..calibration.probe_faces import ProbeFaces
from ..checkpoint.checkpoint import Checkpoint
from ..contract.tensors import FrameRule
from ..contract.variants import Gate, find
from ..dataset import cache as datacache
from ..dataset.dataset import Dataset
from ..dataset.pixels import as_input, fit
from ..errors import CheckpointError, ExportFileError, OutputError
from ..model_file import inspect as modelfile
from ..model_file.summary import GraphSummary, ModelInfo
from ..photo.frame import Staged
from ..runtimes import OnFace, Runtime, check_pictures, open_runtime
from ..system import files
from . import compare as parity
from .compare import Parity, ParityFaces

OnStep = Callable[[str, int, int], None]


@dataclass(frozen=True)
class FileInfo:
    """What an exported file holds: its tensors and ops, and what it says of itself."""

    path: Path
    sha256: str
    graph: GraphSummary
    metadata: ModelInfo

    def to_dict(self) -> dict[str, Any]:
        return {
            "path": str(self.path),
            "sha256": self.sha256,
            "graph": self.graph.to_dict(),
            "metadata": self.metadata.to_dict(),
        }


@dataclass(frozen=True)
class Judged:
    """A file's parity, its probabilities float32 [N, K] on the judging faces, in the network's label order, and the
    runtime that gave them (`litert 2.3.0`)."""

    parity: Parity
    runtime: str
    probabilities: NDArray[np.float32]

    def to_dict(self) -> dict[str, Any]:
        """The parity and the runtime."""
        return {"runtime": self.runtime, **self.parity.to_dict()}


@dataclass(frozen=True)
class Judge:
    """The faces that judge and what the network answers to them.

    reference: float32 [N, K], Keras's probabilities; labels: the network's, in the order of its outputs.
    """

    faces: ParityFaces
    reference: NDArray[np.float32]
    labels: tuple[str, ...]

    @classmethod
    def of(cls, checkpoint: Checkpoint, faces: ParityFaces) -> Judge:
        return cls(faces, checkpoint.predict(faces.images), checkpoint.labels)

    def judge(
        self,
        content: bytes,
        gate: Gate,
        on_step: OnStep = lambda task, done, total: None,
        *,
        runtime: str | None = None,
        threads: int = 1,
    ) -> Judged:
        """Run a file's bytes over the faces and compare with the network, under a gate.

        runtime: one of RUNTIMES, by default that of the file's format. Raises UsageError for one that does not go
        with the file or is not installed.
        """
        found = modelfile.read(content)
        with open_runtime(content, runtime, threads=threads) as opened:
            given = self._answers(opened, found, lambda done, total: on_step("parity", done, total))
            ran_in = f"{opened.name} {opened.version}"
        aligned = parity.align(given, found.labels, self.labels)
        return Judged(parity.compare(self.reference, aligned, self.faces, gate, self.labels), ran_in, aligned)

    def _answers(self, opened: Runtime, found: ModelInfo, on_face: OnFace) -> NDArray[np.float32]:
        """Probabilities [N, K] of the faces, given to a frame file in pictures of which it has to cut them."""
        if not opened.takes_frames:
            return opened.run(as_input(self.faces.images, opened.input_shape[-1]), on_face)
        rule = FrameRule.from_dict((found.contract or {}).get("frame", {}))
        check_pictures(self.faces.images, (1, rule.size, rule.size, 1))
        return opened.run_frames(Staged(self.faces.images, rule), on_face)


def judge_files(
    paths: Sequence[Path],
    checkpoint: Checkpoint,
    *,
    data: Dataset | None = None,
    split: str = "PublicTest",
    min_agreement: float | None = None,
    max_drop: float | None = None,
    runtime: str | None = None,
    threads: int = 1,
    on_step: OnStep = lambda task, done, total: None,
) -> list[tuple[str, Judged]]:
    """Judge written files, each under the gate of the precision it was made with (name, result).

    Without data the network's probe faces judge. runtime, threads: as in `Judge.judge`. A file that averages over
    mirror images is held against the network's mean over both. Raises DataError if a face that judges calibrated a
    file.
    """
    found = [inspect_file(path) for path in paths]
    faces = labelled_faces(checkpoint, data, split) if data else without_data(checkpoint, on_step)
    for info in found:
        calibration_set.check_apart(info.metadata.calibration or {}, faces.hashes, info.path.name)
    judges: dict[bool, Judge] = {}
    judged = []
    for info in found:
        said = info.metadata.contract or {}
        meant = checkpoint.meant_by(said)
        if meant.mirror not in judges:
            judges[meant.mirror] = Judge.of(meant, faces)
        precision = said.get("precision", "int8")
        gate = adjusted(find(info.graph.format, precision).gate, min_agreement, max_drop)
        with _named(info.path):
            result = judges[meant.mirror].judge(read_file(info.path), gate, on_step, runtime=runtime, threads=threads)
        judged.append((str(info.path), result))
    return judged


def read_file(path: Path) -> bytes:
    """The bytes of an exported file; raises ExportFileError when it is not there or cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ExportFileError(
            f"cannot read {path}: {error.strerror or error}; export it with `fer-export tflite`"
        ) from error


def inspect_file(path: Path) -> FileInfo:
    """Read what an exported file holds; raises ExportFileError if it is none."""
    content = read_file(path)
    with _named(path):
        return FileInfo(path, files.sha256(content), modelfile.inspect(content), modelfile.read(content))


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Put the file's name in front of what is wrong with it."""
    try:
        yield
    except ExportFileError as error:
        raise ExportFileError(f"{path}: {error}") from error


def adjusted(gate: Gate, min_agreement: float | None, max_drop: float | None) -> Gate:
    """The gate with other limits where they are given (agreement 0..1, drop in points)."""
    if min_agreement is not None:
        gate = replace(gate, min_agreement=min_agreement)
    return gate if max_drop is None else replace(gate, max_drop=max_drop)


def labelled_faces(checkpoint: Checkpoint, data: Dataset, split: str) -> ParityFaces:
    """The faces of a split that the network has labels for, at the network's size."""
    faces, targets = data.split(split).for_labels(checkpoint.labels)
    return ParityFaces(
        fit(faces.pixels, checkpoint.size),
        targets,
        f"{split} of {data.source.name}",
        tuple(calibration_set.face_hashes(faces.pixels)),
    )


def probe_faces(checkpoint: Checkpoint, on_step: OnStep = lambda task, done, total: None) -> ProbeFaces:
    """The network's probe faces: shipped beside it, or from the cache, or made now (and cached)."""
    places = [checkpoint.folder / "probe.npz"] if checkpoint.folder else []
    cached = datacache.folder() / f"probe-{checkpoint.sha256[:32]}-{checkpoint.scaling}.npz"
    for path in places:
        found = probe.load(path, checkpoint)
        if found is not None:
            return found
    with contextlib.suppress(CheckpointError):  # a cache that cannot be read is none
        found = probe.load(cached, checkpoint)
        if found is not None:
            return found
    made = probe.make(checkpoint, on_step=lambda step, steps: on_step("making probe faces", step, steps))
    with contextlib.suppress(OutputError):
        files.write_whole(cached, made.to_bytes())
    return made


def without_data(checkpoint: Checkpoint, on_step: OnStep) -> ParityFaces:
    """Probe faces that no file was calibrated on; plain noise for a network without batch norms."""
    if probe.possible(checkpoint):
        images = probe_faces(checkpoint, on_step).verify
        return ParityFaces(images, None, "probe faces", tuple(calibration_set.face_hashes(images)))
    images = probe.noise(checkpoint)
    return ParityFaces(images, None, "noise pictures (the network has no batch norms to make faces from)", ())
