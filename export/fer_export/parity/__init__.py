"""An exported file against Keras: figures, gate, judgement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import on_demand

if TYPE_CHECKING:
    from .evaluation import Evaluation
    from .evidence import with_evidence
    from .figures import ClassRecall, Parity, ParityFaces
    from .gate import SIGNIFICANT
    from .judge import Judge, Judged, Judgement
    from .kernels import KernelParity
    from .statistics import Proportion
    from .usefulness import Usefulness

__all__ = [
    "ClassRecall",
    "Evaluation",
    "Judge",
    "Judged",
    "Judgement",
    "KernelParity",
    "Parity",
    "ParityFaces",
    "Proportion",
    "SIGNIFICANT",
    "Usefulness",
    "with_evidence",
]

__getattr__ = on_demand(
    __name__,
    {
        "ClassRecall": "figures",
        "Evaluation": "evaluation",
        "Judge": "judge",
        "Judged": "judge",
        "Judgement": "judge",
        "KernelParity": "kernels",
        "Parity": "figures",
        "ParityFaces": "figures",
        "Proportion": "statistics",
        "SIGNIFICANT": "gate",
        "Usefulness": "usefulness",
        "with_evidence": "evidence",
    },
)
