"""Int8 averages that every processor rounds the same way.

TFLite's int8 MEAN rounds sum * factor, with factor = scale_in / (count * scale_out). Kernels differ in the last bits of
the factor, so a product just below a half may be rounded up by one and down by another: 104.49997 steps gave 104 on
x86-64 and 105 on arm64. With factor = p/q and q odd, its product with a whole sum stays 1/(2q) or more from a half.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ConversionError

COST = 0.01
"""Share of the output's resolution that may be given away for a factor that is a fraction."""

LAST_BITS = 1e-6
"""More, relatively, than the factors of two kernels differ by."""

ROUNDING = 2e-7
"""Relative; what the rounding of two float32 scales may move a factor by."""

LARGEST = int(1 / (2 * 255 * (LAST_BITS + ROUNDING)))
"""Largest q with which errors of both kinds cannot carry an average of at most 255 steps across a half."""


def quantised(calibrated: bytes, quantise: Callable[[bytes], bytes]) -> bytes:
    """The int8 file that `quantise` makes of a calibrated float file, the factor of its int8 averages a fraction.

    The range of an average's output grows by about COST for it, so nothing is cut off. Unchanged stay an average of too
    many values (q above LARGEST) and one whose scale is set by another tensor in a concatenation. Raises
    ConversionError where the files differ in their averages.
    """
    content = quantise(calibrated)
    # An average of another's values has to wait for its scale, hence more than one pass.
    while widened := widened_of(calibrated, content):
        better = quantise(widened)
        if _fractions(better) <= _fractions(content):
            break
        calibrated, content = widened, better
    return content


def fraction(factor: float) -> tuple[int, int]:
    """p and the smallest odd q with p/q at most `factor` (above 0) and at most COST below it."""
    q = 1
    while (p := int(factor * q)) < (1.0 - COST) * factor * q:
        q += 2
    return p, q


def widened_of(calibrated: bytes, content: bytes) -> bytes | None:
    """The calibrated file with other ranges for the averages whose factor is not a fraction yet; None without any."""
    from ai_edge_litert.tools import flatbuffer_utils

    model, integer = opened(calibrated), opened(content)
    given, factors = averages_of(model), factors_of(integer)
    if len(given) != len(factors):
        raise ConversionError(f"{len(given)} averages became {len(factors)} in int8; please report this network")
    changed = False
    for average, factor in zip(given, factors, strict=True):
        # p is at least 1.
        if factor is None or is_fraction(factor) or factor * LARGEST < 1:
            continue
        p, q = fraction(factor)
        if q > LARGEST:
            continue
        known = model.subgraphs[0].tensors[average.outputs[0]].quantization
        known.min, known.max = known.min * (factor * q / p), known.max * (factor * q / p)
        changed = True
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model)) if changed else None


def _fractions(content: bytes) -> int:
    """How many averages of an int8 file have a fraction for a factor."""
    return sum(factor is not None and is_fraction(factor) for factor in factors_of(opened(content)))


def factors_of(model: Any) -> list[float | None]:
    """The factor of every average, None where it is not computed in int8."""
    tensors, found = model.subgraphs[0].tensors, list[float | None]()
    for average in averages_of(model):
        source, target = tensors[average.inputs[0]], tensors[average.outputs[0]]
        if _is_int8(source) and _is_int8(target):
            count = int(np.prod(source.shape)) // int(np.prod(target.shape))
            found.append(float(source.quantization.scale[0]) / (count * float(target.quantization.scale[0])))
        else:
            found.append(None)
    return found


def is_fraction(factor: float) -> bool:
    """Whether it is one, but for ROUNDING, with a q up to LARGEST."""
    products = factor * np.arange(1, LARGEST + 1, 2)
    return bool((np.abs(products - np.rint(products)) <= products * ROUNDING).any())


def averages_of(model: Any) -> list[Any]:
    from ai_edge_litert import schema_py_generated as schema

    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    return [op for op in model.subgraphs[0].operators if codes[op.opcodeIndex] == schema.BuiltinOperator.MEAN]


def _is_int8(tensor: Any) -> bool:
    from ai_edge_litert import schema_py_generated as schema

    return bool(tensor.type == schema.TensorType.INT8)


def opened(content: bytes) -> Any:
    from ai_edge_litert.tools import flatbuffer_utils

    return flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
