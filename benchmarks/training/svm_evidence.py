"""What stands behind the table: the shared kernel against SVC's own, and real one-against-rest machines."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from fer_export.parity.statistics import Proportion
from fer_export.system import files

from . import svm_solver
from .svm_rows import ROWS, Division, Row

CHECKED = 10.0
"""C of what is computed here."""

_CHECK_FACES, _CHECK_JUDGES = 1500, 1000


def kept(path: Path, document: Any) -> dict[str, Any]:
    """What was written to a file; document() makes it where there is none."""
    if not path.exists():
        files.write_json(path, document())
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def own_kernel(division: Division) -> dict[str, Any]:
    """SVC with `kernel="rbf"` on some of the training faces, and the solver of the table on the same."""
    from sklearn.svm import SVC

    chosen = np.random.default_rng(0).permutation(len(division.targets))[:_CHECK_FACES]
    rows, targets = division.rows[chosen], division.targets[chosen]
    judges = svm_solver.flat(division.judging.pixels[:_CHECK_JUDGES])
    started = time.process_time()
    plain = SVC(C=CHECKED, gamma="auto").fit(rows, targets)
    seconds = time.process_time() - started
    solution = svm_solver.solve(svm_solver.kernel(rows, judges, division.gamma), targets, CHECKED, "ovr")
    return {
        "faces": len(chosen),
        "judging_faces": len(judges),
        "penalty": CHECKED,
        "same_support_vectors": solution.support.tolist() == plain.support_.tolist(),
        "same_answers": int((plain.predict(judges) == solution.answers).sum()),
        "largest_difference_of_a_coefficient": _largest_difference(plain.dual_coef_, solution.coefficients),
        "seconds_own_kernel": round(seconds, 2),
        "seconds_solver": round(solution.seconds, 2),
        "seconds_shared_kernel": round(solution.kernel_seconds, 2),
    }


def against_rest(division: Division) -> dict[str, Any]:
    """One machine for each emotion against all others, which neither `ovr` nor `ovo` trains."""
    started = time.process_time()
    answers = svm_solver.one_against_rest(division.kernel, division.targets, CHECKED)
    return {
        "penalty": CHECKED,
        "accuracy": Proportion(int((answers == division.truth).sum()), len(answers)).to_dict(),
        "seconds": round(time.process_time() - started, 1),
    }


def shapes(division: Division) -> list[dict[str, Any]]:
    """What ovr and ovo of the same C have in common, where both rows are done."""
    found = []
    for row in ROWS:
        other = next(
            (each for each in ROWS if (each.penalty, each.shape, row.shape) == (row.penalty, "ovo", "ovr")), None
        )
        if other and division.path(row).exists() and division.path(other).exists():
            found.append(_compared(division, row, other))
    return found


def _compared(division: Division, row: Row, other: Row) -> dict[str, Any]:
    one, two = (svm_solver.Solution.load(division.path(each)) for each in (row, other))
    pairs = ((one.support, two.support), (one.coefficients, two.coefficients), (one.intercepts, two.intercepts))
    return {
        "penalty": row.penalty,
        "same_machine": all(np.array_equal(first, second) for first, second in pairs),
        "same_answers": int((one.answers == two.answers).sum()),
        "faces": len(one.answers),
        "columns": {row.shape: one.decisions, other.shape: two.decisions},
    }


def _largest_difference(first: Any, second: Any) -> float | None:
    """None where there are not as many."""
    return float(f"{np.abs(first - second).max():.2g}") if first.shape == second.shape else None
