"""Blocks of trained networks: those that are shipped, the rows of the report."""

import json
from typing import Any

from fer_export.dataset import FER2013, FER_PLUS

from .words import ROOT, machine_of, percent, points_of, result_of, share_of, table_of


def networks() -> str:
    latency = result_of("network_latency")
    beside = latency["beside"]
    header = ["name", "outputs", "PublicTest by", "Keras: accuracy (95 %)", "int8 TFLite: accuracy (95 %)", "int8 file"]
    header += ["multiply-adds", "parameters", f"p50 beside {beside}", "epoch"]
    rows = []
    for path in sorted((ROOT / "models").glob("*/card.json")):
        card = json.loads(path.read_text())
        protocol, figures, int8 = card["protocol"], card["evaluation"], card["evaluation"]["int8"]
        rows.append(
            [
                f"`{card['name']}`",
                str(len(card["labels"])),
                "FER+ votes" if protocol["recipe"].get("votes") else "2013's labels",
                f"{share_of(figures['accuracy'])} of {figures['accuracy']['count']:,}",
                share_of(int8["accuracy"]),
                f"{int8['bytes'] / 1e6:.2f} MB",
                f"{int8['macs'] / 1e6:.0f} million",
                f"{int8['parameters'] / 1e6:.2f} million",
                _times_beside(latency["networks"].get(card["name"])),
                f"{protocol['best_epoch']} of {protocol['epochs']}",
            ]
        )
    milliseconds = latency["networks"][beside]["p50_ms"]
    return (
        f"{table_of(header, rows)}\n\nMultiply-adds, parameters and p50 are the int8 file's; {beside} takes "
        f"{milliseconds:.3f} ms on one thread of LiteRT ({machine_of(latency)})."
    )


def _times_beside(row: dict[str, Any] | None) -> str:
    return f"{row['times_beside']:.2f} times" if row else "not timed yet"


def labels_and_photos() -> str:
    """Networks whose cards judge them by both kinds of labels and on photographs."""
    header = [
        "name",
        "shares",
        "2013's labels",
        "FER+ votes",
        "photos, Keras",
        "photos, int8",
        "weakest on photos, int8",
    ]
    rows, left_out, photos = [], set[int](), 0
    for path in sorted((ROOT / "models").glob("*/card.json")):
        figures = json.loads(path.read_text())["evaluation"]
        if "photos" not in figures:
            continue
        labels, photos = figures["labels"], figures["photos"]["photos"]
        left_out.add(labels["votes"]["left_out"])
        for prior, seen in figures["photos"]["priors"].items():
            rows.append(
                [
                    f"`{path.parent.name}`",
                    prior,
                    *(share_of(labels[kind]["priors"][prior]["accuracy"]) for kind in ("2013", "votes")),
                    *(share_of(seen[kind]["accuracy"]) for kind in ("keras", "int8")),
                    _weakest(seen["int8"]),
                ]
            )
    if not rows:
        return "No card holds these figures yet; `python -m benchmarks.ship --votes ... --photos ...` adds them."
    return (
        f"{table_of(header, rows)}\n\nPublicTest in Keras; {' or '.join(map(str, sorted(left_out)))} faces without a "
        f"majority of votes for one of a network's emotions are left out there. {photos} photographs of other people's "
        "collections with one labelled face each. They were seen "
        "while the default prior was chosen, so these figures are slightly optimistic."
    )


def _weakest(photos: dict[str, Any]) -> str:
    """The emotion that is found least often, with its photographs."""
    recall = {name: each["recall"] for name, each in photos["emotions"].items()}
    name = min(recall, key=lambda each: float(recall[each]["value"]))
    return f"{name} {recall[name]['hits']} of {recall[name]['count']}"


def shifts() -> str:
    """What each part of the shift to equal shares gains on photographs and costs on PublicTest."""
    result = result_of("photos_accuracy")
    header = ["name", "tau", "photos", "weakest on photos", "2013's labels, balanced", "FER+ votes, balanced"]
    header.append("neutral and happy faces called disgust or fear")
    rows = []
    for name, found in result["networks"].items():
        if len(found["trained_shares"]) < len(FER2013):
            continue
        for tau, each in found["tau"].items():
            rows.append(
                [
                    f"`{name}`",
                    tau,
                    f"{each['photos']['accuracy']['hits']} of {each['photos']['accuracy']['count']}",
                    _weakest(each["photos"]),
                    *(_plain_and_balanced(each[kind]) for kind in ("2013", "votes")),
                    f"{percent(each['2013']['common_called_rare']['value'])} %",
                ]
            )
    return (
        f"{table_of(header, rows)}\n\nIn Keras; tau is the part of log(equal / trained share) that is added to the "
        "logits. Balanced: the mean over the emotions of the share that is found. The last column: PublicTest by "
        f"2013's labels. {machine_of(result)}."
    )


def _plain_and_balanced(figures: dict[str, Any]) -> str:
    return f"{percent(figures['accuracy']['value'])}, {percent(figures['balanced_accuracy'])} %"


def losses() -> str:
    """Logit adjustment in training beside the shift of the last layer afterwards."""
    result = result_of("losses")
    header = ["loss", "shift afterwards", "FER+ votes", "balanced over the emotions", "photos", "weakest on photos"]
    words = {"0": "plain", "0.5": "logit adjustment, tau 0.5", "1": "balanced softmax (tau 1)"}
    rows = []
    for loss, found in result["trained_with"].items():
        for tau, each in found.items():
            rows.append(
                [
                    words[loss],
                    f"{float(tau) - float(loss):+g}",
                    f"{percent(each['votes']['accuracy']['value'])} %",
                    f"{percent(each['votes']['balanced_accuracy'])} %",
                    f"{each['photos']['accuracy']['hits']} of {each['photos']['accuracy']['count']}",
                    _weakest(each["photos"]),
                ]
            )
    return (
        f"{table_of(header, rows)}\n\n`{result['network']}` with {len(FER_PLUS)} outputs, {result['epochs']} epochs on "
        f"from `{result['initial']}`, the same for each loss; in Keras ({machine_of(result)})."
    )


def front() -> str:
    """Latency, load time and size of the networks; their accuracy beside it is drawn."""
    result = result_of("network_latency")
    header = ["name", "p50", f"beside {result['beside']}", "first inference", "load", "int8 file", "peak memory"]
    rows = [
        [
            f"`{name}`",
            f"{row['p50_ms']:.3f} ms",
            f"{row['times_beside']:.2f} times",
            f"{row['first_ms']:.2f} ms",
            f"{row['load_ms']:.1f} ms",
            f"{row['bytes'] / 1e6:.2f} MB",
            f"{row['peak_rss_mb']:.0f} MB",
        ]
        for name, row in sorted(result["networks"].items(), key=lambda each: each[1]["p50_ms"])
    ]
    return (
        "![Accuracy against latency](../benchmarks/results/front.png)\n\n"
        f"{table_of(header, rows)}\n\nBars are 95 % intervals; no network is faster and at least as accurate as one on "
        f"the dashed line. int8 on one thread of LiteRT, all in one run ({machine_of(result)})."
    )


def robustness() -> str:
    result = result_of("robustness")
    header = ["name", "as they are", *(f"{kind} ({unit})" for kind, unit in result["units"].items())]
    rows = [
        [
            f"`{name}`",
            f"{percent(found['as they are']['value'])} %",
            *(
                ", ".join(f"{strength}: {percent(each['value'])}" for strength, each in found[kind].items())
                for kind in result["units"]
            ),
        ]
        for name, found in result["networks"].items()
    ]
    return (
        f"![Accuracy by strength of each change](../benchmarks/results/robustness.png)\n\n{table_of(header, rows)}\n\n"
        f"Accuracy in % of {result['faces']:,} PublicTest faces by {result['labels']} ({machine_of(result)})."
    )


def report_table() -> str:
    result = result_of("report_table")
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
            f"{percent(report['accuracy'])} % ({percent(low)}-{percent(high)})",
        ]
        if ours is None:
            rows.append([*line, "not run", "", f"{report['epochs']} /", f"{report['seconds_per_epoch']} /"])
            continue
        rows.append(
            [
                *line,
                share_of(ours["accuracy"]),
                points_of(ours["ahead"]),
                f"{report['epochs']} / {ours['epochs']}",
                f"{report['seconds_per_epoch']} / {ours['seconds_per_epoch']:.0f}",
            ]
        )
    return f"{table_of(header, rows)}\n\n{_reproduced(result)}"


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
