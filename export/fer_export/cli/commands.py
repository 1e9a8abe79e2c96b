"""The commands, a function each: options in, one public function called, one result printed, the exit code out."""

from __future__ import annotations

import argparse
import functools
import json
import signal
import sys
from collections.abc import Sequence
from typing import Any

from ..contract import formats, variants
from ..errors import UsageError
from ..harmless import file_name
from ..report.text.next_commands import given
from . import objects, output
from .flags import Command
from .progress_bar import Bar, duration


def export(file_format: str, options: argparse.Namespace, bar: Bar) -> int:
    """Export files of a format, each compared with Keras."""
    from ..exporting import export as exporting
    from ..report.text.export import export_text

    if options.quantize == "all":
        precisions: Sequence[str] = variants.precisions(file_format)
    else:
        precisions = options.quantize.split(",")
    for precision in precisions:
        variants.find(file_format, precision)
    data = objects.data_of(options, bar) if options.data else None
    options.model = options.model or formats.FORMATS[file_format].default_network or None
    result = exporting.export(
        objects.exported_network(options, data),
        file_format,
        precisions,
        options.output,
        data=data,
        options=objects.export_options(options),
        on_step=bar.step,
    )
    output.show(options, result.to_dict(), export_text(result, given(options)))
    return 0 if result.passed else 1


def all_variants(options: argparse.Namespace, bar: Bar) -> int:
    """Export every variant of every format, time them side by side, and say which to ship."""
    from ..exporting import compare_formats
    from ..report.page.page import page
    from ..report.text.all_formats import comparison_text
    from ..system import files

    data = objects.data_of(options, bar) if options.data else None
    result = compare_formats.compare(
        objects.exported_network(options, data),
        options.output,
        data=data,
        options=objects.export_options(options),
        threads=options.threads,
        on_step=bar.step,
    )
    name = f"{result.export.checkpoint.name}-report"
    card = files.write_whole(options.output / f"{name}.html", page(result, given(options).model).encode())
    files.write_json(options.output / f"{name}.json", result.to_dict())
    output.show(options, result.to_dict(), comparison_text(result, card, given(options)))
    return 0 if result.passed else 1


def bench(options: argparse.Namespace, bar: Bar) -> int:
    """Latency of exported files, side by side."""
    from ..latency import run as benchmark
    from ..report.text.bench import bench_text

    result = benchmark.bench(
        options.files,
        runtimes=options.runtime.split(",") if options.runtime else None,
        threads=options.threads,
        timing=benchmark.Timing(options.rounds, seed=options.seed),
        on_step=bar.step,
    )
    output.show(options, result.to_dict(), bench_text(result))
    return 0


def blame(options: argparse.Namespace, bar: Bar) -> int:
    """The layers of a quantised file with the largest error."""
    from ..exporting import blame as blaming
    from ..model_file import inspect_file
    from ..report.text.blame import blame_text

    inspect_file(options.file)  # as for `parity`
    data = objects.data_of(options, bar) if options.data else None
    result = blaming.blame(options.file, objects.checkpoint_of(options), data=data, on_step=bar.step)
    output.show(options, result.to_dict(), blame_text(result, given(options)))
    return 0


def parity(options: argparse.Namespace, bar: Bar) -> int:
    """Compare exported files with their Keras network."""
    from ..checkpoint import checkpoint
    from ..parity import judge
    from ..parity.trial import try_file
    from ..report.text.parity import parity_text

    labels = checkpoint.labels_of(options.model or checkpoint.DEFAULT_MODEL, options.labels)
    for file in options.files:  # a bad file is refused before the data is read and TensorFlow starts
        try_file(file, labels, runtime=options.runtime, threads=options.threads)
    data = objects.data_of(options, bar) if options.data else None
    judged = judge.judge_files(
        options.files,
        objects.checkpoint_of(options),
        data=data,
        split=options.split,
        judging=judge.Judging(options.min_agreement, options.max_drop, options.runtime, options.threads),
        on_step=bar.step,
    )
    output.show(options, judged.to_dict(), parity_text(judged, given(options)))
    return 0 if judged.passed else 1


def evaluate(options: argparse.Namespace, bar: Bar) -> int:
    """Accuracy, recall, confusion and calibration error of a Keras network."""
    from ..parity import evaluation, with_evidence
    from ..report.page import confusion_png
    from ..report.text.dataset import evaluation_text
    from ..system import files

    files.check_writable(options.output)
    data = objects.data_of(options, bar)
    checkpoint = with_evidence(objects.checkpoint_of(options), data, on_step=bar.step)
    result = evaluation.evaluate(checkpoint, data.split(options.split), data.source.name)
    picture = options.output / f"{result.model}-{file_name(result.split)}-confusion.png"
    files.write_whole(picture, confusion_png.confusion_matrix(result))
    output.show(
        options,
        {**result.to_dict(), "picture": str(picture)},
        f"{evaluation_text(result)}\n\npicture: {picture}",
    )
    return 0 if result.passed else 1


def train(options: argparse.Namespace, bar: Bar) -> int:
    """Train a network, or continue an interrupted run."""
    from ..training import train_network
    from ..training.plan import Plan

    def on_epoch(epoch: int, record: dict[str, float], left: int) -> None:
        bar.line(
            f"epoch {epoch:3d}  loss {record['loss']:.4f}  accuracy {record['accuracy']:.4f}  "
            f"val_loss {record['val_loss']:.4f}  val_accuracy {record['val_accuracy']:.4f}  "
            f"rate {record['learning_rate']:g}  {record['seconds']:.0f} s, "
            f"at most {duration(left * record['seconds'])} left"
        )

    recipe = ("epochs", "batch_size", "learning_rate", "warm_up", "stop_patience", "distillation", "consistent")
    changes = {
        name: value
        for name in (*recipe, "mixup", "logit_adjustment", "dtype", "quantize", "settling")
        if (value := getattr(options, name)) is not None
    }
    if options.voting is not None:
        changes["votes"] = options.voting
    plan = Plan(
        options.network,
        options.classes,
        options.protocol,
        options.initial,
        options.teacher.split(",") if options.teacher else (),
        options.seed,
        options.recipe,
        changes,
        objects.group(options),
    )
    card = train_network.train_network(
        plan, objects.data_of(options, bar), options.output, on_step=bar.step, on_epoch=on_epoch
    )
    if card is not None:
        output.show(options, card, train_network.card_text(card, options.output, options.data))
    return 0


def probe(options: argparse.Namespace, bar: Bar) -> int:
    """Make the probe faces of a network."""
    from ..calibration import probe_faces
    from ..system import files

    files.check_writable(options.output)
    checkpoint = objects.checkpoint_of(options)
    made = probe_faces.make(
        checkpoint, seed=options.seed, on_step=lambda step, steps: bar.step("optimising", step, steps)
    )
    path = files.write_whole(options.output / "probe.npz", made.to_bytes())
    text = f"{path}: {len(made.calibrate)} faces to calibrate, {len(made.verify)} to verify"
    output.show(options, {"path": str(path), **made.record}, text)
    return 0


def data(options: argparse.Namespace, bar: Bar) -> int:
    """Count a data set: splits, classes, duplicates."""
    from ..dataset import duplicates, votes
    from ..report.text.dataset import data_text, votes_text

    options.data = options.file
    found = objects.data_of(options, bar)
    summary = duplicates.summarize(found, progress=lambda done, total: bar.step("comparing faces", done, total))
    document, text = summary.to_dict(), data_text(summary)
    if options.votes:
        voted = [votes.summarize(found.split(name)) for name in found.splits]
        document["votes"] = [split.to_dict() for split in voted]
        text += f"\n\n{votes_text(voted)}"
    output.show(options, document, text)
    return 0


def inspect(options: argparse.Namespace, bar: Bar) -> int:
    """What an exported file contains and expects."""
    from ..model_file import inspect
    from ..report.text.model_file import inspect_text

    found = inspect.inspect_file(options.file)
    output.show(options, found.to_dict(), inspect_text(found))
    return 0


def predict(options: argparse.Namespace, bar: Bar) -> int:
    """Faces and emotions in photos; continues after a photo that cannot be read, and fails at the end."""
    from ..predict import PhotoJob, is_video, photo_paths, predict_many
    from ..report.text.predict import predict_csv, predict_text

    if options.json + options.jsonl + options.csv > 1:
        raise UsageError("--json, --jsonl and --csv each fill the output; pass only one")
    if options.camera is not None:
        if options.photos:
            raise UsageError("--camera and photos each name what is read; pass only one")
        return _video(options, options.camera, bar)
    paths = photo_paths(options.photos, sys.stdin)
    if any(is_video(path) for path in paths):
        if len(paths) > 1:
            raise UsageError("a video is predicted alone; pass one video, or photos only")
        return _video(options, paths[0], bar)
    results = predict_many(
        objects.source(options),
        paths,
        PhotoJob(options.annotate, options.crops, options.largest),
        processes=options.processes,
        on_result=lambda result: output.json_line(options, result.to_dict(options.top)),
        on_step=bar.step,
    )
    if options.csv:
        output.write(options, predict_csv(results, options.top))
    elif not options.jsonl and (options.json or len(results.photos) > len(results.failed)):
        output.show(options, results.to_dict(options.top), predict_text(results, options.top, given(options)))
    results.check()
    return 0


def _video(options: argparse.Namespace, video: Any, bar: Bar) -> int:
    """Faces and emotions of a video file or a camera over time."""
    from ..predict import VideoJob, predict_video
    from ..report.text.video import VideoTable, picture_text, video_text

    if options.crops:
        raise UsageError("--crops is for photos; remove it, or pass photos")
    rows = VideoTable(options.top)

    def show(picture: Any) -> None:
        if options.csv:
            output.write(options, rows.add(picture))
        elif options.jsonl:
            output.write(options, json.dumps(picture.to_dict(options.top)) + "\n")
        elif isinstance(video, int) and not options.json:
            output.write(options, picture_text(picture) + "\n")

    result = predict_video(
        objects.source(options),
        video,
        VideoJob(options.every, options.largest, options.annotate, options.seconds),
        on_picture=show,
        on_step=bar.step,
    )
    if not (options.csv or options.jsonl):
        output.show(options, result.to_dict(options.top), video_text(result))
    result.check()
    return 0


def serve(options: argparse.Namespace, bar: Bar) -> int:
    """Answer photos over HTTP until it is told to stop."""
    from ..serve.run import serve

    def say(line: str) -> None:
        if not options.quiet:
            stream = sys.stderr if options.json else sys.stdout
            stream.write(line + "\n")
            stream.flush()

    try:
        serve(
            objects.source(options),
            host=options.host,
            port=options.port,
            processes=options.processes,
            page=options.page,
            say=say,
        )
    except KeyboardInterrupt as end:  # how a service ends; nothing is to be continued
        return output.say("the service has stopped", 128 + getattr(end, "number", signal.SIGINT))
    return 0


def bundle(options: argparse.Namespace, bar: Bar) -> int:
    """Make a folder with everything an app needs."""
    from pathlib import Path

    from ..bundle import find_app
    from ..bundle import make as bundling
    from ..report.text.android import android_text
    from ..report.text.bundle import bundle_text

    places = [options.output] if options.output else []
    app = find_app(options.android) if options.android else None
    if app:
        places.append(app.bundle)
    checkpoint = objects.checkpoint_of(options)
    if options.web:
        places.append(bundling.web_assets(options.web, checkpoint.name))
    data = objects.data_of(options, bar) if options.data else None
    checkpoint = objects.with_prior(checkpoint, options, data)
    made = bundling.make(
        checkpoint,
        places or [Path("bundle")],
        data=data,
        options=objects.bundle_options(options),
        formats=options.formats.split(",") if options.formats else (),
        on_step=bar.step,
    )
    text = bundle_text(made, given(options))
    output.show(options, made.to_dict(), f"{text}\n\n{android_text(app)}" if app and made.passed else text)
    return 0 if made.passed else 1


def verify(options: argparse.Namespace, bar: Bar) -> int:
    """Replay a bundle and name the first thing that differs."""
    from ..bundle import verify as verification
    from ..report.text.bundle import verification_text

    result = verification.verify(options.folder, on_step=bar.step)
    output.show(options, result.to_dict(), verification_text(result))
    return 0 if result.passed else 1


def device(options: argparse.Namespace, bar: Bar) -> int:
    """Phones' self-checks beside the rows of bench."""
    from ..bundle import device_table as devices
    from ..report.text.phone import device_text

    if not options.files and not options.adb:
        raise UsageError("no self-check; pass the file that the app shared, or --adb")
    result = devices.compare(options.files, adb=options.adb, bench=options.bench)
    output.show(options, result.to_dict(), device_text(result))
    return 0 if result.passed else 1


def doctor(options: argparse.Namespace, bar: Bar) -> int:
    """Whether everything works on this machine."""
    from ..report.text.doctor import doctor_text
    from ..system import examine

    result = examine(bar.step)
    output.show(options, result.to_dict(), doctor_text(result))
    return 1 if result.faults else 0


COMMANDS: dict[str, Command] = {
    "all": all_variants,
    "bench": bench,
    "blame": blame,
    "parity": parity,
    "evaluate": evaluate,
    "train": train,
    "probe": probe,
    "data": data,
    "inspect": inspect,
    "predict": predict,
    "serve": serve,
    "bundle": bundle,
    "verify": verify,
    "device": device,
    "doctor": doctor,
}


def commands() -> dict[str, Command]:
    """Every command with the function that runs it; one for each format of the table comes first."""
    return {**{row.name: functools.partial(export, row.name) for row in formats.exported()}, **COMMANDS}
