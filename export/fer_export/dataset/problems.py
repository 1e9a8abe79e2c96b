"""What does not fit in a folder of pictures, all of it in one message."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ..errors import DataError

MOST = 12
"""Problems named in one message; more are counted."""


class Problem(NamedTuple):
    """One file or folder that does not fit."""

    path: str
    """Where it is."""

    why: str
    """Why it does not fit."""

    fix: str
    """What helps."""


def folder_error(folder: Path, problems: Sequence[Problem]) -> DataError:
    """The error of one or more problems, one line."""
    if len(problems) == 1:
        path, why, fix = problems[0]
        return DataError(f"{path} {why}; {fix}")
    named = "; ".join(f"{problem.path} {problem.why}" for problem in problems[:MOST])
    more = f"; and {len(problems) - MOST} more" if len(problems) > MOST else ""
    fixes = " or ".join(dict.fromkeys(problem.fix for problem in problems))
    return DataError(f"{len(problems)} entries of {folder} do not fit: {named}{more}; {fixes}")
