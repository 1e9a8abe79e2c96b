"""The same file on two sets of kernels: how far their answers lie apart, under a gate of its own."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract import KernelGate
from .statistics import Proportion


@dataclass(frozen=True)
class KernelParity:
    """Answers of a file on other kernels."""

    runtime: str
    """The runtime that holds the other kernels, such as `litert 2.3.0`."""

    agreement: Proportion
    """Faces with the same top-1."""

    largest_difference: float
    """Of any probability of any face."""

    gate: KernelGate
    """The limits."""

    @property
    def passed(self) -> bool:
        """Whether the answers are within the limits; a NaN is not."""
        close = self.largest_difference <= self.gate.max_difference
        return close and self.agreement.value >= self.gate.min_agreement

    def to_dict(self) -> dict[str, Any]:
        return {
            "runtime": self.runtime,
            "agreement": self.agreement.to_dict(),
            "largest_difference": self.largest_difference,
            "gate": asdict(self.gate),
            "passed": self.passed,
        }


def compare_kernels(
    given: NDArray[np.float32], others: NDArray[np.float32], gate: KernelGate, runtime: str
) -> KernelParity:
    """Compare a file's answers, float32 [N, K], with those of the kernels of another runtime."""
    same = int((given.argmax(axis=1) == others.argmax(axis=1)).sum())
    apart = float(np.abs(given.astype("float64") - others).max())
    return KernelParity(runtime, Proportion(same, len(given)), float(f"{apart:.3g}"), gate)
