"""int8 of many networks: fer-export's files, as its command makes them, beside other tools' with their defaults.

    python -m benchmarks.export.int8_networks fer2013.csv [NETWORK ...] [--again]

NETWORK is a shipped name (all of them by default) or the path of anybody's network. Labels and scaling are those that
the Training faces show. Every quantiser calibrates on the same Training faces; every file answers the same PublicTest
faces, 500 of them for pictures of more than 96 pixels. fer-export's file comes from its whole default way, its own
judgement and repair included, and once more from probe faces alone; the seconds are the processor's, of all cores.

A network is measured in a process of its own and recorded as soon as it is there: a run that was cut off goes on where
it ended. --again measures networks that are recorded already.
"""

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.export.peer_exports import PEERS, Peer
from benchmarks.export.peers import NEEDED, answers
from benchmarks.record import RESULTS, record

from fer_export.calibration import calibration_set, probe_faces
from fer_export.checkpoint import Checkpoint, checkpoint, shipped
from fer_export.dataset import fit
from fer_export.dataset import read as readers
from fer_export.errors import FerExportError
from fer_export.exporting import Options
from fer_export.exporting import export as exporting
from fer_export.parity import ParityFaces, judging_faces, with_evidence
from fer_export.parity.judge import Judge
from fer_export.system import keras_backend

NAME = "int8_networks"
LARGE, FEW = 96, 500
FORMATS = ("tflite", "onnx")


def measured(name: str, csv: str) -> dict[str, Any]:
    """What is recorded of a network."""
    data = readers.read(csv)
    model = name if name in shipped.shipped_names() else Path(name)
    network = with_evidence(checkpoint.load(model, trust=True), data)
    faces = judging_faces.labelled_faces(network, data, "PublicTest")
    if network.size > LARGE:
        kept, targets = data.split("PublicTest").sample(FEW, 1).for_labels(network.labels)
        faces = ParityFaces(fit(kept.pixels, network.size), targets, f"{FEW} of {faces.source}", ())
    judge = Judge.of(network, faces)
    calibrating = calibration_set.from_training(
        data.split("Training"), data.split("PublicTest"), network.labels, network.size
    )
    rows = [row for each in FORMATS for row in _ours(network, each, data, judge)]
    given = network.scaled(calibrating.images)
    rows += [_theirs(peer, network, given, judge) for peer in PEERS if peer.kind == "int8"]
    return {
        "size": network.size,
        "channels": network.channels,
        "weights": int(network.network.count_params()),
        "labels": f"{', '.join(network.labels)} ({network.labels_source})",
        "scaling": f"{network.scaling} ({network.scaling_source})",
        "faces": len(faces.images),
        "rows": rows,
    }


def _ours(network: Checkpoint, file_format: str, data: Any, judge: Judge) -> list[dict[str, Any]]:
    """fer-export's rows of a format: calibrated on Training faces, and on probe faces where there can be any."""
    found = []
    for calibrated, given in (("Training", data), ("probe", None)):
        row: dict[str, Any] = {"tool": "fer-export", "format": file_format, "calibrated": calibrated}
        found.append(row)
        if given is None and not probe_faces.possible(network):
            row["error"] = "no batch norms to make probe faces from"
            continue
        started = time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            try:
                made = exporting.export(network, file_format, ["int8"], Path(folder), data=given).files[0]
            except FerExportError as error:
                row["error"] = str(error)[:300]
                continue
            seconds, content = time.process_time() - started, made.path.read_bytes()
        parity = judge.judge(content, made.variant.gate).parity
        kept = made.repair.kept if made.repair else None
        row |= {
            "agreement": round(parity.agreement.value, 5),
            "passed": parity.passed,
            "floats": made.said_of_floats,
            "repaired": list(kept.float_layers) if kept else [],
            "whole": list(kept.whole_layers) if kept else [],
            "bytes": len(content),
            "processor_seconds": round(seconds, 1),
        }
        if given is None:
            row["probe_difference"] = made.parity.mean_difference
        if given is None and kept:
            row["plain"] = _plain(network, file_format, judge)
    return found


def _plain(network: Checkpoint, file_format: str, judge: Judge) -> dict[str, Any]:
    """What the file that probe faces calibrated was before it was repaired."""
    with tempfile.TemporaryDirectory() as folder:
        made = exporting.export(network, file_format, ["int8"], Path(folder), options=Options(repair=False)).files[0]
        parity = judge.judge(made.path.read_bytes(), made.variant.gate).parity
    return {"agreement": round(parity.agreement.value, 5), "probe_difference": made.parity.mean_difference}


def _theirs(peer: Peer, network: Checkpoint, given: Any, judge: Judge) -> dict[str, Any]:
    """Another tool's row."""
    found: dict[str, Any] = {"tool": peer.tool, "format": peer.format, "calibrated": "Training"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"file.{peer.format}")
        try:
            with keras_backend.silenced():
                peer.write(network.network, given, path)
            answered = answers(path, network.scaled(judge.faces.images))
        except Exception as error:  # whatever a tool raises is its result
            return {**found, "error": f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"}
        agreeing = answered.argmax(axis=1) == judge.reference.argmax(axis=1)
        return {**found, "agreement": round(float(agreeing.mean()), 5), "bytes": path.stat().st_size}


def main() -> None:
    parser = argparse.ArgumentParser(description="int8 of many networks beside other tools.")
    parser.add_argument("data", help="fer2013.csv")
    parser.add_argument("networks", nargs="*", default=shipped.shipped_names(), metavar="NETWORK")
    parser.add_argument("--again", action="store_true", help="also networks that are recorded already")
    parser.add_argument("--one", metavar="RESULT", help=argparse.SUPPRESS)
    options = parser.parse_args()
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise SystemExit(f"{', '.join(missing)} missing; pip install -e '.[bench]'")
    if options.one:
        Path(options.one).write_text(json.dumps(measured(options.networks[0], options.data)))
        return
    known = RESULTS / f"{NAME}.json"
    done = json.loads(known.read_text())["networks"] if known.exists() else {}
    for name in options.networks:
        short = Path(name).stem
        if short in done and not options.again:
            continue
        with tempfile.TemporaryDirectory() as folder:
            result = Path(folder, "network.json")
            command = [sys.executable, "-m", "benchmarks.export.int8_networks", options.data, name]
            code = subprocess.run([*command, "--one", str(result)], check=False).returncode
            done[short] = json.loads(result.read_text()) if result.exists() else {"failed": f"exit status {code}"}
        record(NAME, {"networks": done})


if __name__ == "__main__":
    main()
