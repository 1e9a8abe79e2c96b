"""Runs the program of a Core ML file in NumPy.

What the file says is computed: its weights, quantised ones too, its types and its order. Values of type float16 are
rounded to it after every op; the sums of one op are float32, where Apple's processors may take others.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import ExportFileError, one_line
from ..model_file.mil.program import Op, Program, Ref, Type
from .mil_ops import KEEPING, OPS
from .mil_values import Array, Given

CLASSIFY = "classify"

_MOST_VALUES = 1 << 23
"""Values of the largest layer that are held at once; fewer faces are answered together in large networks."""

_MOST_FACES = 64
_FAULTS = (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError)
_SAME = 1e-3
"""How far values may lie apart when faces are answered together, since sums are taken in another order; one step of
float16."""


class Interpreter:
    """A program, ready to run.

    program: of a classifier with one input, or a network with one output.

    Raises ExportFileError for an op that is not known, by its name, or constants that cannot be unpacked.
    """

    def __init__(self, program: Program) -> None:
        unknown = sorted({op.kind for op in program.ops} - {*OPS, CLASSIFY})
        if unknown:
            raise ExportFileError(
                f"this interpreter does not know the Core ML op {', '.join(unknown)[:200]}; judge the file on a Mac "
                "with `runtime='coreml'`"
            )
        if len(program.inputs) != 1:
            raise ExportFileError(f"the Core ML file has {len(program.inputs)} inputs; pass a classifier with one")
        self._values: dict[str, Any] = {name: _widened(value) for name, value in program.constants.items()}
        [self._given] = program.inputs
        self._answer = self._answers_of(program)
        self._ops = [op for op in program.ops if op.kind != CLASSIFY and not self._folded(op)]
        self._last = {name: number for number, op in enumerate(self._ops) for name in op.reads}
        largest = max([math.prod(kind.shape) for op in self._ops for _, kind in op.outputs], default=1)
        self._together = max(1, min(_MOST_FACES, _MOST_VALUES // max(1, largest)))
        self._checked = False

    def run(self, given: Array) -> Array:
        """float32 pictures [N, ...] in the form of the file's input -> probabilities [N, K]."""
        if len(given) > 1 and not self._checked:
            self._check_together(given)
        answers = [
            self._run(given[start : start + self._together])[self._answer].reshape(
                len(given[start : start + self._together]), -1
            )
            for start in range(0, len(given), self._together)
        ]
        return np.concatenate(answers).astype(np.float32)

    def _check_together(self, given: Array) -> None:
        """Files are made for one face. Several go in at once only if every op answers them as it does one by one."""
        self._checked = True
        noise = np.random.default_rng(0).integers(0, 256, (2, *given.shape[1:])).astype(np.float32)
        try:
            both, single = self._run(noise, keep=True), [self._run(noise[i : i + 1], keep=True) for i in (0, 1)]
            same = all(_is_same(both[name], single[0][name], single[1][name]) for op in self._ops for name in _made(op))
        except ExportFileError:
            same = False
        self._together = self._together if same else 1

    def _run(self, given: Array, keep: bool = False) -> dict[str, Any]:
        """The values that the ops give, by name; all of them with `keep`."""
        values: dict[str, Any] = {self._given: given}
        with np.errstate(all="ignore"):
            for number, op in enumerate(self._ops):
                values |= self._computed(op, values)
                for name in op.reads:
                    if not keep and self._last[name] == number and name != self._answer:
                        values.pop(name, None)
        if self._answer not in values:
            raise ExportFileError("no op of the Core ML file gives its output; export it again")
        return values

    def _computed(self, op: Op, values: Mapping[str, Any]) -> dict[str, Any]:
        try:
            given = {
                name: tuple(self._value(each, values) if isinstance(each, Ref) else _widened(each) for each in several)
                for name, several in op.inputs.items()
            }
            made = OPS[op.kind](Given(given))
            several = made if isinstance(made, list) else [made]
            rounding = op.kind not in KEEPING
            return {name: _typed(each, kind, rounding) for each, (name, kind) in zip(several, op.outputs, strict=True)}
        except _FAULTS as error:
            name = op.outputs[0][0] if op.outputs else ""
            raise ExportFileError(f"the Core ML op {op.kind} ({name[:80]}) cannot run: {one_line(error)}") from error

    def _value(self, ref: Ref, values: Mapping[str, Any]) -> Any:
        return values[ref.name] if ref.name in values else self._values[ref.name]

    def _folded(self, op: Op) -> bool:
        """Whether an op needs no picture; it is then computed now, once."""
        if any(name not in self._values for name in op.reads):
            return False
        with np.errstate(all="ignore"):
            self._values |= self._computed(op, {})
        return True

    def _answers_of(self, program: Program) -> str:
        """The name of the probabilities."""
        given = program.classify.inputs.get("probabilities", ()) if program.classify else ()
        if given and isinstance(given[0], Ref):
            return given[0].name
        if program.classify is None and len(program.outputs) == 1:
            return program.outputs[0]
        raise ExportFileError(
            f"the Core ML file has {len(program.outputs)} outputs and no probabilities of classes; pass a classifier"
        )


def _made(op: Op) -> tuple[str, ...]:
    return tuple(name for name, _ in op.outputs)


def _is_same(both: Array, first: Array, second: Array) -> bool:
    if np.shape(both)[1:] != np.shape(first)[1:] or np.shape(both)[:1] != (2,) or np.shape(first)[:1] != (1,):
        # What does not depend on the pictures, such as a shape, is the same for each of them.
        return bool(np.array_equal(both, first) and np.array_equal(both, second))
    apart = np.abs(both.astype(np.float64) - np.concatenate([first, second]))
    return bool((apart <= _SAME * (1 + np.abs(both))).all())


def _widened(value: Any) -> Any:
    """Float16 and float64 as the float32 that they are computed in."""
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return value.astype(np.float32, copy=False)
    return value


def _typed(value: Array, kind: Type, rounding: bool) -> Array:
    """A value as its type stores it."""
    value = np.asarray(value)
    if value.dtype.kind != "f":
        return value
    if kind.dtype == "float16" and rounding:
        return value.astype(np.float16).astype(np.float32)
    return value.astype(np.float32, copy=False)
