"""Wall time and memory of `fer-export predict`: one photo, a 12-megapixel photo, many photos on one core and on all.

    python -m benchmarks.photo.predict_timings [PHOTOS]

The command in a process of its own, as a user runs it, median of RUNS. Each picture shows a drawn face; PHOTOS (default
40) of 1 megapixel are the many. Memory is the largest of any process of the command. Python keeps its compiled modules,
as an installed package has them.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from benchmarks.record import record
from PIL import Image

from fer_export.bundle.golden.drawn_face import drawn_face
from fer_export.system import machine

RUNS, MANY = 5, 40
ONE, TWELVE = (1250, 800), (4000, 3000)


def draw(path: Path, size: tuple[int, int], seed: int) -> Path:
    """A JPEG of noise with a drawn face of half its height."""
    width, height = size
    pixels = np.random.default_rng(seed).integers(90, 160, (height, width, 3), dtype=np.uint8)
    side, edge = height // 2, height // 8
    pixels[edge : edge + side, edge : edge + side] = drawn_face(side)
    Image.fromarray(pixels).save(path, "JPEG", quality=90)
    return path


LAUNCHER = """
import json, os, sys, time
quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
started = time.perf_counter()
pid = os.posix_spawn(sys.executable, sys.argv[1:], os.environ, file_actions=quiet)
_, status, used = os.wait4(pid, 0)
passed = time.perf_counter() - started
print(json.dumps([status, passed, used.ru_utime + used.ru_stime, used.ru_maxrss]))
"""
"""A small process in between: Linux counts the memory of the process that starts another as the other's, too."""


def timed(*words: str) -> dict[str, float]:
    """Seconds that pass, processor seconds and MB of one run of the command."""
    command = [sys.executable, "-m", "fer_export", "predict", "--json", "--quiet", *words]
    found = subprocess.run(
        [sys.executable, "-c", LAUNCHER, *command], check=True, stdout=subprocess.PIPE, env=environment()
    )
    status, passed, processor, kilobytes = json.loads(found.stdout)
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    # Linux counts in kB of 1,024 bytes.
    return {"s": passed, "processor_s": processor, "mb": kilobytes * 1024 / 1e6}


def environment() -> dict[str, str]:
    """With compiled modules kept, whatever is set here: without them each run compiles the package anew."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / "fer-export-compiled")}


def middle(runs: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(statistics.median(run[name] for run in runs), 3) for name in runs[0]}


def main() -> None:
    many = int(sys.argv[1]) if len(sys.argv) > 1 else MANY
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        one, twelve = draw(folder / "one.jpg", ONE, 1), draw(folder / "twelve.jpg", TWELVE, 2)
        more = folder / "many"
        more.mkdir()
        for number in range(many):
            draw(more / f"{number}.jpg", ONE, number)
        timed(str(one))  # what the system reads from the disk for the first time is not counted
        single = {name: middle([timed(str(path)) for _ in range(RUNS)]) for name, path in (("1", one), ("12", twelve))}
        cores = machine.cores()
        counts = sorted({1, cores})
        rows = []
        for count in counts:
            found = middle([timed(str(more), "--processes", str(count)) for _ in range(2)])
            rows.append({"processes": count, **found, "photos_per_second": round(many / found["s"], 2)})
    record(
        "predict_timings", {"runs": RUNS, "megapixels": single, "many": {"photos": many, "cores": cores, "rows": rows}}
    )


if __name__ == "__main__":
    main()
