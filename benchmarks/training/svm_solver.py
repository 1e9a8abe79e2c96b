"""Support vector machines on faces, solved exactly by scikit-learn on one kernel matrix that all of them share.

libsvm spends nearly all its time on the kernel, one pair of faces after the other. Here one matrix product computes it
for every pair, once; libsvm reads the values and solves the same problem to the same tolerance. Needs float64 matrices
of all training faces by themselves and by the judging faces: 6 GB for FER2013.
"""

import io
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fer_export.system import files

CACHE_MB = 1000
"""libsvm's own cache of kernel rows: enough for every row of a pair of emotions."""

_BLOCK = 1024


@dataclass(frozen=True)
class Kernel:
    """The kernel of the training faces by themselves, and of the judging faces by them."""

    training: NDArray[np.float64]
    """Float64 [N, N]."""

    judging: NDArray[np.float64]
    """Float64 [M, N]."""

    seconds: float
    """Processor time of both."""


@dataclass(frozen=True)
class Solution:
    """A trained SVC as arrays, and its answers to the judging faces."""

    support: NDArray[np.int32]
    """Positions of the support vectors among the training faces, int32 [V], ordered by emotion."""

    counts: NDArray[np.int32]
    """Support vectors of each emotion, int32 [K]."""

    coefficients: NDArray[np.float64]
    """Float64 [K - 1, V]."""

    intercepts: NDArray[np.float64]
    """One for each pair of emotions, float64 [K * (K - 1) / 2]."""

    answers: NDArray[np.int64]
    """What `predict` says of the judging faces, int64 [M]: the most votes, the first emotion of those with as many."""

    confident: NDArray[np.int64]
    """The same with `break_ties`: of those with as many votes, the emotion that its pairs are surest of."""

    decisions: int
    """Columns of `decision_function`: K for ovr, one for each pair for ovo."""

    seconds: float
    """Processor time of the solver."""

    kernel_seconds: float
    """Processor time of the kernel that it read."""

    def save(self, path: Path) -> None:
        """Write every array into one .npz file, whole."""
        content = io.BytesIO()
        np.savez(content, **asdict(self))
        files.write_whole(path, content.getvalue())

    @classmethod
    def load(cls, path: Path) -> Self:
        arrays = files.read_arrays(path)
        held: dict[str, Any] = {field.name: arrays[field.name] for field in fields(cls)}
        return cls(**{name: value if value.ndim else value.item() for name, value in held.items()})


def flat(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Faces uint8 [N, S, S, 1] as the report's rows of numbers: pixels / 255, float64 [N, S * S]."""
    return images.reshape(len(images), -1) / 255.0


def rbf(first: NDArray[np.float64], second: NDArray[np.float64], gamma: float) -> NDArray[np.float64]:
    """exp(-gamma * squared distance) of every row of first [N, D] to every row of second [M, D]: float64 [N, M]."""
    result = first @ second.T
    norms = gamma * np.einsum("ij,ij->i", second, second)
    for start in range(0, len(first), _BLOCK):
        rows, block = first[start : start + _BLOCK], result[start : start + _BLOCK]
        block *= 2 * gamma
        block -= gamma * np.einsum("ij,ij->i", rows, rows)[:, None]
        block -= norms
        np.exp(np.minimum(block, 0, out=block), out=block)
    return result


def kernel(training: NDArray[np.float64], judging: NDArray[np.float64], gamma: float) -> Kernel:
    """The shared kernel of faces as rows of numbers, float64 [N, D] and [M, D]."""
    started = time.process_time()
    return Kernel(rbf(training, training, gamma), rbf(judging, training, gamma), time.process_time() - started)


def solve(shared: Kernel, targets: NDArray[np.int64], penalty: float, shape: str) -> Solution:
    """The SVC of a penalty C, on targets int64 [N].

    shape: `ovr` or `ovo`, scikit-learn's `decision_function_shape`.
    """
    from sklearn.svm import SVC

    started = time.process_time()
    machine = SVC(C=penalty, kernel="precomputed", decision_function_shape=shape, cache_size=CACHE_MB)
    machine.fit(shared.training, targets)
    seconds = time.process_time() - started
    decisions = in_blocks(machine.decision_function, shared.judging)
    ranks = ranking(machine, shared.judging) if shape == "ovo" else decisions
    return Solution(
        support=machine.support_,
        counts=machine.n_support_,
        coefficients=machine.dual_coef_,
        intercepts=machine.intercept_,
        answers=in_blocks(machine.predict, shared.judging),
        confident=machine.classes_[ranks.argmax(axis=1)],
        decisions=decisions.shape[1],
        seconds=seconds,
        kernel_seconds=shared.seconds,
    )


def ranking(machine: Any, given: NDArray[np.float64]) -> NDArray[np.float64]:
    """A fitted SVC's votes and confidences by emotion, float64 [M, K], whatever its `decision_function_shape`."""
    shape = machine.decision_function_shape
    try:
        machine.decision_function_shape = "ovr"
        return in_blocks(machine.decision_function, given)
    finally:
        machine.decision_function_shape = shape


def one_against_rest(shared: Kernel, targets: NDArray[np.int64], penalty: float) -> NDArray[np.int64]:
    """The answers int64 [M] of one SVC for each emotion against all others, which `ovr` does not train."""
    from sklearn.svm import SVC

    sure = []
    for label in np.unique(targets):
        machine = SVC(C=penalty, kernel="precomputed", cache_size=CACHE_MB).fit(shared.training, targets == label)
        sure.append(in_blocks(machine.decision_function, shared.judging))
    return np.unique(targets)[np.argmax(sure, axis=0)]


def as_rbf(
    solution: Solution, training: NDArray[np.float64], targets: NDArray[np.int64], penalty: float, gamma: float
) -> Any:
    """The scikit-learn SVC of a solution that takes faces, with its support vectors inside.

    training, targets: what was solved, float64 [N, D] and int64 [N].
    """
    from sklearn.svm import SVC

    few = np.concatenate([np.flatnonzero(targets == label)[:2] for label in np.unique(targets)])
    machine = SVC(C=penalty, gamma=gamma).fit(training[few], targets[few])
    machine.support_, machine._n_support = solution.support, solution.counts
    machine.support_vectors_ = training[solution.support]
    machine.dual_coef_ = machine._dual_coef_ = solution.coefficients
    machine.intercept_ = machine._intercept_ = solution.intercepts
    machine.shape_fit_ = training.shape
    return machine


def in_blocks(function: Callable[[Any], Any], given: NDArray[Any]) -> NDArray[Any]:
    """function(given), some rows at a time: libsvm copies what it is handed."""
    return np.concatenate([function(given[start : start + _BLOCK]) for start in range(0, len(given), _BLOCK)])
