"""Blame and repair on a planted outlier: report-512-7 with one batch norm that int8 cannot hold.

    python -m benchmarks.export.repair [fer2013.csv]

Two channels of norm1 carry 1000, and one filter of conv2 takes them off again: the same function in float. Judged on
the network's probe faces, and on PublicTest where a fer2013.csv is given. Blame of the untouched network stands beside.
"""

import dataclasses
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.record import record

from fer_export.calibration import calibration_set, probe_cache
from fer_export.checkpoint import checkpoint
from fer_export.checkpoint.checkpoint import Checkpoint
from fer_export.contract import variants
from fer_export.convert import converter
from fer_export.dataset import read as readers
from fer_export.exporting import blame, repair
from fer_export.parity import judging_faces
from fer_export.parity.figures import Parity, ParityFaces
from fer_export.parity.judge import Judge
from fer_export.system import files

sys.path.append(str(Path(__file__).parents[2] / "tests"))

NETWORK, NORM = "report-512-7", "norm1"


def planted_checkpoint(original: Checkpoint, folder: Path) -> Checkpoint:
    """The planted network as a network folder, with the probe faces of the network it was made from."""
    from helpers.networks import planted

    probe = probe_cache.probe_faces(original)
    network = planted(original.network, probe.calibrate.astype("float32") / 255, NORM)
    network.save(folder / "model.keras")
    files.write_json(folder / "card.json", {"labels": list(original.labels), "scaling": original.scaling})
    found = checkpoint.load(folder)
    same_faces = dataclasses.replace(probe, record={**probe.record, "checkpoint": found.sha256})
    files.write_whole(folder / "probe.npz", same_faces.to_bytes())
    return found


def shown(judged: Parity) -> dict[str, Any]:
    """The figures of a parity that tell a ruined file from a good one."""
    return {
        "source": judged.source.split(" of ")[0],
        "faces": judged.faces,
        "agreement": round(judged.agreement.value, 4),
        "drop": judged.drop,
        "mean_difference": judged.mean_difference,
        "passed": judged.passed,
    }


def worst(result: blame.Blame, count: int = 3) -> list[dict[str, Any]]:
    """The first layers of a ranking."""
    keys = ("layer", "own_error", "accumulated_error", "effect", "flips", "on_grid", "cure")
    return [{key: layer.to_dict()[key] for key in keys} for layer in result.layers[:count]]


def measured(found: Checkpoint, original: Checkpoint, file_format: str, juries: list[ParityFaces]) -> dict[str, Any]:
    """Plain int8 of the planted network, its ranking, and its repair before the last jury."""
    variant = variants.find(file_format, "int8")
    probe = calibration_set.from_probe(probe_cache.probe_faces(found))
    judges = [Judge.of(found, jury) for jury in juries]
    plain = converter(file_format, found).convert(variant, probe)
    untouched = converter(file_format, original).convert(variant, probe)
    mended = repair.repair(plain, found, probe, lambda content: judges[-1].judge(content, variant.gate).parity)
    tries = []
    for each in mended.tries:
        figures = {name: value for name, value in each.to_dict().items() if name not in ("parity", "passed", "refused")}
        tries.append({**figures, **(shown(each.parity) if each.parity else {"passed": False})})
    return {
        "plain": {"bytes": len(plain), "parity": judged_by(judges, plain, variant)},
        "ranking": worst(mended.blame),
        "ranking_without_the_outlier": worst(blame.measure(untouched, original, probe, probe)),
        "tries": tries,
        "repaired": {"bytes": len(mended.content), "parity": judged_by(judges, mended.content, variant)}
        if mended.content
        else None,
    }


def judged_by(judges: list[Judge], content: bytes, variant: variants.Variant) -> list[dict[str, Any]]:
    """A file before each jury."""
    return [shown(judge.judge(content, variant.gate).parity) for judge in judges]


def main() -> None:
    original = checkpoint.load(NETWORK)
    with tempfile.TemporaryDirectory() as folder:
        found = planted_checkpoint(original, Path(folder))
        juries = [judging_faces.without_data(found, lambda task, done, total: None)]
        if len(sys.argv) > 1:
            juries.append(judging_faces.labelled_faces(found, readers.read(sys.argv[1]), "PublicTest"))
        faces = juries[0].images
        figures = {
            "network": original.name,
            "planted": NORM,
            "float_difference": float(f"{np.abs(found.predict(faces) - original.predict(faces)).max():.1e}"),
            **{each: measured(found, original, each, juries) for each in ("tflite", "onnx")},
        }
    record("repair", figures)


if __name__ == "__main__":
    main()
