"""Puts the recorded figures into the README files, between <!-- name --> and <!-- /name -->.

    python -m benchmarks.tables

A block may stand in any README.md of the repository's top or of a folder below it. tests/benchmarks/test_readme.py
fails when a README does not show what benchmarks/results/ and models/ hold.
"""

import json
import re
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
OURS = "fer-export"
CHANCE, SAME_SPEED, SLOWER = 0.05, 1.05, 1.1
"""Differences of accuracy with a larger p may be chance; times within this ratio count as equal; from this ratio on a
file counts as slower than fp32."""
PEER_PACKAGES = ("ai-edge-quantizer", "onnx", "onnxruntime", "tf2onnx")
BLOCK = re.compile(r"(<!-- ([a-z0-9-]+) -->\n).*?(<!-- /\2 -->)", re.DOTALL)
BROWSERS = {"chromium": "Chromium", "webkit": "WebKitGTK"}
FIRST_RUN = (
    "network",
    "contract",
    "calibration",
    "file",
    "compact-7-int8.tflite",
    "every compute op",
    "PASSED",
    "took",
)
"""How the lines of the first command's printout begin that the first page shows."""


class Apart(NamedTuple):
    """A file of another tool from which ours differs."""

    name: str
    value: float
    unit: str
    note: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.figure} {self.unit}{self.note})"

    @property
    def figure(self) -> str:
        return f"{self.value:+.2f}" if self.unit == "points" else f"{self.value:.2f}"


def pages() -> list[Path]:
    """Every README.md that may hold a block."""
    return [ROOT / "README.md", *sorted(ROOT.glob("*/README.md"))]


def rendered(text: str) -> str:
    """A README's text with every block made anew."""
    return BLOCK.sub(lambda found: f"{found[1]}\n{BLOCKS[found[2]]()}\n\n{found[3]}", text)


def first_run() -> str:
    """The lines of the first command's recorded printout that a newcomer needs."""
    printed = _result("speed")["printout"].splitlines()
    lines = [next(line for line in printed if line.startswith(start)) for start in FIRST_RUN]
    return "```\n" + "\n".join(lines) + "\n```"


def ship() -> str:
    """Which file to ship, by what the app has; measured by `fer-export all`."""
    result = _result("variants")["result"]
    latency = {row["path"]: row["p50_ms"] for row in result["bench"]["rows"]}
    files = {Path(file["path"]).name: file for file in result["files"]}
    chosen = {each["format"]: Path(each["file"]).name for each in result["choices"]}
    uses = [
        ("LiteRT (TensorFlow Lite) on the phone's CPU", chosen["tflite"]),
        ("an accelerator that computes in integers only", "compact-7-int8.tflite"),
        ("onnxruntime", chosen["onnx"]),
    ]
    rows = []
    for use, name in uses:
        judged = files[name]["parity"]
        agreement = f"{_percent(judged['agreement']['value'])} %"
        size = f"{files[name]['bytes'] / 1e6:.2f} MB"
        rows.append([use, f"`{name}`", size, agreement, f"{latency[files[name]['path']]:.2g} ms"])
    return _table(
        ["your app runs it in", "ship", "size", "same answer as Keras", "time a face, one thread of a PC"], rows
    )


def accuracy() -> str:
    """How often the default network is right, in one sentence."""
    card = json.loads((ROOT / "models" / "compact-7" / "card.json").read_text())["evaluation"]
    return (
        f"`compact-7` is right on {_share(card['accuracy'])} of the {card['accuracy']['count']:,} PublicTest faces of "
        f"FER2013 (95 % interval), its int8 file on {_share(card['int8']['accuracy'])}."
    )


def variants() -> str:
    recorded = _result("variants")
    result = recorded["result"]
    latency = {Path(row["path"]).name: row for row in result["bench"]["rows"]}
    header = [
        "file",
        "MB",
        "accuracy (95 %)",
        "drop, points (95 %)",
        "agreement",
        "flips",
        "mean difference",
        "p50, ms",
    ]
    rows = []
    for file in result["files"]:
        judged, name = file["parity"], Path(file["path"]).name
        low, high = judged["file_accuracy"]["wilson_95"]
        flips = judged["flips"]
        least, most = judged["drop_interval"]
        rows.append(
            [
                f"`{name}`",
                f"{file['bytes'] / 1e6:.2f}",
                f"{_percent(judged['file_accuracy']['value'])} ({_percent(low)}-{_percent(high)})",
                f"{judged['drop']:+.2f} ({least:+.2f} to {most:+.2f})",
                f"{_percent(judged['agreement']['value'], 2)} %",
                f"{flips['right_to_wrong']}/{flips['wrong_to_right']}/{flips['wrong_to_wrong']}",
                f"{judged['mean_difference']:.2g}",
                f"{latency[name]['p50_ms']:.3g}",
            ]
        )
    keras = result["files"][0]["parity"]["keras_accuracy"]["value"]
    chosen = "\n".join(f"- {Path(each['file']).name}: {each['reason']}." for each in result["choices"])
    return (
        f"{_table(header, rows)}\n\nflips: faces that went right to wrong / wrong to right / wrong to wrong. Keras "
        f"itself: {_percent(keras)} %, {result['checkpoint']['bytes'] / 1e6:.2f} MB. The whole command took "
        f"{recorded['seconds']:.0f} s. What it says to ship:\n\n{chosen}\n\n{_machine(recorded)}."
    )


def runtimes() -> str:
    result = _result("runtimes")
    answers = {(each["file"], each["runtime"]): each for each in result["answers"]}
    header = [
        "file",
        "runtime",
        "agreement with Keras",
        "p50, 1 thread",
        "p50, 2 threads",
        "of fp32",
        "of peak",
        "memory",
    ]
    rows = []
    timed = {(row["path"], row["runtime"], row["threads"]): row for row in result["bench"]["rows"]}
    for (file, runtime), answer in answers.items():
        one, two = timed[file, runtime, 1], timed[file, runtime, 2]
        rows.append(
            [
                f"`{file}`",
                f"{runtime} {one['runtime_version']}",
                f"{_percent(answer['agreement']['value'], 2)} %" if "agreement" in answer else answer["error"],
                f"{one['p50_ms']:.3g} ms",
                f"{two['p50_ms']:.3g} ms",
                f"{one['float_ratio']:.2f} times",
                f"{one['share_of_peak_percent']:.1f} %",
                f"{one['peak_rss_mb']:.0f} MB",
            ]
        )
    cautions = "".join(f" Caution: {sentence}." for sentence in result["bench"]["cautions"])
    return (
        f"{_table(header, rows)}\n\nof peak: share of what the same runtime reaches on a large matrix product in the "
        "same run, which its convolutions may exceed. A second run's medians differ from these by at most "
        f"{_farthest(result, 1)} % with one thread and {_farthest(result, 2)} % with two.{cautions}"
        f"\n\nSlower than fp32 (1 thread, 2 threads): {_slower(timed)}. `fer-export bench` gives the reason for each."
        f"\n\n{_machine(result)}."
    )


def repair() -> str:
    result = _result("repair")
    header = ["a planted outlier, on PublicTest", "agreement", "drop, points", "gate", "layers in float", "MB"]
    rows, blamed = [], []
    for name, title in (("tflite", "TFLite"), ("onnx", "ONNX")):
        found = result[name]
        plain, mended = found["plain"], found["repaired"]
        for made, words in ((plain, "plain int8"), (mended, "repaired")):
            judged = next(each for each in made["parity"] if each["source"].startswith("PublicTest"))
            kept = ", ".join(found["tries"][-1]["float_layers"]) if made is mended else "none"
            rows.append(
                [
                    f"{words} {title}",
                    f"{_percent(judged['agreement'], 2)} %",
                    f"{judged['drop']:+.2f}",
                    "passed" if judged["passed"] else "failed",
                    kept,
                    f"{made['bytes'] / 1e6:.2f}",
                ]
            )
        tries = f"{len(found['tries'])} {'try' if len(found['tries']) == 1 else 'tries'}"
        blamed.append(f"{title}: {', '.join(layer['layer'] for layer in found['ranking'])} ({tries})")
    return (
        f"{_table(header, rows)}\n\nTwo channels of `{result['planted']}` of {result['network']} were given a large "
        f"offset that the next convolution takes off again (`benchmarks/export/repair.py`). Blamed most, and tries "
        f"until passed: {'; '.join(blamed)}."
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
    networks = _result("int8_steps")["networks"]
    header = ["int8 on PublicTest"]
    for name in networks:
        header += [f"`{name}`: top-1 agreement", "drop, points", "mean difference"]
    rows = []
    for alike in zip(*networks.values(), strict=True):
        row = [alike[0]["steps"]]
        for one in alike:
            row += [f"{_percent(one['agreement'], 2)} %", f"{one['drop']:+.2f}", f"{one['mean_difference']:.2g}"]
        rows.append(row)
    return _table(header, rows)


def networks() -> str:
    latency = _result("network_latency")
    beside = latency["beside"]
    header = ["name", "outputs", "Keras: PublicTest accuracy (95 %)", "int8 TFLite: accuracy (95 %)", "int8 file"]
    header += ["multiply-adds", "parameters", f"p50 beside {beside}", "epoch"]
    rows = []
    for path in sorted((ROOT / "models").glob("*/card.json")):
        card = json.loads(path.read_text())
        protocol, figures, int8 = card["protocol"], card["evaluation"], card["evaluation"]["int8"]
        rows.append(
            [
                f"`{card['name']}`",
                str(len(card["labels"])),
                f"{_share(figures['accuracy'])} of {figures['accuracy']['count']:,}",
                _share(int8["accuracy"]),
                f"{int8['bytes'] / 1e6:.2f} MB",
                f"{int8['macs'] / 1e6:.0f} million",
                f"{int8['parameters'] / 1e6:.2f} million",
                f"{latency['networks'][card['name']]['times_beside']:.2f} times",
                f"{protocol['best_epoch']} of {protocol['epochs']}",
            ]
        )
    milliseconds = latency["networks"][beside]["p50_ms"]
    return (
        f"{_table(header, rows)}\n\nMultiply-adds, parameters and p50 are the int8 file's; {beside} takes "
        f"{milliseconds:.3f} ms on one thread of LiteRT ({_machine(latency)})."
    )


def crop_margin() -> str:
    result = _result("crop_margin")
    measured, crop, found = result["measured"], result["crop"], result["public_test"]
    header = ["PublicTest faces that are found", "handed over as they are", "through detector, crop and resize"]
    rows = []
    for name, figures in found["accuracy"].items():
        through = figures[f"scale {crop['scale']}"]["value"]
        rows.append([f"`{name}`", f"{_percent(figures['direct']['value'])} %", f"{_percent(through)} %"])
    side, right, down = (
        f"{measured[name]['median']} ({measured[name]['q25']} to {measured[name]['q75']})"
        for name in ("scale", "shift_x", "shift_y")
    )
    return (
        f"{_table(header, rows)}\n\n"
        f"Enlarged and padded, {found['found']:,} of {found['of']:,} are found, without windows. FER2013's frame "
        f"around a Training face, in thousandths of its box, median (quartiles): side {side}, to the right {right}, "
        f"down {down}; the contract takes {crop['scale']}, {crop['shift_x']} and {crop['shift_y']}."
    )


def group_faces() -> str:
    result = _result("group_faces")
    whole, *_, windows = result["rows"]
    header = ["faces in a square photo", "each is of its side", "found in the whole photo", "with windows", "mistaken"]
    rows = []
    for before, after in zip(whole["groups"], windows["groups"], strict=True):
        faces = f"{before['faces']} {before['ground']}"
        share = f"{_percent(before['share_of_side'], 0)} %"
        found = [f"{each['found']} of {each['of']}" for each in (before, after)]
        rows.append([faces, share, *found, str(after["mistaken"])])
    nobody = result["pictures_without_faces"]
    return (
        f"{_table(header, rows)}\n\nIn {nobody['count']} pictures without a face ({nobody['from']}) "
        f"{windows['mistaken_without_faces']} are mistaken for one, without windows {whole['mistaken_without_faces']}. "
        f"Median time of a photo: {whole['median_ms']:.0f} ms, with windows {windows['median_ms']:.0f} ms "
        f"({_machine(result)})."
    )


def arm_parity() -> str:
    return "```\n" + _result("arm_parity")["printout"].strip() + "\n```"


def report_table() -> str:
    result = _result("report_table")
    if not any(row["ours"] for row in result["rows"]):
        count = len(result["rows"])
        return f"None of its {count} rows has been trained here yet; `benchmarks/training/report_table.py` trains them."
    header = ["batch", "parameters", "outputs", "report: accuracy (95 %)", "ours: accuracy (95 %)"]
    header += ["ours - report, points (95 %)", "epochs, report / ours", "s an epoch, report / ours"]
    rows = []
    for row in result["rows"]:
        report, ours = row["report"], row["ours"]
        low, high = report["wilson_95"]
        line = [
            str(row["batch_size"]),
            f"{report['parameters']:,}" if not ours else f"{ours['parameters']:,}",
            str(row["outputs"]),
            f"{_percent(report['accuracy'])} % ({_percent(low)}-{_percent(high)})",
        ]
        if ours is None:
            rows.append([*line, "not run", "", f"{report['epochs']} /", f"{report['seconds_per_epoch']} /"])
            continue
        rows.append(
            [
                *line,
                _share(ours["accuracy"]),
                _points(ours["ahead"]),
                f"{report['epochs']} / {ours['epochs']}",
                f"{report['seconds_per_epoch']} / {ours['seconds_per_epoch']:.0f}",
            ]
        )
    return f"{_table(header, rows)}\n\n{_reproduced(result)}"


def speed() -> str:
    result, step = _result("speed"), _result("training_step")
    rows = [
        ["`fer-export --help`", f"{result['help']['median']:.2f} s"],
        ["`fer-export tflite --quantize int8`", f"{result['tflite_int8']['median']:.1f} s"],
        ["the same with `--data`, judged on 3,589 faces", f"{result['tflite_int8_with_data']['median']:.1f} s"],
        ["`fer-export all --data fer2013.csv`", f"{_result('variants')['seconds']:.0f} s"],
        ["`fer-export data fer2013.csv`, first time / again", _twice(result)],
        [
            "40 training steps against plain `model.fit`, which may wait at their end",
            f"{step['against_model_fit']['median_paired_ratio']:.2f} times",
        ],
        [
            "a training step of `compact` with `--dtype mixed_bfloat16` against float32",
            f"{step['against_float32']['median_paired_ratio']:.2f} times",
        ],
    ]
    return f"{_table(['whole command, median', ''], rows)}\n\n{_machine(result)}."


def peers() -> str:
    result = _result("peers")
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
                f"{_percent(row['accuracy']['value'])} %",
                f"{_percent(row['agreement'], 2)} %",
                f"{row['p50_ms']:.3f} ms",
                _beside(row["ours"]) if "ours" in row else "",
            ]
        )
    versions = ", ".join(f"{package} {result['environment'][package]}" for package in PEER_PACKAGES)
    table = _table(header, rows)
    cautions = "".join(f" Caution: {sentence}." for sentence in result["cautions"])
    return f"{table}\n\n{_verdict(result['rows'])}{cautions}\n\n{_machine(result)}, {versions}."


def apk_size() -> str:
    result = _result("apk_size")
    rows = []
    for part, size in result["parts"].items():
        rows.append([part, _megabytes(size["stored"]), _megabytes(size["raw"])])
        if part == "native libraries":
            rows += [
                [f"- {abi}", _megabytes(each["stored"]), _megabytes(each["raw"])]
                for abi, each in result["abis"].items()
            ]
    rows.append(["**whole APK**", f"**{_megabytes(result['bytes'])}**", ""])
    alone = ", ".join(f"{abi} {_megabytes(size)} MB" for abi, size in result["single_abi"].items())
    table = _table([f"part of `{result['apk']}`", "in the APK, MB", "unpacked, MB"], rows)
    text = f"{table}\n\nWith the native libraries of one ABI alone: {alone}."
    if "release" in result:
        release = result["release"]
        text += (
            f"\nA release with {' and '.join(release['abis'])} and one network (`{release['apk']}`): "
            f"{_megabytes(release['bytes'])} MB, of which LiteRT's library {_megabytes(release['natives'])} MB and "
            f"the rest {_megabytes(release['rest'])} MB."
        )
    return text


def browser() -> str:
    """The default network in browsers, beside the same files run natively."""
    result = _result("browser")
    header = ["file", "in", "p50", "native p50", "of native", "same answer", "same bits", "largest difference"]
    rows = []
    for row in result["rows"]:
        rows.append(
            [
                f"`{row['file']}`",
                f"{row['runtime']}, {BROWSERS[row['browser']]}",
                f"{row['p50_ms']:.3g} ms",
                f"{row['native_p50_ms']:.3g} ms ({row['native']})",
                f"{row['p50_ms'] / row['native_p50_ms']:.1f} times",
                f"{_percent(row['same_label'], 2)} %",
                f"{_percent(row['same_bits'], 2)} %",
                f"{row['largest_difference']:.2g}",
            ]
        )
    page = result["page"]
    photo = ", ".join(f"{each['photo_ms']:.0f} ms in {BROWSERS[name]}" for name, each in result["browsers"].items())
    wasm = ", ".join(
        f"{name} {each['bytes'] / 1e6:.1f} MB ({each['gzip_bytes'] / 1e6:.1f} MB gzip)"
        for name, each in result["runtimes"].items()
    )
    return (
        f"{_table(header, rows)}\n\nThe same file's answers in the browser against the native runtime's, on "
        f"{result['faces']} PublicTest faces; one thread. A photo of one face through the whole pipeline: {photo}, "
        f"{result['native_photo_ms']:.0f} ms natively. WebAssembly to load: {wasm}; `dist` with all of it and "
        f"its networks {result['dist_bytes'] / 1e6:.1f} MB. The page can be used {page['first_start_ms'] / 1000:.1f} s "
        f"after the first visit's start, without a network {page['offline_start_ms'] / 1000:.1f} s, and analyses "
        f"{page['live_pictures_a_second']:.0f} pictures a second of a camera that shows one face.\n\n"
        f"{_machine(result)}."
    )


BLOCKS: dict[str, Callable[[], str]] = {
    "first-run": first_run,
    "ship": ship,
    "accuracy": accuracy,
    "variants": variants,
    "runtimes": runtimes,
    "repair": repair,
    "int8-steps": int8_steps,
    "calibration": calibration,
    "peers": peers,
    "networks": networks,
    "speed": speed,
    "crop-margin": crop_margin,
    "group-faces": group_faces,
    "apk-size": apk_size,
    "browser": browser,
    "arm-parity": arm_parity,
    "report-table": report_table,
}


def _farthest(result: dict[str, Any], threads: int) -> str:
    """Percent by which the second run's medians differ from the first's, at most."""
    pairs = zip(result["second_run_over_first"], result["bench"]["rows"], strict=True)
    return f"{100 * max(max(ratio, 1 / ratio) - 1 for ratio, row in pairs if row['threads'] == threads):.0f}"


def _beside(ours: dict[str, Any]) -> str:
    return f"{ours['accuracy']['points']:+.2f} points (p = {ours['accuracy']['p']:.2g}), {ours['p50_ratio']:.2f} times"


def _slower(timed: dict[tuple[str, str, int], dict[str, Any]]) -> str:
    """The files that take longer than fp32 in a runtime, with the ratio for each count of threads."""
    found = []
    for (path, runtime, threads), row in timed.items():
        both = [row["float_ratio"], timed[path, runtime, 2]["float_ratio"]]
        if threads == 1 and max(both) > SLOWER:
            ratios = ", ".join(f"{ratio:.1f}" for ratio in both)
            found.append(f"{row['precision']} in {runtime} ({ratios} times)")
    return "; ".join(found) or "none"


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


def _reproduced(result: dict[str, Any]) -> str:
    """What of the report's table holds here, and what does not."""
    rows = [row for row in result["rows"] if row["ours"]]
    if not rows:
        return "No row has been trained here yet (`benchmarks/training/report_table.py`)."
    ahead = [row["ours"]["ahead"]["interval"] for row in rows]
    higher, lower = sum(least > 0 for least, _ in ahead), sum(most < 0 for _, most in ahead)
    pairs = "; ".join(_six_against_seven(result, pair) for pair in result["six_against_seven"])
    capped = [_row_name(row) for row in rows if row["ours"]["epochs"] == row["ours"]["most_epochs"]]
    return (
        f"{len(rows)} of {len(result['rows'])} rows trained, once each, on 70 % of the {result['data']['rows']:,} rows "
        "at hand; accuracy of the best epoch on the other 30 %, which also chose it. The report does not say which "
        "epoch it prints. The intervals cover the choice of faces, not the seed. Two rows were trained at a time, a "
        "core each, some with other work beside them: do not compare the seconds.\n\n"
        f"{len(rows) - higher - lower} rows agree with the report within 95 %, {higher} are higher, {lower} lower."
        + (f" 6 outputs against 7, points in the report / here / on like terms: {pairs}." if pairs else "")
        + (f" Stopped by the limit of epochs, not early: {', '.join(capped)}." if capped else "")
    )


def _six_against_seven(result: dict[str, Any], pair: dict[str, Any]) -> str:
    """The gain of 6 outputs over 7: in the report, here, and here with the 7 outputs held to the same six emotions."""
    alike = [row for row in result["rows"] if row["network"] == pair["network"] and row["batch_size"] == 32]
    seven, six = sorted(alike, key=lambda row: -row["outputs"])
    printed = 100 * (six["report"]["accuracy"] - seven["report"]["accuracy"])
    here = 100 * (six["ours"]["accuracy"]["value"] - seven["ours"]["accuracy"]["value"])
    ahead = pair["six_ahead"]
    return f"{pair['network']} {printed:+.2f} / {here:+.2f} / {ahead['points']:+.2f} (p = {ahead['p']:.2g})"


def _row_name(row: dict[str, Any]) -> str:
    return f"{row['network']} batch {row['batch_size']} with {row['outputs']} outputs"


def _share(figure: dict[str, Any]) -> str:
    low, high = figure["wilson_95"]
    return f"{_percent(figure['value'])} % ({_percent(low)}-{_percent(high)})"


def _points(figure: dict[str, Any]) -> str:
    least, most = figure["interval"]
    return f"{figure['points']:+.2f} ({least:+.2f} to {most:+.2f})"


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


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.3f}"


def _percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f}"


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in (header, ["---"] * len(header), *rows)]
    return "\n".join(lines)


if __name__ == "__main__":
    for page in pages():
        page.write_text(rendered(page.read_text()))
