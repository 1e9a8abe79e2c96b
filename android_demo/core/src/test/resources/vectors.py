"""Writes vectors.json beside itself: what Python's crop, letterbox, decoding and merging give for made-up pictures.

Run by hand where the rules change: `python vectors.py`. The pictures are formulas, so that no bytes need to travel.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fer_export.contract.photo import DetectorRule, Grid, MergeRule, PhotoContract, contract_for
from fer_export.photo.crop import Box, face, square
from fer_export.photo.detector import anchors, decoded, letterbox, suppressed, windows
from fer_export.photo.merging import Face, merged

PICTURES = [(1, 1), (1, 9), (47, 48), (64, 40), (333, 217), (1025, 768), (5000, 2)]
BOXES = [(0, 0, 1, 1), (5, 5, 5, 5), (-30, -20, 10, 25), (10, 12, 58, 60), (100, 50, 201, 190), (20, 20, 10, 5)]
BOXES += [(-9000, -9000, 9000, 9000), (300, 200, 340, 230), (2**31 - 9, 0, 2**31 - 1, 7), (-(2**31), 3, 2, 8)]
SIDES = [(16, 0), (128, 0), (192, 0), (128, 25), (20, 4)]
"""Side and border of a letterbox."""

MERGED = (600, 400)
"""Width and height of the photo in which made-up candidates are merged."""

DETECTOR = DetectorRule("made-up.tflite", "0" * 64, 16, 1, 0, (Grid(4, 2), Grid(2, 3)), 400, 300)


def picture(width: int, height: int) -> np.ndarray:
    """uint8 [height, width, 3]."""
    y, x, channel = np.ogrid[:height, :width, :3]
    return ((x * x * 3 + y * 7 + x * y + channel * 85) % 256).astype(np.uint8)


def crops(contract: PhotoContract) -> list[dict[str, Any]]:
    found = []
    for width, height in PICTURES:
        for edges in BOXES:
            box = Box(*edges)
            cut = square(box, width, height, contract.crop)
            gray = face(picture(width, height), box, contract)
            place = {"size": [width, height], "box": edges, "square": [cut.left, cut.top, cut.side]}
            found.append({**place, "sha256": hashlib.sha256(gray.tobytes()).hexdigest()})
    return found


def letterboxes() -> list[dict[str, Any]]:
    found = []
    for width, height in PICTURES:
        for side, border in SIDES:
            canvas, corner, small = letterbox(picture(width, height), side, border)
            place = {"size": [width, height], "side": side, "border": border, "place": [*corner, *small]}
            found.append({**place, "sha256": hashlib.sha256(canvas.tobytes()).hexdigest()})
    return found


def windows_of_pictures() -> list[dict[str, Any]]:
    found = []
    for width, height in PICTURES:
        for count in (1, 2, 4):
            rule = replace(DETECTOR, windows=count)
            _, corner, small = letterbox(picture(width, height), count * rule.size)
            found.append({"size": [width, height], "windows": count, "places": windows(rule, corner, small)})
    return found


def merging() -> list[dict[str, Any]]:
    """Candidates around a few places, a list a detector rule, and the faces that the versions make of them."""
    draw, cases = np.random.default_rng(3), []
    versions = [(3, 2, 450, 0), (3, 1, 600, 0), (3, 2, 990, 0), (3, 2, 450, 150), (3, 1, 600, 250)]
    for version, windows_of_last, least, small in [*versions, (2, 2, 0, 0), (2, 1, 0, 0), (1, 1, 0, 0)] * 2:
        rules = tuple(
            replace(DETECTOR, file=file, windows=count)
            for file, count in [("a.tflite", 1), ("b.tflite", 1), ("a.tflite", windows_of_last)]
        )
        rule = (
            MergeRule(400, 300, least, 12, 700, small, 650)
            if version > 2
            else MergeRule(1000, 300, 0, 1, 1000, 0, 1000)
        )
        contract = replace(contract_for(("angry",), 48), detectors=rules, merge=rule, version=version)
        places = draw.integers((-40, -40, 8), (*MERGED, 160), (12, 3))
        found = [(each, [_candidate(draw, places, each.file) for _ in range(10)]) for each in rules]
        found = [(each, sorted(faces, key=lambda face: -face.score)) for each, faces in found]
        cases.append(
            {
                "contract": contract.to_dict(),
                "size": list(MERGED),
                "found": [[face.to_dict() for face in faces] for _, faces in found],
                "faces": [face.to_dict() for face in merged(found, MERGED, contract)],
            }
        )
    return cases


def _candidate(draw: np.random.Generator, places: np.ndarray, file: str) -> Face:
    left, top, side = draw.choice(places)
    shift_x, shift_y, wider = draw.integers(-side // 4, side // 4 + 1, 3)
    box = Box(*(int(v) for v in (left + shift_x, top + shift_y, left + shift_x + side + wider, top + shift_y + side)))
    # Scores of few digits, so that some are equal and all are the same in JSON.
    return Face(box, int(draw.integers(30, 100)) / 100, file)


def faces() -> list[list[float]]:
    centres = anchors(DETECTOR)
    at = np.arange(len(centres))[:, None]
    regressors = ((at * 13 + np.arange(16) * 7) % 19 - 4) / np.float32(2)
    scores = ((at[:, 0] * 37) % 41 - 20) / np.float32(8)
    kept = suppressed(*decoded(regressors.astype(np.float32), scores.astype(np.float32), centres, DETECTOR), 300)
    return [[*edges.tolist(), score] for edges, score in kept]


def main() -> None:
    contract = contract_for(("angry", "happy", "neutral"), 48)
    small = replace(contract, detectors=(DETECTOR,))
    document = {
        "contract": contract.to_dict(),
        "crops": crops(contract),
        "letterboxes": letterboxes(),
        "windows": windows_of_pictures(),
        "merging": merging(),
        "detector": {"contract": small.to_dict(), "faces": faces()},
    }
    Path(__file__).with_suffix(".json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
