"""The one table of format x precision: which files there are, what each computes in, and what it must keep."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..errors import UsageError
from .formats import FORMATS, IO_TYPES


@dataclass(frozen=True)
class Gate:
    """What a file must keep of its Keras network to pass parity."""

    min_agreement: float
    """Share of faces with the same top-1, 0..1."""
    max_drop: float
    """Accuracy lost, in percentage points; judged where the faces have true labels."""
    max_mean_difference: float
    """Mean over faces of the largest difference of a face's probabilities: catches damage that keeps the top-1."""
    max_recall_drop: float = 10.0
    """Points of recall that any one emotion may lose beyond chance: catches a rare emotion that is lost."""


@dataclass(frozen=True)
class KernelGate:
    """How far the answers of other kernels for the same file may lie apart."""

    min_agreement: float
    """Share of faces with the same top-1, 0..1."""
    max_difference: float
    """Largest difference of any probability."""


@dataclass(frozen=True)
class Variant:
    """One format at one precision."""

    format: str
    """Key of formats.FORMATS."""
    precision: str
    """Word of `--quantize`."""
    summary: str
    """What weights and arithmetic are."""
    integer: bool
    """Whether activations or weights are integers that a calibration set sets."""
    gate: Gate
    """What it must keep."""
    output_types: tuple[str, ...] = ("float32",)
    """What `--io` may ask for; a byte output needs a file whose last op computes in int8."""
    kernel_gate: KernelGate | None = None
    """Limits to the format's twin; None without one."""
    slow: bool = False
    """Whether its runtime has plain kernels only: judged on as many faces as its gate needs."""
    probe_difference: float | None = None
    """The gate's largest mean difference where probe faces calibrate and judge; None for the gate's own.

    A probe face shows one emotion so plainly that hardly any answer changes: only the probabilities tell files apart.
    """

    @property
    def suffix(self) -> str:
        """File extension with its dot."""
        return FORMATS[self.format].suffix

    def gate_for(self, *, probed: bool) -> Gate:
        """The gate; probed: whether probe faces calibrated the file and judge it."""
        limit = self.probe_difference if probed else None
        return self.gate if limit is None else replace(self.gate, max_mean_difference=limit)

    @property
    def repairable(self) -> bool:
        """Whether a file that fails can be made again with its worst layers in float."""
        return self.precision == "int8" and bool(FORMATS[self.format].activations)

    @property
    def label(self) -> str:
        """`int8 TFLite`: how people name it."""
        return f"{PRECISION_NAMES[self.precision]} {FORMATS[self.format].title}"

    def file_name(self, model: str, input_kind: str, mirror: bool = False) -> str:
        """`<model>-<precision>.tflite`; inputs other than grey add their name, and so does a mirror image."""
        kind = ("" if input_kind == "gray" else f"-{input_kind}") + ("-mirror" if mirror else "")
        return f"{model}-{PRECISION_NAMES[self.precision]}{kind}{self.suffix}"


PRECISION_NAMES = {
    "none": "fp32",
    "fp16": "fp16",
    "dynamic": "dynamic",
    "int8": "int8",
    "int16x8": "int16x8",
    "palette6": "palette6",
}
"""The word in file names and tables for each word of `--quantize`."""

PROBE_DIFFERENCE = 0.0177
"""Shipped networks lie under it and agree on 98 % of PublicTest and more; mini-Xceptions, over it, on 97 %."""

VARIANTS: tuple[Variant, ...] = (
    Variant("tflite", "none", "float32 weights and arithmetic", False, Gate(0.995, 0.5, 1e-4)),
    Variant("tflite", "fp16", "float16 weights, float32 arithmetic", False, Gate(0.995, 0.5, 0.005)),
    Variant("tflite", "dynamic", "int8 weights, float32 activations", False, Gate(0.98, 0.5, 0.05)),
    Variant(
        "tflite",
        "int8",
        "int8 weights and activations",
        True,
        Gate(0.98, 0.5, 0.05),
        IO_TYPES,
        probe_difference=PROBE_DIFFERENCE,
    ),
    Variant("tflite", "int16x8", "int8 weights, int16 activations", True, Gate(0.995, 0.5, 0.02), slow=True),
    Variant("onnx", "none", "float32 weights and arithmetic", False, Gate(0.995, 0.5, 1e-4)),
    Variant("onnx", "fp16", "float16 weights and arithmetic", False, Gate(0.995, 0.5, 0.005)),
    Variant("onnx", "dynamic", "int8 weights, activations quantised at run time", False, Gate(0.98, 0.5, 0.05)),
    Variant(
        "onnx",
        "int8",
        "int8 weights, uint8 activations (QDQ)",
        True,
        Gate(0.98, 0.5, 0.05),
        probe_difference=PROBE_DIFFERENCE,
    ),
    Variant(
        "microcontroller",
        "int8",
        "int8 weights and activations, as a C array",
        True,
        Gate(0.98, 0.5, 0.05),
        IO_TYPES,
        # Softmax's 256 steps: kernels that round otherwise were found up to 7 of them apart (export/README.md).
        KernelGate(0.985, 16 / 256),
    ),
    Variant("coreml", "none", "float32 weights and arithmetic", False, Gate(0.995, 0.5, 1e-4)),
    Variant("coreml", "fp16", "float16 weights and arithmetic", False, Gate(0.995, 0.5, 0.005)),
    Variant("coreml", "int8", "int8 weights, float16 arithmetic", True, Gate(0.98, 0.5, 0.05)),
    # A gate of its own: no face takes part, and nano-7 agrees on 97.9 % of PublicTest, at the same accuracy.
    Variant("coreml", "palette6", "weights of 64 values a layer, float16 arithmetic", False, Gate(0.97, 0.5, 0.05)),
)


def precisions(file_format: str) -> tuple[str, ...]:
    """The words of `--quantize` for a format."""
    return tuple(variant.precision for variant in VARIANTS if variant.format == file_format)


def compared() -> tuple[Variant, ...]:
    """The variants that `all` makes; those of other formats have commands of their own."""
    return tuple(variant for variant in VARIANTS if FORMATS[variant.format].everywhere)


def find(file_format: str, precision: str) -> Variant:
    """The variant of that format and precision; raises UsageError with the nearest right word."""
    for variant in VARIANTS:
        if (variant.format, variant.precision) == (file_format, precision):
            return variant
    if file_format not in FORMATS:
        raise UsageError(
            f"unknown format {file_format!r}{nearest(file_format, tuple(FORMATS))}; choose one of {', '.join(FORMATS)}"
        )
    choices = precisions(file_format)
    raise UsageError(
        f"unknown precision {precision!r}{nearest(precision, choices)}; choose one of {', '.join(choices)}"
    )


def nearest(word: str, choices: Sequence[str]) -> str:
    """` (did you mean 'int8'?)` where a choice is close to the word, otherwise nothing."""
    known = {**{name.lower(): precision for precision, name in PRECISION_NAMES.items()}, **{c: c for c in choices}}
    close = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.5)
    return f" (did you mean {known[close[0]]!r}?)" if close and known[close[0]] in choices else ""
