"""Support vector machines that a phone would take: on few features, in a file under 5 MB."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_export.dataset.emotions import REPORT_6

from . import svm_features, svm_files, svm_solver
from .svm_features import Features
from .svm_rows import Division

MOST_BYTES = 5_000_000
"""Of a phone's file."""

_SEED = 0
"""Of the principal components' and the linear solver's randomness."""


@dataclass(frozen=True)
class Candidate:
    """Features, and the machine on them."""

    cell: int | None
    """Side of a cell of the oriented gradients in pixels; None for plain pixels."""

    components: int | None
    """Principal components that are kept; None for all features as they are."""

    kernel: str
    """`linear` or `rbf` (gamma `scale`)."""

    penalty: float
    """C."""

    @property
    def name(self) -> str:
        """The file's: `svm-hog-8-pca-40-rbf-c-3`."""
        seen = "pixels" if self.cell is None else f"hog-{self.cell}"
        kept = "" if self.components is None else f"-pca-{self.components}"
        return f"svm-{seen}{kept}-{self.kernel}-c-{self.penalty:g}"

    @property
    def features(self) -> Features:
        return svm_features.pixels() if self.cell is None else svm_features.oriented_gradients(self.cell)


CANDIDATES = (
    Candidate(None, 100, "linear", 0.1),
    Candidate(8, None, "linear", 0.1),
    Candidate(None, 40, "rbf", 3),
    Candidate(8, 40, "rbf", 3),
    Candidate(6, 40, "rbf", 3),
)


@dataclass(frozen=True)
class Trained:
    """A candidate's machine, its file and its answers to the judging faces."""

    machine: Any
    """What scikit-learn calls an estimator: it takes features."""

    content: bytes
    """The ONNX file."""

    answers: NDArray[np.int64]
    """Positions in REPORT_6, int64 [M]."""

    seconds: float
    """Processor time from faces to machine."""


def train(candidate: Candidate, division: Division) -> Trained:
    """Train a candidate on the 70 %, and ask it about the 30 %."""
    from sklearn.pipeline import make_pipeline

    started = time.process_time()
    features = candidate.features
    given, judging = (features.of(faces.pixels).astype(float) for faces in (division.training, division.judging))
    steps: list[Any] = []
    if candidate.components is not None:
        steps.append(_components(candidate.components, given))
        given, judging = steps[0].transform(given), steps[0].transform(judging)
    machine, scores = _fitted(candidate, given, judging, division.targets)
    whole = make_pipeline(*steps, machine)
    seconds = time.process_time() - started
    content = svm_files.onnx_file(candidate.name, features, whole)
    return Trained(whole, content, scores.argmax(axis=1), seconds)


def best(shares: dict[str, tuple[int, int]]) -> str:
    """The name of the candidate with most hits among those small enough for a phone; by name: hits and bytes."""
    fitting = {name: hits for name, (hits, size) in shares.items() if size <= MOST_BYTES}
    return max(fitting, key=lambda name: fitting[name])


def _components(count: int, given: NDArray[np.float64]) -> Any:
    from sklearn.decomposition import PCA

    return PCA(count, random_state=_SEED).fit(given)


def _fitted(
    candidate: Candidate, given: NDArray[np.float64], judging: NDArray[np.float64], targets: NDArray[np.int64]
) -> tuple[Any, NDArray[np.float64]]:
    """The machine and its scores of the judging faces [M, K]."""
    from sklearn.svm import LinearSVC

    if candidate.kernel == "linear":
        linear = LinearSVC(C=candidate.penalty, random_state=_SEED).fit(given, targets)
        return linear, linear.decision_function(judging)
    gamma = 1 / (given.shape[1] * given.var())
    shared = svm_solver.kernel(given, judging, gamma)
    solution = svm_solver.solve(shared, targets, candidate.penalty, "ovr")
    machine = svm_solver.as_rbf(solution, given, targets, candidate.penalty, gamma)
    return machine, np.eye(len(REPORT_6))[solution.confident]
