"""The layers of a file with integer activations that have no such kernel, as the file itself names them."""

from __future__ import annotations

from collections.abc import Mapping

from ..model_file import inspect as modelfile


def of(content: bytes) -> dict[str, int]:
    """Each such layer of a file, with the number of its ops in float."""
    said = (modelfile.read(content).contract or {}).get("float_ops") or {}
    return {str(layer): int(count) for layer, count in said.items()}


def in_words(floats: Mapping[str, int], precision: str) -> str:
    """`int8 but for layer_normalization (3 ops)`, by the precision of the file."""
    layers = ", ".join(f"{layer} ({count} {'op' if count == 1 else 'ops'})" for layer, count in floats.items())
    return f"{precision} but for {layers}"
