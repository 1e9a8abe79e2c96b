"""Puts the recorded figures into README.md, between <!-- name --> and <!-- /name -->.

    python benchmarks/readme.py

`tests/test_readme.py` fails when the README does not show what benchmarks/results/ and models/ hold.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"


def rendered(text: str) -> str:
    """The README with every block made anew."""
    for name, block in BLOCKS.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        text, count = pattern.subn(lambda found, block=block: f"{found[1]}\n{block()}\n\n{found[2]}", text)
        if count != 1:
            raise SystemExit(f"README.md has no block <!-- {name} --> ... <!-- /{name} -->")
    return text


def first_run() -> str:
    return "```\n" + _result("speed")["printout"].strip() + "\n```"


def precisions() -> str:
    result = _result("precisions")
    header = ["precision", "size", "accuracy (95 %)", "drop, points", "top-1 agreement", "largest / mean difference"]
    rows = []
    for file in result["files"]:
        judged = file["parity"]
        low, high = judged["file_accuracy"]["wilson_95"]
        rows.append(
            [
                f"`{file['precision']}`",
                f"{file['bytes'] / 1e6:.2f} MB",
                f"{_percent(judged['file_accuracy']['value'])} ({_percent(low)}-{_percent(high)})",
                f"{judged['drop']:+.2f}",
                f"{_percent(judged['agreement']['value'], 2)} %",
                f"{judged['largest_difference']:.2g} / {judged['mean_difference']:.2g}",
            ]
        )
    keras = result["files"][0]["parity"]["keras_accuracy"]["value"]
    return (
        f"{_table(header, rows)}\n\nKeras itself: {_percent(keras)} %, {result['keras_bytes'] / 1e6:.2f} MB "
        f"({_machine(result)})."
    )


def calibration() -> str:
    header = ["int8 of", "Keras", "from probe faces", "from Training faces, three seeds", "probe - real, points"]
    rows = []
    for name, figures in _result("calibration")["networks"].items():
        real = " / ".join(_percent(accuracy) for accuracy in figures["training_faces"]["accuracy"])
        rows.append(
            [
                f"`{name}`",
                _percent(figures["keras_accuracy"]),
                _percent(figures["probe_faces"]["accuracy"]),
                real,
                f"{figures['probe_minus_real_points']:+.2f}",
            ]
        )
    return f"PublicTest accuracy, %:\n\n{_table(header, rows)}"


def int8_steps() -> str:
    header = ["int8 of report-512-7 on PublicTest", "top-1 agreement", "drop, points", "mean difference"]
    rows = [
        [row["steps"], f"{_percent(row['agreement'], 2)} %", f"{row['drop']:+.2f}", f"{row['mean_difference']:.2g}"]
        for row in _result("int8_steps")["rows"]
    ]
    return _table(header, rows)


def networks() -> str:
    header = ["name", "outputs", "PublicTest accuracy (95 %)", "epoch", "Keras file"]
    rows = []
    for path in sorted((ROOT / "models").glob("*/card.json"), reverse=True):
        card = json.loads(path.read_text())
        figure, protocol = card["evaluation"]["accuracy"], card["protocol"]
        low, high = figure["wilson_95"]
        rows.append(
            [
                f"`{card['name']}`",
                ", ".join(card["labels"]),
                f"{_percent(figure['value'])} % ({_percent(low)}-{_percent(high)}) of {figure['count']:,}",
                f"{protocol['best_epoch']} of {protocol['epochs']}",
                f"{card['bytes'] / 1e6:.1f} MB",
            ]
        )
    return _table(header, rows)


def speed() -> str:
    result, step = _result("speed"), _result("training_step")
    rows = [
        ["`fer-export --help`", f"{result['help']['median']:.2f} s"],
        ["`fer-export tflite --quantize int8`", f"{result['tflite_int8']['median']:.1f} s"],
        ["the same with `--data`, judged on 3,589 faces", f"{result['tflite_int8_with_data']['median']:.1f} s"],
        ["`fer-export data fer2013.csv`, first time / again", _twice(result)],
        ["a training step against plain `model.fit`", f"{step['median_paired_ratio']:.2f} times"],
    ]
    return f"{_table(['whole command, median', ''], rows)}\n\n{_machine(result)}."


BLOCKS: dict[str, Callable[[], str]] = {
    "first-run": first_run,
    "precisions": precisions,
    "int8-steps": int8_steps,
    "calibration": calibration,
    "networks": networks,
    "speed": speed,
}


def _twice(result: dict[str, Any]) -> str:
    return f"{result['data_first_read_and_summary']:.1f} s / {result['data_cached_read_and_summary']:.1f} s"


def _result(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text())
    return document


def _machine(result: dict[str, Any]) -> str:
    found = result["environment"]
    return (
        f"{found['machine']}, {found['cpu']}; Python {found['python']}, TensorFlow {found['tensorflow']}, "
        f"Keras {found['keras']}, LiteRT {found['ai-edge-litert']}"
    )


def _percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f}"


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in (header, ["---"] * len(header), *rows)]
    return "\n".join(lines)


if __name__ == "__main__":
    readme = ROOT / "README.md"
    readme.write_text(rendered(readme.read_text()))
