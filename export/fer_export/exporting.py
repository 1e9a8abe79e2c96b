"""Checkpoint to verified files: calibrate, convert, judge by parity, write. What `fer-export tflite` does."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import calibration, contract, datacache, files, flatbuffer, metadata, parity, probe
from .calibration import CalibrationSet
from .checkpoint import Checkpoint
from .convert import tflite
from .dataset import Dataset
from .errors import DataError, ExportFileError, OutputError
from .faces import as_input, fit
from .parity import Parity, ParityFaces
from .probe import ProbeFaces
from .runtimes import LiteRt
from .variants import Gate, Variant, find

OnStep = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Options:
    """How to export. io: one type for input and output, or None for uint8 in and float32 out.

    split: the faces that judge. calibration_count and seed: the Training sample. min_agreement (0..1) and
    max_drop (points) replace the precision's own limits.
    """

    input_kind: str = "gray"
    io: str | None = None
    split: str = "PublicTest"
    calibration_count: int = calibration.COUNT
    seed: int = calibration.SEED
    min_agreement: float | None = None
    max_drop: float | None = None

    def gate(self, variant: Variant) -> Gate:
        """The variant's gate with the limits asked for."""
        return adjusted(variant.gate, self.min_agreement, self.max_drop)


@dataclass(frozen=True)
class ExportedFile:
    """One written file with what was found in it. bytes and keras_bytes are file sizes; seconds is wall time."""

    path: Path
    variant: Variant
    bytes: int
    sha256: str
    graph: flatbuffer.GraphSummary
    parity: Parity
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        return {
            "path": str(self.path),
            "format": self.variant.format,
            "precision": self.variant.precision,
            "bytes": self.bytes,
            "sha256": self.sha256,
            "seconds": self.seconds,
            "graph": self.graph.to_dict(),
            "parity": self.parity.to_dict(),
        }


@dataclass(frozen=True)
class Export:
    """The result of one command: every file, and what calibrated and judged them."""

    checkpoint: Checkpoint
    options: Options
    calibration: CalibrationSet | None
    files: tuple[ExportedFile, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        return all(file.parity.passed for file in self.files)

    def to_dict(self) -> dict[str, Any]:
        return {
            "checkpoint": self.checkpoint.to_dict(),
            "input": self.options.input_kind,
            "calibration": self.calibration.record if self.calibration else None,
            "files": [file.to_dict() for file in self.files],
            "passed": self.passed,
            "seconds": self.seconds,
        }


@dataclass(frozen=True)
class FileInfo:
    """What an exported file holds: its tensors and ops, and what it says of itself."""

    path: Path
    sha256: str
    graph: flatbuffer.GraphSummary
    metadata: metadata.ModelInfo

    def to_dict(self) -> dict[str, Any]:
        return {
            "path": str(self.path),
            "sha256": self.sha256,
            "graph": self.graph.to_dict(),
            "metadata": self.metadata.to_dict(),
        }


def export(
    checkpoint: Checkpoint,
    file_format: str,
    precisions: Sequence[str],
    output: Path,
    *,
    data: Dataset | None = None,
    options: Options | None = None,
    on_step: OnStep = lambda task, done, total: None,
) -> Export:
    """Write one file a precision into `output`, each judged against Keras before it is named.

    data: calibrates on its Training faces and judges on `options.split`; without it the network's probe faces
    do both, with different pictures. A file that misses its gate is kept as `<name>-failed.<suffix>`. Nothing is
    written when any error is raised before a file is complete.
    """
    started, options = time.perf_counter(), options or Options()
    variants = [find(file_format, precision) for precision in precisions]
    files.check_writable(output)
    calibrating, judging = _faces(checkpoint, data, options, any(v.integer for v in variants), on_step)
    reference = checkpoint.predict(judging.images)
    exported = []
    for variant in variants:
        begun = time.perf_counter()
        on_step(f"converting to {variant.precision}", 0, 1)
        content = tflite.convert(
            checkpoint, variant, input_kind=options.input_kind, io=options.io, calibration=calibrating
        )
        judged = judge(content, reference, judging, checkpoint.labels, options.gate(variant), on_step)
        path = _write(output, checkpoint, variant, options, content, judged, calibrating)
        exported.append(
            ExportedFile(
                path,
                variant,
                len(content),
                files.sha256(content),
                flatbuffer.inspect(content),
                judged,
                round(time.perf_counter() - begun, 2),
            )
        )
    return Export(checkpoint, options, calibrating, tuple(exported), round(time.perf_counter() - started, 2))


def judge(
    content: bytes,
    reference: NDArray[np.float32],
    faces: ParityFaces,
    labels: Sequence[str],
    gate: Gate,
    on_step: OnStep = lambda task, done, total: None,
) -> Parity:
    """Parity of a file's bytes against the network's probabilities [N, K] on the same faces."""
    found = metadata.read(content)
    runtime = LiteRt(content)
    images = as_input(faces.images, runtime.input_shape[-1])
    given = runtime.run(images, on_face=lambda done, total: on_step("parity", done, total))
    return parity.compare(reference, parity.align(given, found.labels, labels), faces, gate)


def judge_files(
    paths: Sequence[Path],
    checkpoint: Checkpoint,
    *,
    data: Dataset | None = None,
    split: str = "PublicTest",
    min_agreement: float | None = None,
    max_drop: float | None = None,
    on_step: OnStep = lambda task, done, total: None,
) -> list[tuple[str, Parity]]:
    """Parity of written files, each under the gate of the precision it was made with (name, result).

    Without data the network's probe faces judge. Raises DataError if a face that judges calibrated a file.
    """
    found = [inspect_file(path) for path in paths]
    judging = labelled_faces(checkpoint, data, split) if data else _judging_probe(checkpoint, on_step)
    for info in found:
        calibration.check_apart(info.metadata.calibration or {}, judging.hashes, info.path.name)
    reference = checkpoint.predict(judging.images)
    judged = []
    for info in found:
        precision = (info.metadata.contract or {}).get("precision", "int8")
        gate = adjusted(find("tflite", precision).gate, min_agreement, max_drop)
        with _named(info.path):
            result = judge(read_file(info.path), reference, judging, checkpoint.labels, gate, on_step)
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
    """Read what a .tflite file holds; raises ExportFileError if it is none."""
    content = read_file(path)
    with _named(path):
        return FileInfo(path, files.sha256(content), flatbuffer.inspect(content), metadata.read(content))


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
        tuple(calibration.face_hashes(faces.pixels)),
    )


def probe_faces(checkpoint: Checkpoint, on_step: OnStep = lambda task, done, total: None) -> ProbeFaces:
    """The network's probe faces: shipped beside it, or from the cache, or made now (and cached)."""
    places = [checkpoint.folder / "probe.npz"] if checkpoint.folder else []
    cached = datacache.folder() / f"probe-{checkpoint.sha256[:32]}-{checkpoint.scaling}.npz"
    for path in (*places, cached):
        found = probe.load(path, checkpoint)
        if found is not None:
            return found
    made = probe.make(checkpoint, on_step=lambda step, steps: on_step("making probe faces", step, steps))
    with contextlib.suppress(OutputError):
        files.write_whole(cached, made.to_bytes())
    return made


def _faces(
    checkpoint: Checkpoint, data: Dataset | None, options: Options, integer: bool, on_step: OnStep
) -> tuple[CalibrationSet | None, ParityFaces]:
    if data is None:
        judging = _judging_probe(checkpoint, on_step)
        return (calibration.from_probe(probe_faces(checkpoint, on_step)) if integer else None), judging
    judging = labelled_faces(checkpoint, data, options.split)
    if not integer:
        return None, judging
    if options.split == "Training":
        raise DataError(
            "parity on Training would judge the file on the split that calibrates it; use --split PublicTest"
        )
    chosen = calibration.from_training(
        data.split("Training"),
        data.split(options.split),
        checkpoint.labels,
        checkpoint.size,
        count=options.calibration_count,
        seed=options.seed,
    )
    return chosen, judging


def _judging_probe(checkpoint: Checkpoint, on_step: OnStep) -> ParityFaces:
    """Probe faces that no file was calibrated on; plain noise for a network without batch norms."""
    if probe.possible(checkpoint):
        images = probe_faces(checkpoint, on_step).verify
        return ParityFaces(images, None, "probe faces", tuple(calibration.face_hashes(images)))
    images = probe.noise(checkpoint)
    return ParityFaces(images, None, "noise pictures (the network has no batch norms to make faces from)", ())


def _write(
    output: Path,
    checkpoint: Checkpoint,
    variant: Variant,
    options: Options,
    content: bytes,
    judged: Parity,
    calibrating: CalibrationSet | None,
) -> Path:
    path = output / variant.file_name(checkpoint.name, options.input_kind)
    if not judged.passed:
        path = path.with_name(f"{path.stem}-failed{path.suffix}")
    if calibrating is not None and variant.integer:
        manifest = {
            "file": path.name,
            "sha256": files.sha256(content),
            "preprocessing": f"uint8 {list(calibrating.images.shape[1:])}, scaling inside the file",
            "input_name": contract.INPUT_NAME,
            **calibrating.record,
        }
        files.write_json(path.with_suffix(".calibration.json"), manifest)
    return files.write_whole(path, content)
