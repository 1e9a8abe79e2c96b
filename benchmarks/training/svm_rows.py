"""The rows of the report's Table 4.2.2, and their solutions: each is kept in a file once it is done."""

import hashlib
import importlib.metadata
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_export.dataset.dataset import Dataset, Faces, report_split
from fer_export.dataset.emotions import REPORT_6

from . import svm_solver
from .svm_solver import Kernel, Solution

SEED = 42
"""Of the report's division for its SVM."""


@dataclass(frozen=True)
class Row:
    """One row of the table."""

    number: int
    """From 1."""

    penalty: float
    """C."""

    shape: str
    """`ovr` or `ovo`."""

    accuracy: float
    """What the report prints."""


ROWS = (
    Row(1, 0.5, "ovr", 0.3471),
    Row(2, 0.8, "ovr", 0.3639),
    Row(3, 1, "ovr", 0.3698),
    Row(4, 10, "ovr", 0.4022),
    Row(5, 100, "ovr", 0.4186),
    Row(6, 1, "ovo", 0.3698),
    Row(7, 10, "ovo", 0.4022),
)


@dataclass(frozen=True)
class Division:
    """The report's division of the faces at hand: 70 % train, 30 % judge."""

    data: Dataset
    """All of them."""

    folder: Path
    """Where its solutions are kept."""

    training: Faces
    """The 70 %."""

    judging: Faces
    """The 30 %."""

    targets: NDArray[np.int64] = field(repr=False)
    """Positions of the training faces' emotions in REPORT_6."""

    truth: NDArray[np.int64] = field(repr=False)
    """The same of the judging faces."""

    @classmethod
    def of(cls, data: Dataset, runs: Path) -> "Division":
        """The division of a data set, with a folder of its own below `runs`."""
        training, judging = report_split(data, REPORT_6, SEED)
        solver = importlib.metadata.version("scikit-learn")
        key = hashlib.sha256(f"{data.sha256} {SEED} {solver}".encode()).hexdigest()[:12]
        targets, truth = (faces.for_labels(REPORT_6)[1] for faces in (training, judging))
        return cls(data, runs / key, training, judging, targets, truth)

    @property
    def gamma(self) -> float:
        """scikit-learn's `auto`: 1 / number of pixels."""
        return 1 / self.rows.shape[1]

    @cached_property
    def rows(self) -> NDArray[np.float64]:
        """The training faces as the report's rows of numbers."""
        return svm_solver.flat(self.training.pixels)

    @cached_property
    def kernel(self) -> Kernel:
        """Minutes and gigabytes: asked for only where a row is not done."""
        print(f"kernel of {len(self.training)} training and {len(self.judging)} judging faces", flush=True)
        return svm_solver.kernel(self.rows, svm_solver.flat(self.judging.pixels), self.gamma)

    @cached_property
    def common(self) -> NDArray[np.int64]:
        """Positions of the judging faces that are PublicTest's too: new to the machines and to the shipped networks."""
        return np.flatnonzero(np.isin(self.judging.rows, self.data.split("PublicTest").rows))

    def path(self, row: Row) -> Path:
        """The file of a row's solution."""
        return self.folder / f"row-{row.number}-c-{row.penalty:g}-{row.shape}.npz"


def solution(row: Row, division: Division) -> Solution | None:
    """A row's solution if it is done."""
    path = division.path(row)
    return Solution.load(path) if path.exists() else None


def solve(row: Row, division: Division) -> Solution:
    """A row's solution: computed and kept, or the one that was kept."""
    found = solution(row, division)
    if found is None:
        found = svm_solver.solve(division.kernel, division.targets, row.penalty, row.shape)
        found.save(division.path(row))
        print(f"row {row.number}: C {row.penalty:g}, {row.shape}, {found.seconds:.0f} s of processor time", flush=True)
    return found
