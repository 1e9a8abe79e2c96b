"""Blocks of the first page: the command's printout, which file to ship, accuracy."""

import json
from pathlib import Path

from .words import ROOT, percent, result_of, share_of, table_of

FIRST_RUN = (
    "network",
    "contract",
    "calibration",
    "file",
    "compact-7-int8.tflite",
    "every compute op",
    "PASSED",
    "took",
)
"""How the lines of the first command's printout begin that the first page shows."""


def first_run() -> str:
    """The lines of the first command's recorded printout that a newcomer needs."""
    printed = result_of("speed")["printout"].splitlines()
    lines = [next(line for line in printed if line.startswith(start)) for start in FIRST_RUN]
    return "```\n" + "\n".join(lines) + "\n```"


def ship() -> str:
    """Which file to ship, by what the app has; measured by `fer-export all`."""
    result = result_of("variants")["result"]
    latency = {row["path"]: row["p50_ms"] for row in result["bench"]["rows"]}
    files = {Path(file["path"]).name: file for file in result["files"]}
    chosen = {each["format"]: Path(each["file"]).name for each in result["choices"]}
    uses = [
        ("LiteRT (TensorFlow Lite) on the phone's CPU", chosen["tflite"]),
        ("an accelerator that computes in integers only", "compact-7-int8.tflite"),
        ("onnxruntime", chosen["onnx"]),
    ]
    rows = []
    for use, name in uses:
        judged = files[name]["parity"]
        agreement = f"{percent(judged['agreement']['value'])} %"
        size = f"{files[name]['bytes'] / 1e6:.2f} MB"
        rows.append([use, f"`{name}`", size, agreement, f"{latency[files[name]['path']]:.2g} ms"])
    return table_of(
        ["your app runs it in", "ship", "size", "same answer as Keras", "time a face, one thread of a PC"], rows
    )


def accuracy() -> str:
    """How often the default network is right, in one sentence."""
    card = json.loads((ROOT / "models" / "compact-7" / "card.json").read_text())["evaluation"]
    faces = f"{card['accuracy']['count']:,} PublicTest faces"
    return (
        f"`compact-7` is right on {share_of(card['accuracy'])} of the {faces} of "
        f"FER2013 (95 % interval), its int8 file on {share_of(card['int8']['accuracy'])}."
    )
