"""Two command lines for the help of each command."""

from __future__ import annotations

from ..contract import exported

EXAMPLES: dict[str, tuple[str, str]] = {
    "": ("fer-export tflite --quantize int8", "fer-export all --model mine.keras --data fer2013.csv"),
    "all": ("fer-export all --data fer2013.csv", "fer-export all --model mine.keras --data fer2013.csv --threads 1,2"),
    "bench": (
        "fer-export bench exports/*.tflite exports/*.onnx",
        "fer-export bench exports/*.tflite --runtime litert,tflite-runtime --threads 1,2",
    ),
    "parity": (
        "fer-export parity exports/compact-7-int8.tflite --data fer2013.csv",
        "fer-export parity mine-int8.onnx --model mine.keras --data fer2013.csv --json",
    ),
    "blame": (
        "fer-export blame exports/compact-7-int8.tflite",
        "fer-export blame mine-int8.tflite --model mine.keras --data fer2013.csv",
    ),
    "evaluate": (
        "fer-export evaluate --data fer2013.csv",
        "fer-export evaluate --model mine.keras --scaling signed --data fer2013.csv",
    ),
    "train": (
        "fer-export train --network compact --data fer2013.csv --output run",
        "fer-export train --network nano --teacher compact-7 --data fer2013.csv --output run",
    ),
    "probe": ("fer-export probe", "fer-export probe --model mine.keras --output probes"),
    "data": ("fer-export data fer2013.csv", "fer-export data folder-with-train-and-test --json"),
    "inspect": ("fer-export inspect exports/compact-7-int8.tflite", "fer-export inspect any.onnx --json"),
    "predict": (
        "fer-export predict holiday/ --csv --min-score 0.8",
        "fer-export predict film.mp4 --csv --annotate out.mp4",
    ),
    "serve": ("fer-export serve", "fer-export serve --bundle bundle --port 8080 --page web_demo/dist"),
    "bundle": (
        "fer-export bundle --data fer2013.csv --output bundle",
        "fer-export bundle --model mine.keras --android MyApp",
    ),
    "verify": ("fer-export verify bundle", "fer-export verify app/src/main/assets/bundle --json"),
    "device": ("fer-export device check.json", "fer-export device --adb --bench bench.json"),
    "doctor": ("fer-export doctor", "fer-export doctor --json"),
}
"""By command; the empty name is `fer-export` itself."""

EXAMPLES |= {
    row.name: (
        f"fer-export {row.name} --quantize int8",
        f"fer-export {row.name} --model mine.keras --labels angry,happy,sad --data fer2013.csv",
    )
    for row in exported()
}


def epilog(command: str) -> str:
    """The last lines of a command's help."""
    lines = EXAMPLES.get(command, ())
    return "examples:\n" + "\n".join(f"  {line}" for line in lines) if lines else ""
