"""What fer-export says of broken and hostile inputs: exit code, seconds, peak memory and words.

    python -m benchmarks.export.faults fer2013.csv FOLDER [--only NAME ...] [--packages DIR]

FOLDER holds networks, exported files, pictures, data sets, and scripts that write a network into the current folder,
or into the one that they are given.
Each command runs as a user runs it, in a folder of its own with the whole FOLDER in it. A file that appears there
though no command was asked for it is recorded as `appeared`; a script that does not run as `failed`. --only measures
these inputs and keeps the others. --packages: what only the scripts need, such as tf_keras, installed by
`pip install --no-deps --target DIR tf_keras`.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.record import RESULTS, record

NAME = "faults"
LIMIT = 600
DATA = "fer2013.csv"
EXPORTS = [["tflite", "--quantize", "int8"], ["onnx", "--quantize", "int8"]]
TRUSTED = "lambda"
"""Part of the name of a network that is exported with --trust."""
BESIDES = {DATA, "exports", "card.json"}
"""What a command may write, or what this script puts there."""


def commands(name: str) -> list[list[str]]:
    """The commands for an input, by what it is."""
    if name.endswith((".tflite", ".onnx")):
        return [["inspect", name], ["parity", name, "--data", DATA], ["bench", name, "--rounds", "2"]]
    if name.endswith(".gz"):
        return [["data", name]]
    if name.endswith(".jpg"):
        return [["predict", name]]
    flags = ["--model", name, "--data", DATA, *(["--trust"] if TRUSTED in name else [])]
    return [[*job, *flags] for job in EXPORTS]


def measured(path: Path, data: Path, packages: Path | None) -> dict[str, Any]:
    """The commands of one input and what came of them."""
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root)
        for each in path.parent.iterdir():
            (folder / each.name).symlink_to(each.resolve())
        (folder / DATA).symlink_to(data.resolve())
        try:
            name = _written(path, folder, packages) if path.suffix == ".py" else path.name
        except subprocess.CalledProcessError as error:
            return {"rows": [], "appeared": [], "failed": error.stderr.decode().strip().splitlines()[-1]}
        before = {each.name for each in folder.iterdir()} | BESIDES
        rows = [_said(words, folder) for words in commands(name)]
        appeared = sorted({each.name for each in folder.iterdir()} - before)
    return {"rows": rows, "appeared": appeared}


def _written(script: Path, folder: Path, packages: Path | None) -> str:
    """The network that a script writes."""
    before = {each.name for each in folder.iterdir()}
    command = [sys.executable, script.name]
    environment = {**os.environ, "PYTHONPATH": str(packages.resolve())} if packages else None
    for run in (command, [*command, "."]):
        done = subprocess.run(run, cwd=folder, env=environment, capture_output=True, timeout=LIMIT, check=False)
        if done.returncode == 0:
            break
    done.check_returncode()
    # Writing may already do what reading must not.
    for extra in folder.glob("*.txt"):
        extra.unlink()
    (name,) = {each.name for each in folder.iterdir()} - before
    return name


LAUNCHER = """
import json, os, signal, subprocess, sys, time
started = time.perf_counter()
process = subprocess.Popen(sys.argv[2:], stdout=open(".out", "w"), stderr=open(".err", "w"), start_new_session=True)
while (done := os.wait4(process.pid, os.WNOHANG))[0] == 0:
    if time.perf_counter() - started > float(sys.argv[1]):
        os.killpg(process.pid, signal.SIGKILL)  # with the processes that it has started
    time.sleep(0.02)
seconds = time.perf_counter() - started
print(json.dumps([os.waitstatus_to_exitcode(done[1]), round(seconds, 1), round(done[2].ru_maxrss * 1024 / 1e6)]))
"""
"""A small process in between: Linux counts the memory of the process that starts another as the other's, too."""


def _said(words: list[str], folder: Path) -> dict[str, Any]:
    launched = [sys.executable, "-c", LAUNCHER, str(LIMIT), "fer-export", *words]
    code, seconds, megabytes = json.loads(subprocess.check_output(launched, cwd=folder))
    out, err = (folder / each for each in (".out", ".err"))
    printed = out.read_text().partition("\nnext:\n")[0].strip() or err.read_text().strip().splitlines()[-1]
    for each in (out, err):
        each.unlink()
    shutil.rmtree(folder / "exports", ignore_errors=True)
    return {
        "command": " ".join(["fer-export", *words]),
        "exit": code,
        "seconds": seconds,
        "peak_megabytes": megabytes,
        "printout": printed,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="What fer-export says of broken and hostile inputs.")
    parser.add_argument("data", type=Path, help="fer2013.csv")
    parser.add_argument("folder", type=Path, help="the inputs")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these inputs")
    parser.add_argument("--packages", type=Path, metavar="DIR", help="packages that the scripts need")
    given = parser.parse_args()
    path = RESULTS / f"{NAME}.json"
    found = json.loads(path.read_text())["inputs"] if path.exists() and given.only else {}
    for each in sorted(given.folder.iterdir()):
        if each.suffix not in (".md", ".bin") and (not given.only or each.name in given.only):
            found[each.name] = measured(each, given.data, given.packages)
            record(NAME, {"inputs": found})


if __name__ == "__main__":
    main()
