"""Writes a measured figure to benchmarks/results/ with the machine and versions it depends on."""

import datetime
import json
import sys
from pathlib import Path
from typing import Any

from fer_export.system import keras_backend, machine

RESULTS = Path(__file__).parent / "results"


def record(name: str, figures: dict[str, Any]) -> Path:
    """Write results/<name>.json: the figures, the command that measured them, machine and versions."""
    document = {
        "command": f"python -m {_module()} " + " ".join(Path(a).name for a in sys.argv[1:]),
        "date": datetime.date.today().isoformat(),
        "environment": {**keras_backend.environment(), "cpu": machine.cpu()},
        **figures,
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(document, indent=2) + "\n")
    print(json.dumps(figures, indent=2), f"\nwritten: {path}")
    return path


def _module() -> str:
    """The script that runs, as `python -m` takes it."""
    spec = sys.modules["__main__"].__spec__
    return spec.name if spec else Path(sys.argv[0]).stem
