"""Pictures of results, as PNG bytes (matplotlib's Agg, no window)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...system import figures

if TYPE_CHECKING:
    from ...parity import Evaluation


def confusion_matrix(result: Evaluation) -> bytes:
    """Rows are true emotions, columns predictions; each cell shows its share of the row and its faces."""
    from matplotlib.figure import Figure

    faces = np.array(result.confusion)
    shares = faces / np.maximum(faces.sum(axis=1, keepdims=True), 1)
    with figures.settings():
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
        return figures.png(figure)
