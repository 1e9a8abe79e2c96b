"""Blocks of exported files: every variant, repair, calibration, the steps of int8."""

from pathlib import Path

from .words import machine_of, percent, result_of, table_of


def variants() -> str:
    recorded = result_of("variants")
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
                f"{percent(judged['file_accuracy']['value'])} ({percent(low)}-{percent(high)})",
                f"{judged['drop']:+.2f} ({least:+.2f} to {most:+.2f})",
                f"{percent(judged['agreement']['value'], 2)} %",
                f"{flips['right_to_wrong']}/{flips['wrong_to_right']}/{flips['wrong_to_wrong']}",
                f"{judged['mean_difference']:.2g}",
                f"{latency[name]['p50_ms']:.3g}",
            ]
        )
    keras = result["files"][0]["parity"]["keras_accuracy"]["value"]
    chosen = "\n".join(f"- {Path(each['file']).name}: {each['reason']}." for each in result["choices"])
    return (
        f"{table_of(header, rows)}\n\nflips: faces that went right to wrong / wrong to right / wrong to wrong. Keras "
        f"itself: {percent(keras)} %, {result['checkpoint']['bytes'] / 1e6:.2f} MB. The whole command took "
        f"{recorded['seconds']:.0f} s. What it says to ship:\n\n{chosen}\n\n{machine_of(recorded)}."
    )


def repair() -> str:
    result = result_of("repair")
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
                    f"{percent(judged['agreement'], 2)} %",
                    f"{judged['drop']:+.2f}",
                    "passed" if judged["passed"] else "failed",
                    kept,
                    f"{made['bytes'] / 1e6:.2f}",
                ]
            )
        tries = f"{len(found['tries'])} {'try' if len(found['tries']) == 1 else 'tries'}"
        blamed.append(f"{title}: {', '.join(layer['layer'] for layer in found['ranking'])} ({tries})")
    return (
        f"{table_of(header, rows)}\n\nTwo channels of `{result['planted']}` of {result['network']} were given a large "
        f"offset that the next convolution takes off again (`benchmarks/export/repair.py`). Blamed most, and tries "
        f"until passed: {'; '.join(blamed)}."
    )


def calibration() -> str:
    header = ["int8 of", "Keras", "from probe faces", "from Training faces, three seeds", "probe - real, points"]
    rows = []
    for name, figures in result_of("calibration")["networks"].items():
        real = " / ".join(percent(accuracy) for accuracy in figures["training_faces"]["accuracy"])
        rows.append(
            [
                f"`{name}`",
                percent(figures["keras_accuracy"]),
                percent(figures["probe_faces"]["accuracy"]),
                real,
                f"{figures['probe_minus_real_points']:+.2f}",
            ]
        )
    return f"PublicTest accuracy, %:\n\n{table_of(header, rows)}"


def int8_steps() -> str:
    networks = result_of("int8_steps")["networks"]
    steps = [row["steps"] for row in max(networks.values(), key=len)]
    header = ["agreement of int8 on PublicTest", *steps]
    rows = []
    for name, found in networks.items():
        cells = {row["steps"]: f"{percent(row['agreement'], 2)} %" for row in found}
        rows.append([f"`{name}`", *(cells.get(step, "as before") for step in steps)])
    return table_of(header, rows)
