"""What each step before the converter gives int8: agreement with Keras on PublicTest, step by step.

    python -m benchmarks.export.int8_steps fer2013.csv [NETWORK ...]

The first row leaves batch norms to TensorFlow and does nothing else: plain post-training int8.
"""

import sys
from typing import Any

from benchmarks.record import record

from fer_export import runtimes
from fer_export.calibration import calibration_set
from fer_export.checkpoint import checkpoint
from fer_export.checkpoint.checkpoint import Checkpoint
from fer_export.contract import variants
from fer_export.convert import convert
from fer_export.dataset import read as readers
from fer_export.dataset.dataset import Dataset
from fer_export.network import prepare as graph
from fer_export.parity import compare as parity
from fer_export.parity import judging_faces, with_evidence

NETWORKS = ("report-512-7", "compact-7")
"""With batch norms behind their ReLU, and with batch norms that fold into their convolution."""

STEPS = ("without_batch_norms", "equalise", "narrowed", "fit")
NAMES = {
    "without_batch_norms": "batch norms rewritten",
    "equalise": "channels equalised",
    "narrowed": "logits as gaps",
    "fit": "weights fitted and rounded together",
}


def nothing(network: Any, *faces: Any, **options: Any) -> Any:
    """Stands in for a step that is left out: the network stays as it is."""
    return network


def measured(network: Checkpoint, data: Dataset) -> list[dict[str, Any]]:
    """A row a step."""
    public = data.split("PublicTest")
    faces = judging_faces.labelled_faces(network, data, "PublicTest")
    reference, variant = network.predict(faces.images), variants.find("tflite", "int8")
    calibrating = calibration_set.from_training(data.split("Training"), public, network.labels, network.size)
    whole = {step: getattr(graph, step) for step in STEPS}
    rows: list[dict[str, Any]] = []
    for count in range(len(STEPS) + 1):
        for position, step in enumerate(STEPS):
            setattr(graph, step, whole[step] if position < count else nothing)
        content = convert(network, variant, calibration=calibrating)
        given = runtimes.LiteRt(content).run(faces.images)
        judged = parity.compare(reference, given, faces, variant.gate, network.labels)
        rows.append(
            {
                "steps": "plain" if count == 0 else f"+ {NAMES[STEPS[count - 1]]}",
                "agreement": round(judged.agreement.value, 4),
                "drop": judged.drop,
                "mean_difference": judged.mean_difference,
            }
        )
    return rows


def main() -> None:
    data = readers.read(sys.argv[1])
    networks = {}
    for name in sys.argv[2:] or NETWORKS:
        network = with_evidence(checkpoint.load(name), data)
        networks[network.name] = measured(network, data)
    record("int8_steps", {"split": "PublicTest", "networks": networks})


if __name__ == "__main__":
    main()
