"""Every variant of the default network on the whole PublicTest split: what `fer-export all` says of it.

    python -m benchmarks.export.variants fer2013.csv

The command runs as a user runs it, in a process of its own: its wall time, printout and JSON are recorded.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.record import record


def main() -> None:
    data = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / data.name).symlink_to(data)
        started = time.perf_counter()
        # Run in the folder itself, so that the printout shows the paths a user sees.
        done = subprocess.run(
            ["fer-export", "all", "--data", data.name], check=True, cwd=folder, capture_output=True, text=True
        )
        seconds = time.perf_counter() - started
        [report] = Path(folder).glob("exports/*-report.json")
        found = json.loads(report.read_text())
        page = report.with_suffix(".html").stat().st_size
    # The rows of the calibration faces are in the files themselves.
    for long_list in ("rows", "faces"):
        found["calibration"].pop(long_list, None)
    found["checkpoint"].pop("source", None)
    record("variants", {"seconds": round(seconds, 1), "html_bytes": page, "printout": done.stdout, "result": found})


if __name__ == "__main__":
    main()
