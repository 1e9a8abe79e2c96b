"""kill -9 at random moments over all commands: nothing is lost, nothing is half-written, the next run cleans up.

    PYTHONPATH=tests python -m helpers.kills 100

Every command runs once to its end, which gives its duration and the files that must be there from then on. Then
commands are started one after the other and killed at a random moment. After each kill every file is whole, the
inputs are untouched and no worker lives on. At the end every command runs again, to the same files, and what the
killed ones left is gone.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import itertools
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from helpers.every_command import COMMAND, commands, furnish

SAME_BYTES = (".tflite", ".onnx")
"""Files that the same command makes with the same bytes; others hold times or dates and are read instead."""

RUN = "run"
"""The folder of a training run: a finished one is not trained again, one that was killed goes on."""

INPUTS = ("network.keras", "faces.csv", "photo.png", "phone.json")


@dataclass(frozen=True)
class Campaign:
    """What a campaign found."""

    kills: int
    """How many processes were killed; those that had ended before their moment came do not count."""
    commands: int
    """Over how many commands."""
    faults: tuple[str, ...]
    """What was lost, half-written or left."""


def campaign(
    folder: Path, kills: int, *, seed: int = 1, names: Sequence[str] = (), say: Callable[[str], None] = str
) -> Campaign:
    """Kill that many commands at random moments; names: of the commands, all by default."""
    world = furnish(folder)
    (world / "tmp").mkdir()
    chosen = {name: words for name, words in commands().items() if not names or name in names}
    durations = {name: _finished(world, words) for name, words in chosen.items()}
    inputs, outputs = digests(world, INPUTS), written(world)
    lasting = {name: digest for name, digest in outputs.items() if not name.startswith(f"{RUN}/")}
    chance, faults, killed = random.Random(seed), list[str](), 0
    for name in itertools.cycle(chosen):
        if killed == kills:
            break
        moment = chance.uniform(0, durations[name])
        process = _started(world, chosen[name])
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(moment)
        running = process.poll() is None
        killed += running
        workers = _children(process.pid)
        process.kill()
        process.wait()
        found = [*differences(world, inputs, lasting), *_alive(workers)]
        faults += [f"{name} after {moment:.2f} s: {fault}" for fault in found]
        if running or found:
            say(f"{killed:3d} {name} killed after {moment:.2f} s: {'; '.join(found) or 'nothing lost'}")
    for left in (world / "tmp").iterdir():
        os.utime(left, (1, 1))  # a folder that young may belong to a command that has only just started
    for name, words in chosen.items():
        _finished(world, words)
        faults += [f"{name} run again: {fault}" for fault in differences(world, inputs, lasting)]
    # A training that was killed is whole again only now.
    faults += [f"at the end: {fault}" for fault in differences(world, inputs, outputs)]
    left = [path for path in world.rglob("*") if path.name.endswith(".partial") or path.parent == world / "tmp"]
    faults += [f"left behind: {path.relative_to(world)}" for path in left]
    return Campaign(killed, len(chosen), tuple(faults))


def _started(world: Path, words: Sequence[str]) -> subprocess.Popen[bytes]:
    settings = {**os.environ, "TMPDIR": str(world / "tmp"), "FER_EXPORT_CACHE": str(world / "cache")}
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    if words[0] == "train" and (world / RUN / "card.json").exists():
        shutil.rmtree(world / RUN)
    return subprocess.Popen([*COMMAND, *words], cwd=world, env=settings, **silent)


def _finished(world: Path, words: Sequence[str]) -> float:
    """Seconds that a command takes; raises RuntimeError where it fails."""
    started = time.monotonic()
    code = _started(world, words).wait()
    if code:
        raise RuntimeError(f"{words[0]} ended with {code} without being killed")
    return time.monotonic() - started


def written(world: Path) -> dict[str, str]:
    """The final files under out/ and run/ with their SHA-256."""
    found = (path for folder in ("out", "run") for path in (world / folder).rglob("*") if path.is_file())
    names = [str(path.relative_to(world)) for path in found if ".partial" not in str(path)]
    return digests(world, names)


def digests(world: Path, names: Sequence[str]) -> dict[str, str]:
    """The SHA-256 of each file."""
    return {name: hashlib.sha256((world / name).read_bytes()).hexdigest() for name in names}


def differences(world: Path, inputs: dict[str, str], outputs: dict[str, str]) -> list[str]:
    """What is no longer as it was, in words."""
    now = written(world)
    faults = [f"{name} was changed" for name, digest in digests(world, INPUTS).items() if inputs[name] != digest]
    faults += [f"{name} is lost" for name in outputs if name not in now]
    same = [name for name in outputs if name.endswith(SAME_BYTES) and name in now]
    faults += [f"{name} has other bytes" for name in same if now[name] != outputs[name]]
    return [*faults, *(f"{name} is not whole" for name in now if not _whole(world / name))]


def _whole(path: Path) -> bool:
    content = path.read_bytes()
    try:
        if path.suffix == ".json":
            json.loads(content)
        elif path.suffix in (".npz", ".keras"):
            with zipfile.ZipFile(path) as archive:
                return archive.testzip() is None
        elif path.suffix == ".png":
            return content.endswith(b"IEND\xaeB`\x82")
        elif path.suffix == ".html":
            return content.rstrip().endswith(b"</html>")
    except (ValueError, zipfile.BadZipFile):
        return False
    return bool(content)


def _children(process: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process)], capture_output=True, text=True)
    return [int(pid) for pid in listed.stdout.split()]


def _alive(workers: Sequence[int], seconds: float = 120.0) -> list[str]:
    """Workers that live on although nobody asks them any more; doctor's are commands of their own, which end."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and any(Path(f"/proc/{pid}").exists() for pid in workers):
        time.sleep(0.1)
    return [f"process {pid} lives on" for pid in workers if Path(f"/proc/{pid}").exists()]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line a kill and the sum; 1 where something was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kills", type=int, nargs="?", default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--commands", default="", help="names with commas; all by default")
    options = parser.parse_args(arguments)
    names = options.commands.split(",") if options.commands else ()
    with tempfile.TemporaryDirectory() as folder:
        found = campaign(Path(folder, "world"), options.kills, seed=options.seed, names=names, say=_print)
    _print(f"{found.kills} kills over {found.commands} commands: {len(found.faults)} faults")
    for fault in found.faults:
        _print(f"  {fault}")
    return 1 if found.faults else 0


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
