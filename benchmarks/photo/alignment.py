"""Whether a face is recognized better once its crop is turned so that the eyes lie level.

    python -m benchmarks.photo.alignment PHOTOS fer2013.csv [FACES]

PHOTOS: a folder with labels.csv (photo, kind, emotion); its single people are turned by TURNS degrees. FACES (600)
PublicTest faces, enlarged and set into larger pictures, are taken as they are. The eyes are the detector's own key
points: of the network whose box the face has, the mean of its candidates there, weighted by score. The crop is turned
about the middle of the face's box; everything else is the shipped pipeline with the default network's int8 file, which
looks into windows only where the whole photo shows no face: these faces are large. A photo without a face counts as
wrong either way.
"""

import csv
import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from benchmarks.photo.crop_margin import WHOLE, photo_of
from benchmarks.record import record
from numpy.typing import NDArray
from PIL import Image

from fer_export.contract import PhotoContract
from fer_export.dataset import as_input
from fer_export.dataset import read as readers
from fer_export.parity.statistics import Proportion, mcnemar_exact, paired_difference_interval
from fer_export.photo import Box, Detector, crop, detector_file, read
from fer_export.photo.detector import anchors, letterbox, windows
from fer_export.photo.merging import Face
from fer_export.predict import Pipeline, PipelineSource

TURNS = (-25, -15, -5, 0, 5, 15, 25)
"""Degrees counter-clockwise."""

WAYS = {"level": 0.0, "level from 10 degrees": 10.0}
"""Least angle of the eyes, in degrees, from which the crop is turned."""

FACES, SEED, NEAR = 600, 1, 0.4
"""NEAR: intersection over union from which a candidate's eyes count."""

Pixels = NDArray[np.uint8]


class Eyes:
    """The angle of the eyes that the detectors of a contract see."""

    def __init__(self, contract: PhotoContract) -> None:
        self._rules = contract.detectors
        self._networks = {rule.file: Interpreter(str(detector_file(rule.file)), num_threads=1) for rule in self._rules}
        for network in self._networks.values():
            network.allocate_tensors()

    def angle(self, photo: Pixels, face: Face) -> float:
        """Degrees by which the line of the eyes is turned clockwise; 0 where no candidate lies there."""
        total = np.zeros(4)
        for rule in self._rules:
            # Windows are slow, and needed only for a face that the whole photo does not show.
            if rule.file == face.detector and (rule.windows == 1 or not total.any()):
                for box, eyes, score in self._candidates(photo, rule):
                    if _overlap(box, face.box) > NEAR:
                        total += score * eyes
        right_x, right_y, left_x, left_y = total
        return math.degrees(math.atan2(left_y - right_y, left_x - right_x)) if total.any() else 0.0

    def _candidates(self, photo: Pixels, rule) -> Iterable[tuple[Box, NDArray, float]]:
        """Box in pixels, eyes as four coordinates in pixels, and score."""
        network, (height, width) = self._networks[rule.file], photo.shape[:2]
        side = rule.windows * rule.size
        canvas, corner, small = letterbox(photo, side, side * rule.margin // 1000)
        outputs = {int(each["shape"][-1]): each["index"] for each in network.get_output_details()}
        for left, top in windows(rule, corner, small):
            window = canvas[top : top + rule.size, left : left + rule.size]
            network.set_tensor(network.get_input_details()[0]["index"], window[None].astype(np.float32) / 127.5 - 1)
            network.invoke()
            scores = 1 / (1 + np.exp(-np.clip(network.get_tensor(outputs[1])[0, :, 0].astype(float), -100, 100)))
            raw = network.get_tensor(outputs[16])[0].astype(float)
            scale = np.array([width / small[0], height / small[1]])
            origin = np.array([corner[0] - left, corner[1] - top])
            for at in np.flatnonzero(scores * 1000 >= rule.threshold):
                middle = anchors(rule)[at] * rule.size
                centre, half = middle + raw[at, :2], raw[at, 2:4] / 2
                edges = ((np.stack([centre - half, centre + half]) - origin) * scale).ravel()
                eyes = (middle + raw[at, 4:8].reshape(2, 2) - origin) * scale
                yield Box(*(int(edge) for edge in edges)), eyes.ravel(), float(scores[at])


@dataclass(frozen=True)
class Answers:
    """What was found in one picture."""

    angle: float | None
    """Of the eyes, in degrees clockwise; None without a face."""

    emotions: dict[str, str]
    """way -> emotion."""


def turned(photo: Pixels, degrees: float) -> Pixels:
    """The whole photo turned counter-clockwise, on its mean colour."""
    ground = tuple(int(channel) for channel in photo.mean(axis=(0, 1)))
    image = Image.fromarray(photo).rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=ground)
    return np.asarray(image)


def level(photo: Pixels, box: Box, degrees: float, contract: PhotoContract) -> Pixels:
    """The grey face uint8 [S, S, 1] once the photo is turned counter-clockwise about the middle of the box.

    The square is the upright crop's own, so that 0 degrees give the upright crop.
    """
    square = crop.square(box, photo.shape[1], photo.shape[0], contract.crop)
    reach = max(box.side, square.side)
    padded = np.pad(photo, ((reach, reach), (reach, reach), (0, 0)), mode="edge")
    x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    right, down = square.left - x, square.top - y
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    across, along = x + reach + cos * right - sin * down, y + reach + sin * right + cos * down
    affine = (cos, -sin, across, sin, cos, along)
    size = square.side, square.side
    image = Image.fromarray(padded).transform(size, Image.Transform.AFFINE, affine, Image.Resampling.BICUBIC)
    cut = np.asarray(image)
    return crop.area(crop.grey(cut, contract.grey)[..., None], contract.size, contract.size)


def answers(photo: Pixels, pipeline: Pipeline, detectors: tuple[Detector, ...], eyes: Eyes) -> Answers:
    """The emotions of the largest face, cropped upright and turned; the first detector that finds one counts."""
    found = next((faces for detector in detectors if (faces := detector.faces(photo))), ())
    if not found:
        return Answers(None, {})
    face = max(found, key=lambda each: each.box.area)
    angle, upright = eyes.angle(photo, face), crop.face(photo, face.box, pipeline.contract)
    straight = level(photo, face.box, angle, pipeline.contract)
    crops = [upright, *(straight if abs(angle) >= least else upright for least in WAYS.values())]
    probabilities = pipeline.runtime.run(as_input(np.stack(crops), pipeline.runtime.input_shape[-1]))
    if pipeline.prior is not None:
        probabilities = pipeline.prior.applied(probabilities, pipeline.contract.labels)
    best = [pipeline.contract.labels[at] for at in probabilities.argmax(axis=1)]
    return Answers(angle, dict(zip(("as it is", *WAYS), best, strict=True)))


def measured(
    pictures: list[tuple[Callable[[], Pixels], str]],
    turns: tuple[int, ...],
    pipeline: Pipeline,
) -> dict[str, object]:
    """Figures of each turn, and of all turns together.

    pictures: how each is read, and its emotion.
    """
    contract = pipeline.contract
    detectors = Detector(replace(contract, detectors=WHOLE)), Detector(contract)
    eyes = Eyes(contract)
    rows, right = [], {way: np.zeros((len(pictures), len(turns)), bool) for way in ("as it is", *WAYS)}
    for turn, degrees in enumerate(turns):
        off = []
        for number, (picture, emotion) in enumerate(pictures):
            given = answers(turned(picture(), degrees), pipeline, detectors, eyes)
            for way, said in given.emotions.items():
                right[way][number, turn] = said == emotion
            off += [] if given.angle is None else [given.angle + degrees]
        print(degrees, *(f"{way}: {table[:, turn].mean():.3f}" for way, table in right.items()), flush=True)
        rows.append(
            {
                "degrees": degrees,
                "found": len(off),
                "eyes_less_turn": {f"q{q}": round(float(np.percentile(off, q)), 1) for q in (25, 50, 75)},
                **{way: compared(right["as it is"][:, turn], table[:, turn]) for way, table in right.items()},
            }
        )
    together = {way: over_turns(right["as it is"], table) for way, table in right.items()}
    return {"pictures": len(pictures), "turns": rows, "all_turns": together}


def compared(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> dict[str, object]:
    """Accuracy of one turn, and its difference from the upright crop."""
    lost, gained, count = int((before & ~after).sum()), int((after & ~before).sum()), len(before)
    low, high = paired_difference_interval(gained, lost, count)
    return {
        "accuracy": Proportion(int(after.sum()), count).to_dict(),
        "gained": gained,
        "lost": lost,
        "gain": round((gained - lost) / count, 5),
        "gain_95": [round(low, 5), round(high, 5)],
        "mcnemar_p": round(mcnemar_exact(lost, gained), 5),
    }


def over_turns(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> dict[str, object]:
    """The mean gain of all turns; its 95 % interval takes the turns of a picture as one."""
    each = (after.astype(float) - before).mean(axis=1)
    half = 1.96 * each.std(ddof=1) / math.sqrt(len(each))
    gain_95 = [round(float(each.mean() + sign * half), 5) for sign in (-1, 1)]
    return {"accuracy": round(float(after.mean()), 5), "gain": round(float(each.mean()), 5), "gain_95": gain_95}


def singles(folder: Path) -> list[tuple[Callable[[], Pixels], str]]:
    with open(folder / "labels.csv", newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == "single"]
    return [(partial(read.read, folder / row["photo"]), row["emotion"]) for row in rows]


def public_test(path: str, count: int, labels: tuple[str, ...]) -> list[tuple[Callable[[], Pixels], str]]:
    faces, targets = readers.read(path).split("PublicTest").for_labels(labels)
    chosen = np.sort(np.random.default_rng(SEED).permutation(len(targets))[:count])
    return [(partial(photo_of, faces.pixels[at]), labels[targets[at]]) for at in chosen]


def _overlap(box: Box, other: Box) -> float:
    width = min(box.right, other.right) - max(box.left, other.left)
    height = min(box.bottom, other.bottom) - max(box.top, other.top)
    shared = max(width, 0) * max(height, 0)
    return shared / max(1, box.area + other.area - shared)


def main() -> None:
    count = int(sys.argv[3]) if len(sys.argv) > 3 else FACES
    with PipelineSource().open() as pipeline:
        figures = {"model": pipeline.model, "photos": measured(singles(Path(sys.argv[1])), TURNS, pipeline)}
        record("alignment", figures)
        faces = public_test(sys.argv[2], count, pipeline.contract.labels)
        record("alignment", {**figures, "public_test": {"seed": SEED, **measured(faces, (0,), pipeline)}})


if __name__ == "__main__":
    main()
