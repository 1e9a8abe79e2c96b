"""What fer-export says of other people's networks: without data, with data, and with a flag that the faces contradict.

    python -m benchmarks.export.printouts fer2013.csv NETWORK... [--again]

NETWORK is the path of anybody's network. Each command runs as a user runs it, in a folder with the network and the
data; its printout and exit code are recorded. What is recorded already stays; --again runs it anew.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.record import RESULTS, record

NAME = "network_printouts"
JOB = ("fer-export", "tflite", "--quantize", "int8", "--model")
FLAGS = {"vgg": ("--labels", "angry,disgust,fear,happy,sad,surprise,neutral")}
"""Start of a network's name -> the flags that are tried; CONTRADICTED for all others."""

CONTRADICTED = ("--scaling", "unit")
NEXT = "\nnext:\n"


def commands(network: Path, data: Path) -> list[list[str]]:
    """The commands for a network, as a user types them in a folder with both."""
    flags = next((each for start, each in FLAGS.items() if network.name.startswith(start)), CONTRADICTED)
    plain = [*JOB, network.name]
    return [plain, [*plain, "--data", data.name], [*plain, "--data", data.name, *flags]]


def said(command: list[str], network: Path, data: Path) -> dict[str, Any]:
    """A command's exit code and what it prints, up to its advice on what to do next."""
    with tempfile.TemporaryDirectory() as folder:
        for each in (network, data):
            (Path(folder) / each.name).symlink_to(each.resolve())
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    words = done.stdout.partition(NEXT)[0].strip() or done.stderr.strip().splitlines()[-1]
    return {"command": " ".join(command), "exit": done.returncode, "printout": words}


def main() -> None:
    parser = argparse.ArgumentParser(description="What fer-export says of other people's networks.")
    parser.add_argument("data", type=Path, help="fer2013.csv")
    parser.add_argument("networks", type=Path, nargs="+", help="files and SavedModel folders")
    parser.add_argument("--again", action="store_true", help="run anew what is recorded")
    given = parser.parse_args()
    path = RESULTS / f"{NAME}.json"
    found = json.loads(path.read_text())["networks"] if path.exists() else {}
    for network in given.networks:
        if given.again:
            found.pop(network.name, None)
        for command in commands(network, given.data):
            rows = found.setdefault(network.name, [])
            if " ".join(command) not in [row["command"] for row in rows]:
                rows.append(said(command, network, given.data))
                record(NAME, {"networks": found})


if __name__ == "__main__":
    main()
