"""What the blocks of the READMEs have in common: recorded results, tables, figures in words."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"


def share_of(figure: dict[str, Any]) -> str:
    low, high = figure["wilson_95"]
    return f"{percent(figure['value'])} % ({percent(low)}-{percent(high)})"


def points_of(figure: dict[str, Any]) -> str:
    least, most = figure["interval"]
    return f"{figure['points']:+.2f} ({least:+.2f} to {most:+.2f})"


def result_of(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text())
    return document


def once_recorded(name: str, block: Callable[[], str]) -> Callable[[], str]:
    """The block, or a line in its place while results/<name>.json does not exist."""
    return lambda: block() if (RESULTS / f"{name}.json").exists() else "Not recorded yet."


def machine_of(result: dict[str, Any]) -> str:
    found = result["environment"]
    return (
        f"{found['machine']}, {found['cpu']}; Python {found['python']}, TensorFlow {found['tensorflow']}, "
        f"Keras {found['keras']}, LiteRT {found['ai-edge-litert']}"
    )


def megabytes(count: int) -> str:
    return f"{count / 1e6:.3f}"


def percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f}"


def table_of(header: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in (header, ["---"] * len(header), *rows)]
    return "\n".join(lines)
