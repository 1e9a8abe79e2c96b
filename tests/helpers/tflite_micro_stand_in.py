"""An interpreter whose `tflite_micro` is LiteRT under that name, with an arena of its own making."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

ARENA = 12_336
"""Bytes of the smallest arena that it takes, a multiple of 16."""

_RUNTIME = """
import os
from ai_edge_litert.interpreter import Interpreter as Real

class Interpreter:
    @classmethod
    def from_bytes(cls, content, arena_size=None):
        self = cls()
        print("chatter on stdout", flush=True)
        if arena_size < {arena}:
            raise RuntimeError("arena too small")
        self._real = Real(model_content=content)
        self._real.allocate_tensors()
        return self

    def get_input_details(self, index):
        return self._real.get_input_details()[index]

    def set_input(self, image, index):
        self._real.set_tensor(self._real.get_input_details()[index]["index"], image)

    def invoke(self):
        {invoke}

    def get_output(self, index):
        return self._real.get_tensor(self._real.get_output_details()[index]["index"]){answer}
"""


def interpreter(folder: Path, invoke: str = "self._real.invoke()", answer: str = "") -> Path:
    """A program in `folder` that runs Python scripts.

    invoke: the statement that computes; answer: what is done with its result.
    """
    packages = folder / "packages"
    (packages / "tflite_micro").mkdir(parents=True)
    (packages / "tflite_micro" / "__init__.py").touch()
    source = _RUNTIME.format(arena=ARENA, invoke=invoke, answer=answer)
    (packages / "tflite_micro" / "runtime.py").write_text(source)
    facts = packages / "tflite_micro-0.dev1.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: tflite-micro\nVersion: 0.dev1\n")
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{packages}" exec "{sys.executable}" "$@"\n')
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    return python
