"""Wall time of the command line: --help, the main job, the main job judged on PublicTest.

    python -m benchmarks.speed.speed fer2013.csv

Each is run several times as a user would, in a process of its own; minimum, median and maximum are recorded.
The data set's first read is measured with an empty cache folder, the second with the cache it left.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.record import record

RUNS = 5


def timed(*arguments: str, environment: dict[str, str] | None = None) -> float:
    """Seconds of one `fer-export` command; stops the benchmark if the command fails."""
    command = [shutil.which("fer-export") or "fer-export", *arguments]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, **(environment or {})})
    return time.perf_counter() - started


def summary(seconds: list[float]) -> dict[str, float]:
    return {
        "min": round(min(seconds), 3),
        "median": round(statistics.median(seconds), 3),
        "max": round(max(seconds), 3),
        "runs": len(seconds),
    }


def main() -> None:
    data = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        output, cache = str(Path(folder) / "exports"), {"FER_EXPORT_CACHE": str(Path(folder) / "cache")}
        timed("--help")
        # Run in the folder itself, so that the printout shows the paths a user sees.
        printout = subprocess.run(
            ["fer-export", "tflite", "--quantize", "int8"], check=True, cwd=folder, capture_output=True, text=True
        ).stdout
        job = ("tflite", "--quantize", "int8", "--output", output)
        plain, judged = [], []
        first_read = timed("data", data, environment=cache)
        second_read = timed("data", data, environment=cache)
        for _ in range(RUNS):
            plain.append(timed(*job))
            judged.append(timed(*job, "--data", data, environment=cache))
        record(
            "speed",
            {
                "printout": printout,
                "unit": "seconds of wall time, process start to end",
                "help": summary([timed("--help") for _ in range(11)]),
                "tflite_int8": summary(plain),
                "tflite_int8_with_data": summary(judged),
                "public_test_beyond_main_job": round(statistics.median(judged) - statistics.median(plain), 3),
                "data_first_read_and_summary": round(first_read, 2),
                "data_cached_read_and_summary": round(second_read, 2),
            },
        )


if __name__ == "__main__":
    main()
