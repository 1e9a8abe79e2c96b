"""Blocks of speed: runtimes side by side, start and times of the commands."""

from typing import Any

from .words import machine_of, percent, result_of, table_of

SLOWER = 1.1
"""From this ratio on a file counts as slower than fp32."""


def runtimes() -> str:
    result = result_of("runtimes")
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
                f"{percent(answer['agreement']['value'], 2)} %" if "agreement" in answer else answer["error"],
                f"{one['p50_ms']:.3g} ms",
                f"{two['p50_ms']:.3g} ms",
                f"{one['float_ratio']:.2f} times",
                f"{one['share_of_peak_percent']:.1f} %",
                f"{one['peak_rss_mb']:.0f} MB",
            ]
        )
    cautions = "".join(f" Caution: {sentence}." for sentence in result["bench"]["cautions"])
    return (
        f"{table_of(header, rows)}\n\nof peak: share of what the same runtime reaches on a large matrix product in the "
        "same run, which its convolutions may exceed. A second run's medians differ from these by at most "
        f"{_farthest(result, 1)} % with one thread and {_farthest(result, 2)} % with two.{cautions}"
        f"\n\nSlower than fp32 (1 thread, 2 threads): {_slower(timed)}. `fer-export bench` gives the reason for each."
        f"\n\n{machine_of(result)}."
    )


def speed() -> str:
    result, step = result_of("speed"), result_of("training_step")
    rows = [
        ["`fer-export --help`", f"{result['help']['median']:.2f} s"],
        ["`fer-export tflite --quantize int8`", f"{result['tflite_int8']['median']:.1f} s"],
        ["the same with `--data`, judged on 3,589 faces", f"{result['tflite_int8_with_data']['median']:.1f} s"],
        ["`fer-export all --data fer2013.csv`", f"{result_of('variants')['seconds']:.0f} s"],
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
    return f"{table_of(['whole command, median', ''], rows)}\n\n{machine_of(result)}."


def main_job() -> str:
    """The main job beside TensorFlow's own converter and an earlier version, and where its seconds go."""
    result = result_of("main_job")
    parts = {"without data": result["without_data"], "with `--data`, judged on 3,589 faces": result["with_data"]}
    before = f"before (`{result['commit_before']}`)"
    jobs = {"main_job": "main job", "plain_converter": "TFLiteConverter alone", "before": before}
    rows = []
    for title, part in parts.items():
        for key, name in jobs.items():
            if key in part:
                figures = [part[key][each]["median"] for each in ("wall", "processor", "peak_mb")]
                ratio = f"{part[key]['wall']['median'] / part['plain_converter']['wall']['median']:.2f} times"
                rows.append([title, name, f"{figures[0]:.1f} s", f"{figures[1]:.1f} s", f"{figures[2]:.0f} MB", ratio])
    whole = table_of(["", "", "time", "processor time", "peak memory", "of TFLiteConverter's time"], rows)
    steps = {name: {row["step"]: row for row in part["steps"]} for name, part in parts.items()}
    named = [step for step, row in steps["with `--data`, judged on 3,589 faces"].items() if row["wall"] >= 0.1]
    listed = [
        [step, *(f"{part[step]['wall']:.1f} s" if step in part else "" for part in steps.values())] for step in named
    ]
    same = all(part["before"]["sha256"] == part["sha256"] for part in parts.values() if "before" in part)
    words = "The files of both versions have the same bytes." if same else "The two versions write different bytes."
    said = f"{words} " if result["commit_before"] else ""
    return f"{whole}\n\n{said}Steps of .1 s and more:\n\n{table_of(['step', *parts], listed)}\n\n{machine_of(result)}."


def _farthest(result: dict[str, Any], threads: int) -> str:
    """Percent by which the second run's medians differ from the first's, at most."""
    pairs = zip(result["second_run_over_first"], result["bench"]["rows"], strict=True)
    return f"{100 * max(max(ratio, 1 / ratio) - 1 for ratio, row in pairs if row['threads'] == threads):.0f}"


def _slower(timed: dict[tuple[str, str, int], dict[str, Any]]) -> str:
    """The files that take longer than fp32 in a runtime, with the ratio for each count of threads."""
    found = []
    for (path, runtime, threads), row in timed.items():
        both = [row["float_ratio"], timed[path, runtime, 2]["float_ratio"]]
        if threads == 1 and max(both) > SLOWER:
            ratios = ", ".join(f"{ratio:.1f}" for ratio in both)
            found.append(f"{row['precision']} in {runtime} ({ratios} times)")
    return "; ".join(found) or "none"


def _twice(result: dict[str, Any]) -> str:
    return f"{result['data_first_read_and_summary']:.1f} s / {result['data_cached_read_and_summary']:.1f} s"
