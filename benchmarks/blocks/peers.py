"""The block of other tools' files beside ours."""

import statistics
from typing import Any, NamedTuple

from .words import machine_of, percent, result_of, table_of

OURS = "fer-export"
PEER_PACKAGES = ("ai-edge-quantizer", "onnx", "onnxruntime", "tf2onnx")
CHANCE, SAME_SPEED = 0.05, 1.05
"""Differences of accuracy with a larger p may be chance; times within this ratio count as equal."""


class Apart(NamedTuple):
    """A file of another tool from which ours differs."""

    name: str
    """Tool and file."""

    value: float
    """How far apart."""

    unit: str
    """Unit of it."""

    note: str = ""
    """What is said behind it."""

    def __str__(self) -> str:
        return f"{self.name} ({self.figure} {self.unit}{self.note})"

    @property
    def figure(self) -> str:
        return f"{self.value:+.2f}" if self.unit == "points" else f"{self.value:.2f}"


def peers() -> str:
    result = result_of("peers")
    header = ["file", "made with", "the app hands in", "labels inside", "export", "size", "accuracy"]
    header += ["agreement with Keras", "p50", "ours: accuracy, p50"]
    rows = []
    for row in result["rows"]:
        tool = f"**{row['tool']}**" if row["tool"] == OURS else row["tool"]
        if "error" in row:
            rows.append([row["file"], tool, f"fails: {row['error']}", *[""] * 7])
            continue
        rows.append(
            [
                row["file"],
                tool,
                row["input"],
                "yes" if row["labels"] else "no",
                f"{_seconds(row):.1f} s",
                f"{row['bytes'] / 1e6:.2f} MB",
                f"{percent(row['accuracy']['value'])} %",
                f"{percent(row['agreement'], 2)} %",
                f"{row['p50_ms']:.3f} ms",
                _beside(row["ours"]) if "ours" in row else "",
            ]
        )
    versions = ", ".join(f"{package} {result['environment'][package]}" for package in PEER_PACKAGES)
    table = table_of(header, rows)
    cautions = "".join(f" Caution: {sentence}." for sentence in result["cautions"])
    return f"{table}\n\n{_verdict(result['rows'])}{cautions}\n\n{machine_of(result)}, {versions}."


def _beside(ours: dict[str, Any]) -> str:
    return f"{ours['accuracy']['points']:+.2f} points (p = {ours['accuracy']['p']:.2g}), {ours['p50_ratio']:.2f} times"


def _verdict(rows: list[dict[str, Any]]) -> str:
    """Where ours is better than the other tools, and where worse: worse answers and speed by name."""
    checks = sorted((row["parity_seconds"], row["file"]) for row in rows if row["tool"] == OURS)
    faster, slower = _ratios(rows, "p50_ratio", faster=True), _ratios(rows, "p50_ratio")
    return (
        f"Accuracy (exact McNemar test, p < {CHANCE:g}): higher than {_counted(_apart(rows, 'accuracy', 1))}; lower "
        f"than {_named(_apart(rows, 'accuracy', -1))}. Agreement with Keras (the same test): higher than "
        f"{_counted(_apart(rows, 'agreement', 1))}; lower than {_named(_apart(rows, 'agreement', -1))}. p50 (by more "
        f"than {100 * (SAME_SPEED - 1):.0f} %): faster than {_counted(faster)}; slower than {_named(slower)}. Export "
        f"takes longer than {_counted(_ratios(rows, 'seconds_ratio'))}. The parity check, which the others do not have "
        f"and which is not in that time, takes {checks[0][0]:.1f} s ({checks[0][1]}) to {checks[-1][0]:.1f} s "
        f"({checks[-1][1]}) on these faces."
    )


def _apart(rows: list[dict[str, Any]], figure: str, sign: int) -> list[Apart]:
    """The files from which ours differs in that direction by more than chance."""
    found = []
    for row in rows:
        judged = row["ours"][figure] if "ours" in row else {"points": 0, "p": 1}
        if sign * judged["points"] > 0 and judged["p"] < CHANCE:
            note = f", p = {judged['p']:.2g}"
            found.append(Apart(f"{row['tool']} {row['file']}", judged["points"], "points", note))
    return found


def _named(apart: list[Apart]) -> str:
    return ", ".join(map(str, apart)) or "none"


def _counted(apart: list[Apart]) -> str:
    """One file by its name, several by their number and range."""
    if len(apart) < 2:
        return _named(apart)
    least, *_, most = sorted(apart, key=lambda each: each.value)
    return f"{len(apart)} of the others' files ({least.figure} to {most.figure} {least.unit})"


def _ratios(rows: list[dict[str, Any]], figure: str, *, faster: bool = False) -> list[Apart]:
    """The files that take longer than ours, or less long."""
    found = []
    for row in rows:
        ratio = row["ours"][figure] if "ours" in row else 1
        if (1 / ratio if faster else ratio) > SAME_SPEED:
            found.append(Apart(f"{row['tool']} {row['file']}", ratio, "times"))
    return found


def _seconds(row: dict[str, Any]) -> float:
    return statistics.median(row["seconds"])
