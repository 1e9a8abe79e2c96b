"""A Keras network on labelled faces: accuracy, recall, confusion matrix, calibration error."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checkpoint import Checkpoint
from ..dataset import Faces, fit
from ..system import Readable
from .statistics import Proportion, accuracy, confusion_matrix, expected_calibration_error, finite, recalls
from .usefulness import Usefulness, usefulness


@dataclass(frozen=True)
class Evaluation(Readable):
    """A network's figures on labelled faces."""

    model: str
    """Name of the network."""

    data: str
    """Name of the data set."""

    split: str
    """The split that was judged."""

    labels: tuple[str, ...]
    """Emotions in the order of the outputs."""

    accuracy: Proportion
    """Share of faces named correctly."""

    recall: tuple[Proportion, ...]
    """Recall of each emotion, in the order of labels."""

    confusion: tuple[tuple[int, ...], ...]
    """confusion[true][predicted] counts faces, in the order of labels."""

    expected_calibration_error: float
    """Mean gap of confidence and accuracy over 15 equal-width bins, weighted by faces (Guo et al., 2017), 0..1."""

    log_loss: float
    """Mean negative log-likelihood of the true emotion, in nats."""

    usefulness: Usefulness
    """Whether the network is worth exporting."""

    checkpoint: Checkpoint | None = None
    """The network itself, where it was run."""

    @property
    def passed(self) -> bool:
        """Whether the network is better than always giving the commonest answer."""
        return self.usefulness.passed

    def to_dict(self) -> dict[str, Any]:
        document = asdict(replace(self, checkpoint=None))
        del document["checkpoint"]
        document["usefulness"] = self.usefulness.to_dict()
        if self.checkpoint is not None:
            known = ("labels_source", "scaling", "scaling_source", "evidence")
            described = self.checkpoint.to_dict()
            document |= {name: described[name] for name in known}
        document["passed"] = self.passed
        document["accuracy"] = self.accuracy.to_dict()
        for name in ("expected_calibration_error", "log_loss"):
            document[name] = finite(document[name])
        document["recall"] = {name: recall.to_dict() for name, recall in zip(self.labels, self.recall, strict=True)}
        return document


def evaluate(checkpoint: Checkpoint, faces: Faces, data: str) -> Evaluation:
    """Run a network over the faces that it has labels for; data names their file.

    Raises DataError if no face has one of the network's labels.
    """
    known, targets = faces.for_labels(checkpoint.labels)
    probabilities = checkpoint.predict(fit(known.pixels, checkpoint.size))
    found = figures(probabilities, targets, checkpoint.labels, model=checkpoint.name, data=data, split=faces.name)
    return replace(found, checkpoint=checkpoint)


def figures(
    probabilities: NDArray[np.float32],
    targets: NDArray[np.int64],
    labels: tuple[str, ...],
    *,
    model: str,
    data: str,
    split: str,
) -> Evaluation:
    """Figures of probabilities [N, K] against targets [N] (positions in labels)."""
    confusion = confusion_matrix(probabilities, targets)
    true_probability = probabilities[np.arange(len(targets)), targets].astype("float64")
    return Evaluation(
        model=model,
        data=data,
        split=split,
        labels=labels,
        accuracy=accuracy(probabilities, targets),
        recall=recalls(confusion),
        confusion=confusion,
        expected_calibration_error=round(expected_calibration_error(probabilities, targets), 5),
        log_loss=round(float(-np.log(np.maximum(true_probability, 1e-12)).mean()), 5),
        usefulness=usefulness(probabilities, targets, labels),
    )
