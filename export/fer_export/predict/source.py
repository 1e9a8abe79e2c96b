"""Which network and limits a pipeline has, as data that worker processes can open again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..checkpoint import checkpoint
from ..errors import UsageError
from ..network import EQUAL
from .pipeline import EXPORTED, Pipeline


@dataclass(frozen=True)
class PipelineSource:
    """What to open; with nothing set, the shipped int8 file in LiteRT, which needs no TensorFlow."""

    model: str | None = None
    """A shipped network or a path of any kind; exported files run in their own runtime, others in Keras."""

    bundle: Path | None = None
    """A bundle's folder instead."""

    weights: Path | None = None
    """Weights of an architecture JSON."""

    labels: str | None = None
    """Emotions in the order of the outputs, where the file's own are missing or wrong."""

    scaling: str | None = None
    """What a Keras network was trained on."""

    trust: bool = False
    """Whether a file that may run code is loaded."""

    min_score: float | None = None
    """Least score of a face, 0..1; by default the contract's."""

    min_size: int | None = None
    """Least longer side of a face in pixels; by default the contract's."""

    prior: str = EQUAL
    """Shares of the emotions that the answers assume: `trained`, `equal`, or a JSON file with one for each label."""

    @property
    def uses_keras(self) -> bool:
        """Whether TensorFlow is loaded: too large for one process a core."""
        return not self.bundle and self.model is not None and not self.model.lower().endswith(EXPORTED)

    def open(self, threads: int = 1) -> Pipeline:
        """The pipeline, loaded; raises a FerExportError where a file does not fit.

        threads: that look for the faces of each photo.
        """
        pipeline = self._opened()
        pipeline.limit(self.min_score, self.min_size)
        pipeline.spread(threads)
        return pipeline

    def _opened(self) -> Pipeline:
        if self.bundle and self.model:
            raise UsageError("a bundle and a model each name a network; pass only one")
        if self.bundle:
            return Pipeline.of_bundle(self.bundle, prior=self.prior)
        if self.model is None and not (self.weights or self.scaling):
            return Pipeline.of_file(None, self.labels, prior=self.prior)
        if self.model and not self.uses_keras:
            return Pipeline.of_file(Path(self.model), self.labels, prior=self.prior)
        network = checkpoint.load(
            self.model or checkpoint.DEFAULT_MODEL,
            weights=self.weights,
            labels=self.labels,
            scaling=self.scaling,
            trust=self.trust,
        )
        return Pipeline(network, prior=self.prior)
