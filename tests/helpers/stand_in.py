"""An interpreter whose `tflite_runtime` is LiteRT under that name, beside the numpy one likes."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

_PACKAGE = """
import numpy
numpy.__version__ = {numpy!r}
from ai_edge_litert.interpreter import Interpreter as Real
def Interpreter(**settings):
    print("chatter on stdout", flush=True)
    return Real(**settings)
"""


def interpreter(folder: Path, numpy: str, version: str = "2.14.0") -> Path:
    """A program in `folder` that runs Python scripts; numpy: the version that it claims to have."""
    package = folder / "packages" / "tflite_runtime"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(f"__version__ = {version!r}\n")
    (package / "interpreter.py").write_text(_PACKAGE.format(numpy=numpy))
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{package.parent}" exec "{sys.executable}" "$@"\n')
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    return python
