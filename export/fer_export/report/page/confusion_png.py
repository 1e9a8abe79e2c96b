"""Pictures of results, as PNG bytes (matplotlib's Agg, no window)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ...parity.evaluation import Evaluation


def training_curves(epochs: Sequence[dict[str, float]], best_epoch: int) -> bytes:
    """Loss and accuracy over the epochs, training and validation, with the kept epoch marked."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), dpi=120, layout="constrained")
    numbers = range(1, len(epochs) + 1)
    for position, quantity in enumerate(("loss", "accuracy"), start=1):
        axes = figure.add_subplot(1, 2, position)
        axes.plot(numbers, [epoch[quantity] for epoch in epochs], label="training", color="#7a7a7a")
        axes.plot(numbers, [epoch[f"val_{quantity}"] for epoch in epochs], label="validation", color="#0b6e4f")
        axes.axvline(best_epoch, linestyle=":", color="#0b6e4f", label=f"kept: epoch {best_epoch}")
        axes.set_xlabel("epoch")
        axes.set_ylabel(quantity)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    return _png(figure)


def confusion_matrix(result: Evaluation) -> bytes:
    """Rows are true emotions, columns predictions; each cell shows its share of the row and its faces."""
    from matplotlib.figure import Figure

    faces = np.array(result.confusion)
    shares = faces / np.maximum(faces.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(7.2, 6.4), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Greens", vmin=0, vmax=1)
    for (true, predicted), share in np.ndenumerate(shares):
        color = "white" if share > 0.55 else "#1d1d1d"
        text = f"{100 * share:.0f} %\n{faces[true, predicted]}"
        axes.text(predicted, true, text, ha="center", va="center", color=color, fontsize=9)
    axes.set_xticks(range(len(result.labels)), result.labels, rotation=30)
    axes.set_yticks(range(len(result.labels)), result.labels)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    low, high = result.accuracy.interval
    axes.set_title(
        f"{result.model} on {result.split}: {100 * result.accuracy.value:.1f} % "
        f"({100 * low:.1f}-{100 * high:.1f}) of {result.accuracy.count:,} faces",
        fontsize=11,
    )
    return _png(figure)


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
