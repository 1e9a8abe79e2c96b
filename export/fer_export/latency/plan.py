"""What is timed in a benchmark: every file in its runtimes with each number of threads, and matrix products."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..contract import PRECISION_NAMES, formats, nearest
from ..errors import UsageError
from ..model_file import GraphSummary, inspect
from ..runtimes import runtimes_of

ARITHMETIC = {"none": "float32", "fp16": "float32", "dynamic": "int8", "int8": "int8", "int16x8": "int8"}
"""The matrix product that a precision is compared with; int16 has none."""

_DYNAMIC_OPS = frozenset({"ConvInteger", "DynamicQuantizeLinear", "MatMulInteger"})
_INTEGER_OPS = frozenset({"QLinearConv", "QLinearMatMul", "QuantizeLinear"})


@dataclass(frozen=True)
class File:
    """What is known of a file before it runs."""

    path: Path
    """Path of the file."""

    format: str
    """Key of contract.formats."""

    model: str
    """Name of the network, from its contract, otherwise from its name and ops."""

    precision: str
    """From its contract, otherwise from its name and ops."""

    graph: GraphSummary | None
    """None for a .keras file, which only Keras can read."""

    mirror: bool = False
    """Whether it averages over the face and its mirror image."""


@dataclass(frozen=True)
class Entrant:
    """A file, or the matrix product, in one runtime with a number of threads."""

    runtime: str
    """Name of the runtime."""

    threads: int
    """Threads of one inference."""

    path: Path
    """Path of the file; of the script for the matrix product."""

    file: File | None
    """None for the matrix product."""

    arithmetic: str
    """Arithmetic of the matrix product."""


def entrants(paths: Sequence[Path], runtimes: Sequence[str] | None, threads: Sequence[int]) -> list[Entrant]:
    """Every file in every runtime named that takes its format, or in its usual one, by runtime and threads.

    Raises UsageError for a runtime that is unknown or takes none of the files, ExportFileError for a file that
    cannot be read.
    """
    named, known = tuple(dict.fromkeys(runtimes or ())), tuple(formats.runtimes())
    for name in named:
        if name not in known:
            near, choices = nearest(name, known), ", ".join(known)
            raise UsageError(f"unknown runtime {name!r}{near}; choose one of {choices}")
    files = [read(path) for path in dict.fromkeys(paths)]
    found = []
    for file in files:
        usual = runtimes_of(file.format)
        chosen = [name for name in named if name in usual] or usual[:1]
        found += [
            Entrant(name, count, file.path, file, ARITHMETIC[file.precision])
            for name in chosen
            for count in dict.fromkeys(threads)
        ]
    for entrant in found:
        if why := formats.runtimes()[entrant.runtime].untimed:
            raise UsageError(f"{entrant.path} is not timed: {why}; remove it from the files")
    idle = next((name for name in named if name not in {entrant.runtime for entrant in found}), None)
    if idle:
        raise UsageError(f"{idle} cannot run any of these files; remove it from `runtime`")
    return sorted(found, key=lambda entrant: (known.index(entrant.runtime), entrant.threads))


def matrix_products(taking_part: Sequence[Entrant], folder: Path) -> list[Entrant]:
    """The matrix products that the files are compared with, written as files into `folder`."""
    wanted = {
        (entrant.runtime, entrant.threads, entrant.arithmetic): entrant.file.format
        for entrant in taking_part
        if entrant.file and entrant.file.graph and entrant.file.graph.macs
        if formats.FORMATS[entrant.file.format].matrix_product
    }
    made = []
    for (runtime, threads, arithmetic), file_format in wanted.items():
        path = folder / f"matmul-{arithmetic}.{file_format}"
        if not path.exists():
            path.write_bytes(formats.loaded(formats.FORMATS[file_format].matrix_product)(arithmetic))
        made.append(Entrant(runtime, threads, path, None, arithmetic))
    return made


def read(path: Path) -> File:
    """Read what is known of a file; raises ExportFileError when it cannot be read or is of no known format."""
    if path.suffix == formats.FORMATS[formats.KERAS].suffix:
        inspect.read_file(path)
        return File(path, formats.KERAS, path.parent.name if path.stem == "model" else path.stem, "none", None)
    info = inspect.inspect_file(path)
    contract = info.metadata.contract or {}
    model, precision = contract.get("model"), contract.get("precision")
    return File(
        path,
        info.graph.format,
        model if isinstance(model, str) else _without_precision(path.stem),
        precision if precision in ARITHMETIC else precision_of(info.graph),
        info.graph,
        contract.get("mirror") is True,
    )


def precision_of(graph: GraphSummary) -> str:
    """The precision that a file's ops show: `none`, `fp16`, `dynamic`, `int8` or `int16x8`."""
    names = {op.name for op in graph.ops}
    if names & _DYNAMIC_OPS:
        return "dynamic"
    computing = [op for op in graph.ops if op.name in graph.compute_op_counts]
    activations = {op.outputs[0] for op in computing if op.outputs}
    if "int16" in activations:
        return "int16x8"
    if names & _INTEGER_OPS or "int8" in activations:
        return "int8"
    if any("int8" in op.inputs for op in computing):
        return "dynamic"
    return "fp16" if any("float16" in op.inputs for op in graph.ops) else "none"


def _without_precision(name: str) -> str:
    """`faces-int8` -> `faces`: files of one network made elsewhere share the rest of their names."""
    words = "|".join(sorted({*PRECISION_NAMES, *PRECISION_NAMES.values()}, key=len, reverse=True))
    return re.sub(rf"[-_.](?:{words})(?=$|[-_.])", "", name)
