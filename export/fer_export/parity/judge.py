"""Judging exported files: the judging faces, and parity of a file's bytes with its network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..calibration import calibration_set
from ..checkpoint import Checkpoint
from ..contract import FORMATS, FrameRule, Gate, find, loaded
from ..dataset import Dataset, as_input
from ..model_file import ModelInfo, inspect_file, named, read_file
from ..model_file import inspect as modelfile
from ..network import meant_by
from ..photo import Staged
from ..runtimes import OnFace, Runtime, check_pictures, open_runtime
from ..system import OnStep, Readable, silent
from . import compare as parity
from . import sequential
from .evidence import with_evidence
from .figures import Parity, ParityFaces
from .judging_faces import labelled_faces, without_data
from .kernels import KernelParity, compare_kernels
from .usefulness import Usefulness, usefulness


@dataclass(frozen=True)
class Judged:
    """A file's parity and its answers on the judging faces."""

    parity: Parity
    """Its figures against Keras."""

    runtime: str
    """The runtime that gave the answers, such as `litert 2.3.0`."""

    probabilities: NDArray[np.float32]
    """Float32 [N, K], in the network's label order."""

    network: Usefulness | None = None
    """What the network itself is worth; None without true labels."""

    kernels: KernelParity | None = None
    """The same file on other kernels; None for a format that is not compared so."""

    positions: NDArray[np.int64] | None = None
    """Positions [N] of the faces that judged, ascending; None where all of them did."""

    @property
    def file_passed(self) -> bool:
        """Whether the file is within its gates."""
        return self.parity.passed and (self.kernels is None or self.kernels.passed)

    @property
    def passed(self) -> bool:
        """Whether the file is within its gates and its network worth exporting."""
        return self.file_passed and (self.network is None or self.network.passed)

    def to_dict(self) -> dict[str, Any]:
        """The parity, the runtime, other kernels where there are any, and what the network is worth."""
        network = self.network.to_dict() if self.network else None
        kernels = {"kernels": self.kernels.to_dict()} if self.kernels else {}
        return {"runtime": self.runtime, **self.parity.to_dict(), **kernels, "network": network, "passed": self.passed}


@dataclass(frozen=True)
class Judge:
    """The faces that judge and Keras's answers to them."""

    faces: ParityFaces
    """The judging faces."""

    reference: NDArray[np.float32]
    """Keras's probabilities, float32 [N, K]."""

    labels: tuple[str, ...]
    """The network's labels in the order of its outputs."""

    @classmethod
    def of(cls, checkpoint: Checkpoint, faces: ParityFaces) -> Judge:
        return cls(faces, checkpoint.predict(faces.images), checkpoint.labels)

    def only(self, positions: NDArray[np.int64]) -> Judge:
        """The same with the faces at these positions [N] alone."""
        faces = self.faces
        kept = replace(
            faces,
            images=faces.images[positions],
            targets=None if faces.targets is None else faces.targets[positions],
            hashes=tuple(faces.hashes[position] for position in positions) if faces.hashes else (),
        )
        return Judge(kept, self.reference[positions], self.labels)

    @cached_property
    def usefulness(self) -> Usefulness | None:
        """What the network is worth on the judging faces; None without true labels."""
        if self.faces.targets is None:
            return None
        return usefulness(self.reference, self.faces.targets, self.labels)

    def judge(
        self,
        content: bytes,
        gate: Gate,
        on_step: OnStep = silent,
        *,
        runtime: str | None = None,
        threads: int = 1,
        isolated: bool = False,
    ) -> Judged:
        """Run a file's bytes over the faces and compare with the network, under a gate.

        runtime: one of RUNTIMES, by default that of the file's format.

        Raises UsageError for one that does not go with the file or is not installed.
        """
        found = modelfile.read(content)
        with open_runtime(content, runtime, threads=threads, isolated=isolated) as opened:
            given = self._answers(opened, found, lambda done, total: on_step("parity", done, total))
            ran_in = f"{opened.name} {opened.version}"
        aligned = parity.align(given, found.labels, self.labels)
        result = parity.compare(self.reference, aligned, self.faces, gate, self.labels)
        kernels = self._other_kernels(content, found, given, isolated)
        return Judged(result, ran_in, aligned, self.usefulness, kernels)

    def judge_early(self, content: bytes, gate: Gate, on_step: OnStep = silent, *, isolated: bool = False) -> Judged:
        """As `judge`, in the file's usual runtime, on as many faces as decide about the gate (`sequential`)."""
        found, count = modelfile.read(content), len(self.reference)
        order, answers = sequential.order(count), self.reference[:0]
        with open_runtime(content, isolated=isolated) as opened:
            for stop in sequential.stops(count):
                before = len(answers)
                given = self.only(order[before:stop])._answers(opened, found, _after(before, count, on_step))
                answers = np.concatenate([answers, parity.align(given, found.labels, self.labels)])
                seen = self.only(order[:stop])
                if sequential.enough(parity.compare(seen.reference, answers, seen.faces, gate, self.labels), count):
                    break
            ran_in = f"{opened.name} {opened.version}"
        positions = np.sort(order[: len(answers)])
        seen, answers = self.only(positions), answers[np.argsort(order[: len(answers)])]
        result = parity.compare(seen.reference, answers, seen.faces, gate, self.labels)
        return Judged(result, ran_in, answers, self.usefulness, positions=positions if len(positions) < count else None)

    def _other_kernels(
        self, content: bytes, found: ModelInfo, given: NDArray[np.float32], isolated: bool
    ) -> KernelParity | None:
        """The answers of the format's twin beside those given; None where the format has none."""
        row = FORMATS[modelfile.format_of(content)]
        gate = find(row.name, str((found.contract or {}).get("precision"))).kernel_gate if row.twin else None
        if gate is None:
            return None
        with loaded(row.twin)(content, isolated) as twin:
            answers = self._answers(twin, found, lambda done, total: None)
            return compare_kernels(given, answers, gate, f"{twin.name} {twin.version}")

    def _answers(self, opened: Runtime, found: ModelInfo, on_face: OnFace) -> NDArray[np.float32]:
        """Probabilities [N, K] of the faces, for a frame file inside pictures, from which it crops them."""
        if not opened.takes_frames:
            return opened.run(as_input(self.faces.images, opened.input_shape[-1]), on_face)
        rule = FrameRule.from_dict((found.contract or {}).get("frame", {}))
        check_pictures(self.faces.images, (1, rule.size, rule.size, 1))
        return opened.run_frames(Staged(self.faces.images, rule), on_face)


def _after(before: int, count: int, on_step: OnStep) -> OnFace:
    """Progress of a part of all `count` faces, of which `before` are done."""
    return lambda done, _: on_step("parity", before + done, count)


@dataclass(frozen=True)
class Judgement(Readable):
    """Exported files that were judged."""

    files: tuple[tuple[str, Judged], ...]
    """Each file's path and what was found."""

    checkpoint: Checkpoint | None = None
    """The network that they were compared with."""

    @property
    def passed(self) -> bool:
        """Whether every file is within its gate and the network worth exporting."""
        return all(result.passed for _, result in self.files)

    def to_dict(self) -> dict[str, Any]:
        checkpoint = self.checkpoint.to_dict() if self.checkpoint else None
        return {"checkpoint": checkpoint, "files": [{"path": name, **result.to_dict()} for name, result in self.files]}


@dataclass(frozen=True)
class Judging:
    """How written files are judged."""

    min_agreement: float | None = None
    """Least agreement, 0..1; None for the precision's own limit."""

    max_drop: float | None = None
    """Largest drop of accuracy in points; None for the precision's own limit."""

    runtime: str | None = None
    """One of RUNTIMES; None for that of the file's format."""

    threads: int = 1
    """Threads for one face."""


def judge_files(
    paths: Sequence[Path],
    checkpoint: Checkpoint,
    *,
    data: Dataset | None = None,
    split: str = "PublicTest",
    judging: Judging = Judging(),
    on_step: OnStep = silent,
) -> Judgement:
    """Judge written files, each under the gate of the precision it was made with.

    paths: exported files of one network.
    checkpoint: the network.
    data: the faces that judge; without it the network's probe faces do.
    split: the split of `data` that judges.
    judging: limits, runtime and threads.
    on_step: called with the task, the steps done and the number of steps.

    A file that averages over mirror images is compared with the network's mean over both. Raises DataError if a judging
    face calibrated a file.
    """
    found = [inspect_file(path) for path in paths]
    if data is not None:
        checkpoint = with_evidence(checkpoint, data, on_step=on_step)
    faces = labelled_faces(checkpoint, data, split) if data else without_data(checkpoint, on_step)
    for info in found:
        calibration_set.check_apart(info.metadata.calibration or {}, faces.hashes, info.path.name)
    judges: dict[tuple[bool, str], Judge] = {}
    judged = []
    for info in found:
        said = info.metadata.contract or {}
        meant = meant_by(checkpoint, said)
        key = meant.mirror, json.dumps(meant.prior, sort_keys=True)
        if key not in judges:
            judges[key] = Judge.of(meant, faces)
        variant = find(info.graph.format, said.get("precision", "int8"))
        probed = data is None and calibration_set.is_probe(info.metadata.calibration)
        gate = adjusted(variant.gate_for(probed=probed), judging.min_agreement, judging.max_drop)
        with named(info.path):
            result = judges[key].judge(
                read_file(info.path),
                gate,
                on_step,
                runtime=judging.runtime,
                threads=judging.threads,
                isolated=True,
            )
        judged.append((str(info.path), result))
    return Judgement(tuple(judged), meant)


def adjusted(gate: Gate, min_agreement: float | None, max_drop: float | None) -> Gate:
    """The gate with other limits where they are not None (agreement 0..1, drop in points)."""
    if min_agreement is not None:
        gate = replace(gate, min_agreement=min_agreement)
    return gate if max_drop is None else replace(gate, max_drop=max_drop)
