"""What flags say of formats and their runtimes, from the table of formats."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..contract import formats


def suffixes(fits: Callable[[formats.Format], bool], join: str = "and") -> str:
    """`.tflite, .onnx and .keras`: what files of the fitting formats end in."""
    *others, last = [row.suffix for row in formats.FORMATS.values() if fits(row)]
    return f"{', '.join(others)} {join} {last}" if others else last


def bundling() -> str:
    """`tflite, onnx (default tflite,onnx)`: formats that a bundle holds."""
    rows = formats.exported()
    able = [row.name for row in rows if row.bundled or row.bundled_on_request]
    return f"{', '.join(able)} (default {','.join(row.name for row in rows if row.bundled)})"


def runtimes(of: Callable[[formats.Format], Sequence[str]]) -> tuple[str, ...]:
    """Runtimes of all formats, each once."""
    return tuple(dict.fromkeys(name for row in formats.FORMATS.values() for name in of(row)))


def timed(row: formats.Format) -> tuple[str, ...]:
    return tuple(runtime.name for runtime in row.runtimes if not runtime.untimed)


def judging(row: formats.Format) -> tuple[str, ...]:
    return tuple(runtime.name for runtime in row.runtimes) if row.converter else ()


def is_exported(row: formats.Format) -> bool:
    return bool(row.converter)


def has_activations(row: formats.Format) -> bool:
    return bool(row.activations)
