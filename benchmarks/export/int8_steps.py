"""What each step before the converter gives int8: agreement with Keras on PublicTest, step by step.

    python -m benchmarks.export.int8_steps fer2013.csv [NETWORK ...] [--again]

NETWORK is a shipped name or the path of anybody's network; labels and scaling are those that the Training faces show.
The first row leaves batch norms to TensorFlow and does nothing else: plain post-training int8. Pictures of more than 96
pixels are judged on 500 faces.

A network is recorded as soon as it is measured: a run that was cut off goes on where it ended. --again measures
networks that are recorded already.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.record import RESULTS, record

from fer_export import runtimes
from fer_export.calibration import calibration_set
from fer_export.checkpoint import checkpoint, shipped
from fer_export.checkpoint.checkpoint import Checkpoint
from fer_export.contract import variants
from fer_export.convert import convert
from fer_export.convert import tflite as tflite_converter
from fer_export.dataset import fit
from fer_export.dataset import read as readers
from fer_export.dataset.dataset import Dataset
from fer_export.network import has_depthwise
from fer_export.network import prepare as graph
from fer_export.parity import ParityFaces, judging_faces, with_evidence
from fer_export.parity import compare as parity

NETWORKS = ("report-512-7", "compact-7")
"""With batch norms behind their ReLU, and with batch norms that fold into their convolution."""

LARGE, FEW = 96, 500


def nothing(network: Any, *faces: Any, **options: Any) -> Any:
    """Stands in for a step that is left out: the network stays as it is."""
    return network


def extremes(network: Any) -> bool:
    """Stands in for the question whether ranges are chosen by their error."""
    return False


STEPS = (
    ("batch norms rewritten", graph, "without_batch_norms", nothing),
    ("channels equalised", graph, "equalise", nothing),
    ("logits as gaps", graph, "narrowed", nothing),
    ("weights fitted and rounded together", graph, "fit", nothing),
    ("ranges by error", tflite_converter, "has_depthwise", extremes),
)
"""Name, the module that calls it, its name there, and what stands in for it. The last is for networks with depthwise
convolutions."""

WHOLE = [getattr(module, attribute) for _, module, attribute, _ in STEPS]
"""The steps themselves: what a network leaves out stands in for them until the next is measured."""


def measured(network: Checkpoint, data: Dataset) -> list[dict[str, Any]]:
    """A row a step."""
    public = data.split("PublicTest")
    faces = judging_faces.labelled_faces(network, data, "PublicTest")
    if network.size > LARGE:
        kept, targets = public.sample(FEW, 1).for_labels(network.labels)
        faces = ParityFaces(fit(kept.pixels, network.size), targets, f"{FEW} of {faces.source}", ())
    reference, variant = network.predict(faces.images), variants.find("tflite", "int8")
    calibrating = calibration_set.from_training(data.split("Training"), public, network.labels, network.size)
    steps = STEPS if has_depthwise(network.network) else STEPS[:-1]
    rows: list[dict[str, Any]] = []
    for count in range(len(steps) + 1):
        for position, (_, module, attribute, stand_in) in enumerate(STEPS):
            setattr(module, attribute, WHOLE[position] if position < count else stand_in)
        # Faces of its own: what was rounded for the same ones would be taken again.
        fresh = replace(calibrating, images=calibrating.images.copy())
        content = convert(network, variant, calibration=fresh)
        given = runtimes.LiteRt(content).run(faces.images)
        judged = parity.compare(reference, given, faces, variant.gate, network.labels)
        rows.append(
            {
                "steps": "plain" if count == 0 else f"+ {steps[count - 1][0]}",
                "agreement": round(judged.agreement.value, 4),
                "drop": judged.drop,
                "mean_difference": judged.mean_difference,
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description="What each step before the converter gives int8.")
    parser.add_argument("data", help="fer2013.csv")
    parser.add_argument("networks", nargs="*", default=NETWORKS, metavar="NETWORK")
    parser.add_argument("--again", action="store_true", help="also networks that are recorded already")
    options = parser.parse_args()
    data, known = readers.read(options.data), RESULTS / "int8_steps.json"
    networks = json.loads(known.read_text())["networks"] if known.exists() else {}
    for name in options.networks:
        given = name if name in shipped.shipped_names() else Path(name)
        short = Path(name).stem
        if short not in networks or options.again:
            networks[short] = measured(with_evidence(checkpoint.load(given, trust=True), data), data)
            record("int8_steps", {"split": "PublicTest", "networks": networks})


if __name__ == "__main__":
    main()
