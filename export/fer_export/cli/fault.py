"""A fault of fer-export itself: what to say of it, so that it can be reported."""

from __future__ import annotations

import platform
import shlex
import traceback
from collections.abc import Sequence
from pathlib import Path

from .. import __version__
from ..errors import one_line

CODE = 3
"""Exit code."""

PACKAGES = ("tensorflow", "keras", "ai-edge-litert", "onnx", "onnxruntime", "tf2onnx", "numpy")
"""Whose versions are told."""


def report(error: BaseException, arguments: Sequence[str]) -> str:
    """One line: what failed and where, and what a report needs: the command and the versions."""
    command = " ".join(["fer-export", *map(shlex.quote, arguments)])
    return (
        f"a fault of fer-export, not of your input: {type(error).__name__}: {one_line(error)}{_place(error)}; please "
        f"report it with this line and, if you may share it, the input; command: {command}; versions: {_versions()}; "
        "FER_EXPORT_DEBUG=1 shows the traceback"
    )


def _place(error: BaseException) -> str:
    """` (convert/onnx.py, line 120)`: the last line of ours that ran."""
    package = Path(__file__).parents[1]
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if package in Path(frame.filename).parents]
    return f" ({Path(ours[-1].filename).relative_to(package).as_posix()}, line {ours[-1].lineno})" if ours else ""


def _versions() -> str:
    from importlib import metadata

    found = [f"fer-export {__version__}", f"Python {platform.python_version()}"]
    for name in PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            found.append(f"{name} missing")
    return ", ".join([*found, f"{platform.system()} {platform.machine()}"])
