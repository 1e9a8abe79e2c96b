"""Writes a measured figure to benchmarks/results/ with the machine and versions it depends on."""

import datetime
import json
import sys
from pathlib import Path
from typing import Any

from fer_export import backend

RESULTS = Path(__file__).parent / "results"


def record(name: str, figures: dict[str, Any]) -> Path:
    """Write results/<name>.json: the figures, the command that measured them, machine and versions."""
    document = {
        "command": f"python benchmarks/{Path(sys.argv[0]).name} " + " ".join(Path(a).name for a in sys.argv[1:]),
        "date": datetime.date.today().isoformat(),
        "environment": {**backend.environment(), "cpu": cpu_model()},
        **figures,
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(document, indent=2) + "\n")
    print(json.dumps(figures, indent=2), f"\nwritten: {path}")
    return path


def cpu_model() -> str:
    """The processor's name as Linux gives it, with the instruction set that int8 kernels use."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    named = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")
    flags = next((line for line in lines if line.startswith("flags")), "")
    return f"{named}, AVX512-VNNI" if "avx512_vnni" in flags else named
