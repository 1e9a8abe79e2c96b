"""Faces found in photographs of others: of single people, of groups, in drawings; mistaken boxes; emotions right.

    python -m benchmarks.photo.merging PHOTOS [NETWORK.tflite]

PHOTOS: a folder with labels.csv (photo, kind, emotion, faces) and the photos. A single's emotion is that of its largest
face. A group counts as found where the number of faces is off by one at most; `about N` is listed and not counted.
The limits of the contract's `merge` were chosen on such a folder, so its figures are slightly optimistic.
"""

import csv
import statistics
import sys
import time
from pathlib import Path

from benchmarks.record import record

from fer_export.photo import read
from fer_export.predict.source import PipelineSource


def main() -> None:
    folder = Path(sys.argv[1])
    pipeline = PipelineSource(sys.argv[2] if len(sys.argv) > 2 else None).open()
    with open(folder / "labels.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found, seconds = [], []
    for row in rows:
        picture = read.read(folder / row["photo"])
        started = time.perf_counter()
        found.append((row, pipeline.predict(picture)))
        seconds.append(time.perf_counter() - started)
    kinds = {kind: [each for each in found if each[0]["kind"] == kind] for kind in ("single", "mistaken", "drawing")}
    singles = kinds["single"]
    right = sum(
        max(faces, key=lambda each: each.face.box.area).emotion == row["emotion"] for row, faces in singles if faces
    )
    groups = [(row["photo"], row["faces"], len(faces)) for row, faces in found if row["kind"] == "group"]
    counted = [(int(wanted), count) for _, wanted, count in groups if wanted.isdigit()]
    record(
        "merging",
        {
            "merge": pipeline.contract.to_dict()["merge"],
            "singles": {
                "of": len(singles),
                "without_a_face": sum(not faces for _, faces in singles),
                "further_boxes": sum(max(0, len(faces) - 1) for _, faces in singles),
                "emotion_right": right,
            },
            "groups": {
                "of": len(counted),
                "off_by_one_at_most": sum(abs(wanted - count) <= 1 for wanted, count in counted),
                "photos": [dict(zip(("photo", "faces", "found"), each, strict=True)) for each in groups],
            },
            "fists_and_the_like": {
                "of": len(kinds["mistaken"]),
                "with_a_mistaken_box": sum(len(faces) > int(row["faces"]) for row, faces in kinds["mistaken"]),
            },
            "drawings": {"of": len(kinds["drawing"]), "with_a_face": sum(bool(faces) for _, faces in kinds["drawing"])},
            "median_ms": round(1000 * statistics.median(seconds), 1),
        },
    )


if __name__ == "__main__":
    main()
