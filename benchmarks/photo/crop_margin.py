"""The crop that frames a found face as FER2013 frames its faces, and what the network then gets right.

    python -m benchmarks.photo.crop_margin fer2013.csv

Measured on 3,000 Training faces: each is enlarged four times and set into two larger pictures, with its own border
drawn outwards and on plain grey; the detectors look for it in the whole photo, and the crop rule that would cut out
exactly the FER2013 frame is noted. The median of all, rounded to tens, is `CROP`. Judged on PublicTest: photo ->
detectors -> crop -> network against the 48x48 faces themselves, at CROP and around it. No windows: the faces are large.
"""

import sys
from dataclasses import replace
from typing import Any

import numpy as np
from benchmarks.record import record
from PIL import Image

from fer_export.checkpoint import checkpoint
from fer_export.contract.photo import CROP, DETECTORS, contract_for
from fer_export.dataset import read as readers
from fer_export.dataset.dataset import SIDE
from fer_export.dataset.emotions import FER2013
from fer_export.parity import statistics
from fer_export.photo import crop
from fer_export.photo.detector import Detector

ENLARGED, BORDER = 4 * SIDE, 2 * SIDE
SAMPLE, SEED = 3000, 1
SCALES = (CROP.scale - 120, CROP.scale, CROP.scale + 120)
PADDINGS: dict[str, dict[str, Any]] = {"edge": {"mode": "edge"}, "grey": {"mode": "constant", "constant_values": 128}}
WHOLE = tuple(rule for rule in DETECTORS if rule.windows == 1)
CONTRACT = replace(contract_for(FER2013, SIDE), detectors=WHOLE)
NETWORKS = ("report-512-7", "compact-7")


def photo_of(face: np.ndarray, padding: str = "edge") -> np.ndarray:
    """A face uint8 [48, 48, 1] in the middle of a larger RGB photo."""
    large = Image.fromarray(face[..., 0]).resize((ENLARGED, ENLARGED), Image.Resampling.BICUBIC)
    return np.repeat(np.pad(np.asarray(large), BORDER, **PADDINGS[padding])[..., None], 3, axis=-1)


def rules(faces: np.ndarray, padding: str, detector: Detector) -> list[list[float]]:
    """(scale, shift_x, shift_y) that give the frame, of each face in whose photo exactly one face is found."""
    found_rules, middle = [], BORDER + ENLARGED / 2
    for face in faces:
        found = detector.faces(photo_of(face, padding))
        if len(found) == 1:
            box = found[0].box
            shifts = middle - (box.left + box.right) / 2, middle - (box.top + box.bottom) / 2
            found_rules.append([1000 * figure / box.side for figure in (ENLARGED, *shifts)])
    return found_rules


def spread(found_rules: list[list[float]], photos: int) -> dict:
    """Median and quartiles."""
    quartiles = np.round(np.percentile(found_rules, (25, 50, 75), axis=0)).astype(int).T
    figures = [dict(zip(("q25", "median", "q75"), three.tolist(), strict=True)) for three in quartiles]
    named = dict(zip(("scale", "shift_x", "shift_y"), figures, strict=True))
    return {"one_face_found": len(found_rules), "of": photos, **named}


def whole_pipeline(faces: np.ndarray, targets: np.ndarray) -> dict:
    """Accuracy on the faces that are found, from the 48x48 pictures and from the photos at each scale."""
    detector, kept = Detector(CONTRACT), []
    cropped: dict[int, list[np.ndarray]] = {scale: [] for scale in SCALES}
    for i, face in enumerate(faces):
        photo = photo_of(face)
        if found := detector.faces(photo):
            kept.append(i)
            for scale, cuts in cropped.items():
                cuts.append(crop.face(photo, found[0].box, replace(CONTRACT, crop=replace(CROP, scale=scale))))
    networks = {}
    for name in NETWORKS:
        network = checkpoint.load(name)
        given = {"direct": faces[kept], **{f"scale {scale}": np.stack(cuts) for scale, cuts in cropped.items()}}
        networks[name] = {
            way: statistics.accuracy(network.predict(pictures), targets[kept]).to_dict()
            for way, pictures in given.items()
        }
    return {"found": len(kept), "of": len(faces), "accuracy": networks}


def main() -> None:
    data = readers.read(sys.argv[1])
    training = data.split("Training").sample(SAMPLE, SEED).pixels
    faces, targets = data.split("PublicTest").for_labels(FER2013)
    padded = {name: rules(training, name, Detector(CONTRACT)) for name in PADDINGS}
    alone = {
        rule.file: [rules(training, name, Detector(replace(CONTRACT, detectors=(rule,)))) for name in PADDINGS]
        for rule in WHOLE
        if not rule.margin
    }
    both = len(PADDINGS) * len(training)
    record(
        "crop_margin",
        {
            "unit": "thousandths of the longer side of the face box",
            "crop": {"scale": CROP.scale, "shift_x": CROP.shift_x, "shift_y": CROP.shift_y},
            "training_faces": {"sample": SAMPLE, "seed": SEED},
            "measured": spread([each for found in padded.values() for each in found], both),
            "paddings": {name: spread(found, len(training)) for name, found in padded.items()},
            "detectors_alone": {name: spread([*edge, *grey], both) for name, (edge, grey) in alone.items()},
            "public_test": whole_pipeline(faces.pixels, targets),
        },
    )


if __name__ == "__main__":
    main()
