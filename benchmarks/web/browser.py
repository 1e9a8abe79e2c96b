"""The default network in browsers, beside the same files run natively: answers, time of a face and of a photo, sizes.

    python -m benchmarks.web.browser fer2013.csv

Run `.ci/web.sh fer2013.csv` first: this measures the page that it built, in headless Chromium and in WebKitGTK. Let
nothing else run. --no-record prints the figures only.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.record import record
from numpy.typing import NDArray

from fer_export.bundle.folder import Bundle
from fer_export.dataset import read as readers
from fer_export.latency import run as latency
from fer_export.photo import read as photos
from fer_export.predict.pipeline import Pipeline
from fer_export.runtimes import open_runtime

WEB = Path(__file__).parents[2] / "web_demo"
COUNT, PHOTO_RUNS = 500, 15
NATIVE = {"tflite": "litert", "onnx": "onnxruntime"}
WASM = {
    "LiteRT.js": "litert/litert_wasm_internal.wasm",
    "LiteRT.js without relaxed SIMD": "litert/litert_wasm_compat_internal.wasm",
    "onnxruntime-web": "onnxruntime/ort-wasm-simd-threaded.wasm",
}


def main() -> None:
    parser = argparse.ArgumentParser(description="The default network in browsers.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--no-record", action="store_true")
    options = parser.parse_args()
    faces = readers.read(options.data).split("PublicTest").pixels[:COUNT]
    dist = WEB / "dist"
    folder = dist / "bundles" / json.loads((dist / "networks.json").read_text())[0]
    found = {
        "faces": len(faces),
        **compared(folder, faces, in_browsers(faces)),
        "runtimes": {name: sizes(dist / "runtimes" / path) for name, path in WASM.items()},
        "dist_bytes": sum(path.stat().st_size for path in dist.rglob("*") if path.is_file()),
    }
    if options.no_record:
        print(json.dumps(found, indent=2))
    else:
        record("browser", found)


def in_browsers(faces: NDArray[np.uint8]) -> dict[str, Any]:
    """What web_demo's measurement says of the faces, in every browser."""
    with tempfile.TemporaryDirectory() as work:
        (Path(work) / "faces.bin").write_bytes(faces.tobytes())
        environment = {**os.environ, "WEB_MEASURED": work}
        subprocess.run(["npm", "run", "-s", "measure"], cwd=WEB, env=environment, check=True)
        measured: dict[str, Any] = json.loads((Path(work) / "measured.json").read_text())
    return measured


def compared(folder: Path, faces: NDArray[np.uint8], measured: dict[str, Any]) -> dict[str, Any]:
    """The browsers' rows beside the native runtimes', one a file and browser."""
    bundle = Bundle.open(folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    variants = {variant["file"]: variant for variant in manifest["variants"]}
    paths = [folder / file for file, variant in variants.items() if variant["format"] in NATIVE]
    timed = latency.bench(paths, runtimes=tuple(NATIVE.values()))
    native_ms = {Path(row.path).name: row.p50_ms for row in timed.rows}
    images = faces.reshape(len(faces), bundle.contract.size, bundle.contract.size, 1)
    rows = []
    for file, variant in variants.items():
        runtime = NATIVE.get(variant["format"])
        if runtime is None:
            continue
        with open_runtime((folder / file).read_bytes(), runtime) as opened:
            wanted = opened.run(images)
            name = f"{opened.name} {opened.version}"
        for browser in ("chromium", "webkit"):
            answered = measured[browser]["answered"].get(file)
            if answered is None:
                continue
            rows.append(
                {
                    "file": Path(file).name,
                    "browser": browser,
                    "runtime": answered["runtime"],
                    "p50_ms": round(answered["p50_ms"], 3),
                    "native": name,
                    "native_p50_ms": round(native_ms[Path(file).name], 3),
                    **agreement(wanted, np.array(answered["probabilities"], np.float32)),
                }
            )
    browsers = {
        name: {"agent": measured[name]["agent"], "photo_ms": round(measured[name]["photo_ms"], 1)}
        for name in ("chromium", "webkit")
    }
    return {"rows": rows, "browsers": browsers, "native_photo_ms": native_photo_ms(folder), "page": measured["page"]}


def agreement(wanted: NDArray[np.float32], answered: NDArray[np.float32]) -> dict[str, Any]:
    """How the same file's answers in a browser differ from the native runtime's."""
    return {
        "same_label": float((wanted.argmax(axis=1) == answered.argmax(axis=1)).mean()),
        "same_bits": float((wanted == answered).all(axis=1).mean()),
        "largest_difference": float(np.abs(wanted - answered).max()),
    }


def native_photo_ms(folder: Path) -> float:
    """Median time of the photo that the browsers analyse, decoding apart."""
    picture = photos.read(folder / "golden" / "portrait.png")
    times = []
    with Pipeline.of_bundle(folder) as pipeline:
        for _ in range(PHOTO_RUNS):
            start = time.perf_counter()
            pipeline.predict(picture)
            times.append(1000 * (time.perf_counter() - start))
    return round(statistics.median(times), 1)


def sizes(path: Path) -> dict[str, int]:
    """Bytes of a runtime's WebAssembly, as it is and as most hosts send it."""
    content = path.read_bytes()
    return {"bytes": len(content), "gzip_bytes": len(gzip.compress(content, 9))}


if __name__ == "__main__":
    main()
