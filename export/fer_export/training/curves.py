"""The curves of a training run as a picture."""

from __future__ import annotations

from collections.abc import Sequence

from ..system import figures


def training_curves(epochs: Sequence[dict[str, float]], best_epoch: int) -> bytes:
    """Loss and accuracy over the epochs, training and validation, with the kept epoch marked: a PNG file."""
    from matplotlib.figure import Figure

    with figures.settings():
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
        return figures.png(figure)
