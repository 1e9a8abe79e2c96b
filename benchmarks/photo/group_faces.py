"""Faces of a group, by their size in the photo, that the detectors find with and without windows, and their mistakes.

    python -m benchmarks.photo.group_faces fer2013.csv

Photos are squares of n x n Training faces, each enlarged to 96 pixels: side by side, as a grid of FER2013 cut-outs is
often drawn, and half a face apart on grey and on noise. Mistaken are boxes that are no face's own, there and in the
pictures without a face that scikit-image brings. Then single faces on grey that the photo's left edge cuts off. The
contract's limits were chosen on groups drawn the same way (with another seed) and on these very pictures, so the
figures are slightly optimistic. Times are those of `predict_timings`.
"""

import sys
from dataclasses import replace
from importlib import metadata, resources
from pathlib import Path

import numpy as np
from benchmarks.record import record
from PIL import Image

from fer_export.contract.photo import DETECTORS, contract_for
from fer_export.dataset import read as readers
from fer_export.dataset.dataset import SIDE
from fer_export.dataset.emotions import FER2013
from fer_export.photo import read as photo
from fer_export.photo.crop import Box
from fer_export.photo.detector import Detector
from fer_export.photo.merging import Face

FACE, GROUPS, SEED = 96, 3, 1
PER_SIDE = (2, 3, 4, 6, 8, 10, 16, 24)
CUT, CUT_FACES = (0.0, 0.2, 0.3, 0.4, 0.5), 60
"""Shares of a face's width that lie outside the photo, and how many faces."""

GROUNDS = ("side by side", "on grey", "on noise")
WITH_FACES = ("astronaut.png", "camera.png")
CONTRACT = contract_for(FER2013, SIDE)
RULES = {
    "whole photo": tuple(rule for rule in DETECTORS if rule.windows == 1),
    "and windows of a half": tuple(rule for rule in DETECTORS if rule.windows <= 2),
    "and of a quarter": DETECTORS,
}


def group(faces: np.ndarray, per_side: int, ground: str, draw: np.random.Generator) -> tuple[np.ndarray, list[Box]]:
    """Faces uint8 [n * n, 48, 48] as an RGB photo, and each one's place."""
    gap = 0 if ground == "side by side" else FACE // 2
    side = per_side * FACE + (per_side + 1) * gap
    shown = np.full((side, side), 128, np.uint8)
    if ground == "on noise":
        blocks = draw.normal(120, 40, (side // 16 + 1,) * 2).clip(0, 255).astype(np.uint8)
        shown = blocks.repeat(16, 0).repeat(16, 1)[:side, :side].copy()
    places = []
    for number, face in enumerate(faces):
        top, left = (gap + at * (FACE + gap) for at in divmod(number, per_side))
        large = Image.fromarray(face).resize((FACE, FACE), Image.Resampling.BICUBIC)
        shown[top : top + FACE, left : left + FACE] = np.asarray(large)
        places.append(Box(left, top, left + FACE, top + FACE))
    return np.repeat(shown[..., None], 3, axis=-1), places


def judged(found: tuple[Face, ...], places: list[Box]) -> tuple[int, int]:
    """How many places have a box of their own about as large as a face, and how many boxes have none."""
    taken: set[Box] = set()
    for face in found:
        x, y = (face.box.left + face.box.right) / 2, (face.box.top + face.box.bottom) / 2
        around = [box for box in places if box.left <= x < box.right and box.top <= y < box.bottom]
        taken.update(box for box in around if 0.4 < face.box.side / FACE < 1.3)
    return len(taken), len(found) - len(taken)


def cut_off(face: np.ndarray, share: float) -> np.ndarray:
    """A face uint8 [48, 48] in an RGB photo of four times its side, whose left edge cuts off `share` of its width."""
    shown = np.full((4 * FACE, 4 * FACE), 128, np.uint8)
    large = np.asarray(Image.fromarray(face).resize((FACE, FACE), Image.Resampling.BICUBIC))
    kept = large[:, round(share * FACE) :]
    shown[FACE : 2 * FACE, : kept.shape[1]] = kept
    return np.repeat(shown[..., None], 3, axis=-1)


def without_faces() -> list[np.ndarray]:
    """Pictures of scikit-image that show nobody's face."""
    folder = Path(str(resources.files("skimage"))) / "data"
    files = sorted(file for file in folder.iterdir() if file.name.endswith((".png", ".jpg")))
    return [photo.read(file) for file in files if file.name not in WITH_FACES]


def main() -> None:
    faces = readers.read(sys.argv[1]).split("Training").sample(GROUPS * max(PER_SIDE) ** 2, SEED).pixels[..., 0]
    draw = np.random.default_rng(SEED)
    groups = {
        (ground, n): [group(draw.choice(faces, n * n, replace=False), n, ground, draw) for _ in range(GROUPS)]
        for ground in GROUNDS
        for n in PER_SIDE
    }
    pictures, rows = without_faces(), []
    for name, rules in RULES.items():
        detector, sizes = Detector(replace(CONTRACT, detectors=rules)), []
        for (ground, n), photos in groups.items():
            hits = mistakes = 0
            for shown, places in photos:
                right, wrong = judged(detector.faces(shown), places)
                hits, mistakes = hits + right, mistakes + wrong
            share = round(FACE / photos[0][0].shape[0], 3)
            figures = {"found": hits, "of": n * n * GROUPS, "mistaken": mistakes}
            sizes.append({"ground": ground, "faces": n * n, "share_of_side": share, **figures})
        mistaken = sum(len(detector.faces(shown)) for shown in pictures)
        rows.append({"rules": name, "groups": sizes, "mistaken_without_faces": mistaken})
    detector = Detector(CONTRACT)
    edges = [
        {"cut_off": share, "found": sum(bool(detector.faces(cut_off(face, share))) for face in faces[:CUT_FACES])}
        for share in CUT
    ]
    version = metadata.version("scikit-image")
    nobody = {"count": len(pictures), "from": f"scikit-image {version}"}
    record(
        "group_faces",
        {
            "merge": CONTRACT.to_dict()["merge"],
            "pictures_without_faces": nobody,
            "rows": rows,
            "edge": {"of": CUT_FACES, "rows": edges},
        },
    )


if __name__ == "__main__":
    main()
