"""A small world in which every command of fer-export has something to do: a network, faces, a photo, files.

The network is so small that a conversion takes a second, and not shipped, so that nothing is read from the package.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

COMMAND = (sys.executable, "-m", "fer_export")
LABELS = "angry,disgust,fear,happy,sad,surprise,neutral"


def furnish(folder: Path) -> Path:
    """The folder with network.keras, faces.csv, photo.png and phone.json in it."""
    import keras
    import numpy as np
    from PIL import Image

    from fer_export.bundle.golden.drawn_face import drawn_face
    from helpers.networks import report_like, taught

    folder.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(0)
    lines = ["emotion,pixels,Usage"]
    for row in range(140):
        pixels = rng.integers(0, 60, 2304) + 28 * (row % 7)
        usage = ("Training", "PublicTest", "PrivateTest")[0 if row < 84 else 1 if row < 112 else 2]
        lines.append(f"{row % 7},{' '.join(map(str, pixels))},{usage}")
    (folder / "faces.csv").write_text("\n".join(lines) + "\n")
    taught(report_like(filters=2, side=48, classes=7), folder / "faces.csv").save(folder / "network.keras")
    Image.fromarray(drawn_face(160, mood="happy")).save(folder / "photo.png")
    (folder / "phone.json").write_text(json.dumps(phone_check()))
    return folder


def commands() -> dict[str, tuple[str, ...]]:
    """Every command with arguments that fit the world, in an order in which each finds the files of those before.

    Run them with the world as the current folder. What they write lies in `out/` and `run/`.
    """
    network = ("--model", "network.keras", "--labels", LABELS)
    data, lenient, output = ("--data", "faces.csv"), ("--min-agreement", "0", "--max-drop", "100"), ("--output", "out")
    making = (*network, *data, *lenient, *output)
    return {
        "tflite": ("tflite", "--quantize", "int8,none", *making),
        "onnx": ("onnx", "--quantize", "none,int8", *making),
        "all": ("all", *network, *data, *lenient, "--output", "out/all"),
        "bench": ("bench", "out/network-int8.tflite", "out/network-fp32.onnx", "--rounds", "4"),
        "parity": ("parity", "out/network-int8.tflite", "out/network-int8.onnx", *network, *data, *lenient),
        "blame": ("blame", "out/network-int8.tflite", *network, *data),
        "evaluate": ("evaluate", *network, *data, *output),
        "train": ("train", "--network", "nano", *data, "--epochs", "2", "--output", "run"),
        "probe": ("probe", *network, *output),
        "data": ("data", "faces.csv"),
        "inspect": ("inspect", "out/network-int8.tflite"),
        "predict": ("predict", "photo.png", *network, "--annotate", "out/annotated.png"),
        "bundle": ("bundle", *network, *data, *lenient, "--output", "out/bundle"),
        "verify": ("verify", "out/bundle"),
        "device": ("device", "phone.json"),
        "doctor": ("doctor",),
    }


def phone_check() -> dict[str, object]:
    """A self-check as a phone shares it."""
    variant = {
        "file": "models/network-int8.tflite",
        "format": "tflite",
        "precision": "int8",
        "vectors": 20,
        "largest_difference": 0.0,
        "agreement": 1.0,
        "p50_ms": 1.5,
        "p95_ms": 2.0,
        "within_tolerance": True,
    }
    counts = ("photos", "equal_photos", "crops", "equal_crops", "faces", "missing_faces", "foreign_faces")
    return {
        "format": "fer-export device check",
        "version": 1,
        "bundle": "38540467955146a2" * 4,
        "runtime": "tensorflow-lite 2.16.1",
        "kernels": "tensorflow-lite",
        "threads": 2,
        "device": {"model": "A phone", "cpu": "A processor", "abi": "arm64-v8a", "os": "Android 15"},
        "photos": {**dict(zip(counts, (11, 11, 35, 35, 10, 0, 0), strict=True)), "box_distance": 1},
        "variants": [variant],
    }
