"""The command `fer-export`: flags in, one public function called, one result printed.

Exit codes: 0 done and within the gate, 1 a gate failed, 2 bad input or usage, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from . import __version__, variants
from .console import Bar, duration
from .errors import FerExportError, UsageError

Command = Callable[[argparse.Namespace, Bar], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code. Never lets a traceback through, unless FER_EXPORT_DEBUG is set."""
    try:
        options = _parser().parse_args(arguments)
        _quiet()
        with Bar() as bar:
            return int(options.run(options, bar))
    except KeyboardInterrupt:
        return _say("interrupted; nothing is half-written, the same command goes on or starts again", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141
    except FerExportError as error:
        return _say(str(error), 2)
    except Exception as error:  # what no one foresaw still ends in one line, not in a traceback
        if os.environ.get("FER_EXPORT_DEBUG"):
            raise
        text = " ".join(str(error).split())[:300]
        return _say(f"unexpected {type(error).__name__}: {text}; set FER_EXPORT_DEBUG=1 to see where", 2)


def tflite(options: argparse.Namespace, bar: Bar) -> int:
    """Export TFLite files, each verified against Keras."""
    from . import exporting, report

    if options.quantize == "all":
        precisions: Sequence[str] = variants.precisions("tflite")
    else:
        precisions = options.quantize.split(",")
    for precision in precisions:
        variants.find("tflite", precision)
    data = _data(options, bar) if options.data else None
    settings = exporting.Options(
        input_kind=options.input,
        io=options.io,
        split=options.split,
        calibration_count=options.calibration_faces,
        seed=options.seed,
        min_agreement=options.min_agreement,
        max_drop=options.max_drop,
    )
    result = exporting.export(
        _checkpoint(options), "tflite", precisions, options.output, data=data, options=settings, on_step=bar.step
    )
    _show(options, result.to_dict(), report.export_text(result, _model_words(options)))
    return 0 if result.passed else 1


def parity(options: argparse.Namespace, bar: Bar) -> int:
    """Judge exported files against their Keras network."""
    from . import exporting, report

    data = _data(options, bar) if options.data else None
    judged = exporting.judge_files(
        options.files,
        _checkpoint(options),
        data=data,
        split=options.split,
        min_agreement=options.min_agreement,
        max_drop=options.max_drop,
        on_step=bar.step,
    )
    document = {"files": [{"path": name, **result.to_dict()} for name, result in judged]}
    _show(options, document, report.parity_text(judged))
    return 0 if all(result.passed for _, result in judged) else 1


def evaluate(options: argparse.Namespace, bar: Bar) -> int:
    """Accuracy, recall, confusion and calibration error of a Keras network."""
    from . import evaluation, files, plots, report

    data = _data(options, bar)
    result = evaluation.evaluate(_checkpoint(options), data.split(options.split), data.source.name)
    picture = options.output / f"{result.model}-{result.split}-confusion.png"
    files.write_whole(picture, plots.confusion_matrix(result))
    _show(
        options,
        {**result.to_dict(), "picture": str(picture)},
        f"{report.evaluation_text(result)}\n\npicture: {picture}",
    )
    return 0


def train(options: argparse.Namespace, bar: Bar) -> int:
    """Train a network, or go on with an interrupted run."""
    from . import runs

    def on_epoch(epoch: int, record: dict[str, float], left: int) -> None:
        bar.line(
            f"epoch {epoch:3d}  loss {record['loss']:.4f}  accuracy {record['accuracy']:.4f}  "
            f"val_loss {record['val_loss']:.4f}  val_accuracy {record['val_accuracy']:.4f}  "
            f"rate {record['learning_rate']:g}  {record['seconds']:.0f} s, "
            f"at most {duration(left * record['seconds'])} left"
        )

    changes = {
        name: value
        for name in ("epochs", "batch_size", "learning_rate", "stop_patience")
        if (value := getattr(options, name)) is not None
    }
    card = runs.train_network(
        options.network,
        options.classes,
        _data(options, bar),
        options.output,
        protocol=options.protocol,
        initial=options.initial,
        seed=options.seed,
        changes=changes,
        on_step=bar.step,
        on_epoch=on_epoch,
    )
    _show(options, card, runs.card_text(card, options.output))
    return 0


def probe(options: argparse.Namespace, bar: Bar) -> int:
    """Make the probe faces of a network."""
    from . import files
    from . import probe as probe_faces

    checkpoint = _checkpoint(options)
    made = probe_faces.make(
        checkpoint, seed=options.seed, on_step=lambda step, steps: bar.step("optimising", step, steps)
    )
    path = files.write_whole(options.output / "probe.npz", made.to_bytes())
    text = f"{path}: {len(made.calibrate)} faces to calibrate, {len(made.verify)} to verify"
    _show(options, {"path": str(path), **made.record}, text)
    return 0


def data(options: argparse.Namespace, bar: Bar) -> int:
    """Count a data set: splits, classes, duplicates."""
    from . import duplicates, report

    options.data = options.file
    summary = duplicates.summarize(
        _data(options, bar), progress=lambda done, total: bar.step("comparing faces", done, total)
    )
    _show(options, summary.to_dict(), report.data_text(summary))
    return 0


def inspect(options: argparse.Namespace, bar: Bar) -> int:
    """What a .tflite file holds and expects."""
    from . import exporting, report

    found = exporting.inspect_file(options.file)
    _show(options, found.to_dict(), report.inspect_text(found))
    return 0


class _Parser(argparse.ArgumentParser):
    """Errors in one line, exit code 2."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see `{self.prog} --help`")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="fer-export", description="Facial-emotion CNNs from Keras to files a phone can run, verified."
    )
    parser.add_argument("--version", action="version", version=f"fer-export {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    command = _command(commands, "tflite", tflite, "convert to TFLite, verified against Keras")
    _model_flags(command)
    _data_flags(command)
    choices = ", ".join(variants.precisions("tflite"))
    command.add_argument(
        "--quantize", default="int8", metavar="PRECISION", help=f"{choices}, several with commas, or all (default int8)"
    )
    command.add_argument(
        "--input", choices=variants.INPUT_KINDS, default="gray", help="gray [1,S,S,1] or rgb [1,S,S,3] bytes"
    )
    command.add_argument(
        "--io", choices=variants.IO_TYPES, help="one type for input and output (default: uint8 in, float32 out)"
    )
    command.add_argument(
        "--calibration-faces",
        type=_positive,
        default=300,
        metavar="N",
        help="Training faces that calibrate (default 300)",
    )
    _gate_flags(command)
    _output_flags(command, "exports")

    command = _command(commands, "parity", parity, "judge exported files against Keras")
    command.add_argument("files", nargs="+", type=Path, metavar="FILE", help=".tflite files of one network")
    _model_flags(command)
    _data_flags(command)
    _gate_flags(command)
    _output_flags(command, None)

    command = _command(commands, "evaluate", evaluate, "accuracy, recall, confusion matrix and calibration error")
    _model_flags(command)
    _data_flags(command, required=True)
    _output_flags(command, "exports")

    command = _command(commands, "train", train, "train a network; run it again to go on after an interruption")
    _train_flags(command)

    command = _command(commands, "probe", probe, "make a network's probe faces (synthetic calibration faces)")
    _model_flags(command)
    command.add_argument("--seed", type=int, default=1)
    _output_flags(command, "exports")

    command = _command(commands, "data", data, "count a data set: splits, classes, duplicates")
    command.add_argument(
        "file", type=Path, metavar="FILE", help="fer2013.csv (.gz, .xz, .zip) or the folder with train/ and test/"
    )
    _output_flags(command, None)

    command = _command(commands, "inspect", inspect, "what an exported file holds and expects")
    command.add_argument("file", type=Path, metavar="FILE")
    _output_flags(command, None)
    return parser


def _command(commands: Any, name: str, run: Command, summary: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, description=summary[0].upper() + summary[1:] + "."
    )
    command.set_defaults(run=run)
    return command


def _model_flags(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("network")
    group.add_argument(
        "--model",
        metavar="NAME|PATH",
        help="a shipped network (default report-512-7), .keras, .h5, .json, SavedModel or network folder",
    )
    group.add_argument("--weights", type=Path, metavar="FILE", help=".h5 weights of an architecture .json")
    group.add_argument("--labels", metavar="A,B,..|FILE", help="emotions in the order of the outputs")
    group.add_argument(
        "--scaling",
        choices=("unit", "signed", "raw"),
        help="what the network was trained on: unit x/255, signed x/127.5-1, raw x (default unit)",
    )
    group.add_argument("--trust", action="store_true", help="load a file that may run code (Lambda, custom objects)")


def _data_flags(command: argparse.ArgumentParser, required: bool = False) -> None:
    group = command.add_argument_group("data")
    group.add_argument(
        "--data",
        type=Path,
        required=required,
        metavar="FILE",
        help="fer2013.csv (.gz, .xz, .zip) or the folder with train/ and test/",
    )
    group.add_argument("--split", default="PublicTest", help="the faces that judge (default PublicTest)")
    group.add_argument("--seed", type=int, default=1, help="seed of every random choice (default 1)")


def _gate_flags(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("gate")
    group.add_argument(
        "--min-agreement",
        type=_share,
        metavar="SHARE",
        help="least top-1 agreement, 0..1 or with %% (default: the precision's)",
    )
    group.add_argument(
        "--max-drop", type=float, metavar="POINTS", help="most accuracy lost, in points (default: the precision's)"
    )


def _train_flags(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--network", default="report-512", help="report-64, report-128, report-256 or report-512 (default)"
    )
    command.add_argument("--classes", type=int, choices=(6, 7), default=7, help="7, or the report's 6 without disgust")
    command.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="FILE",
        help="fer2013.csv (.gz, .xz, .zip) or the folder with train/ and test/",
    )
    command.add_argument(
        "--protocol",
        choices=("official", "report"),
        default="official",
        help="official Usage splits, or the report's 70/30 over all rows",
    )
    command.add_argument(
        "--initial", metavar="NAME|PATH", help="start from the weights of this network where layers match"
    )
    command.add_argument("--seed", type=int, default=1)
    recipe = command.add_argument_group("recipe (default: the report's)")
    recipe.add_argument("--epochs", type=_positive, help="at most (default 100)")
    recipe.add_argument("--batch-size", type=_positive, help="default 32")
    recipe.add_argument("--learning-rate", type=float, help="Adam's first rate (default 0.001)")
    recipe.add_argument(
        "--stop-patience", type=_positive, help="epochs without a lower val_loss before stopping (default 7)"
    )
    _output_flags(command, "run")


def _output_flags(command: argparse.ArgumentParser, folder: str | None) -> None:
    if folder:
        command.add_argument(
            "--output", type=Path, default=Path(folder), metavar="DIR", help=f"folder to write into (default {folder}/)"
        )
    command.add_argument("--json", action="store_true", help="print one JSON document on stdout")


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _share(text: str) -> float:
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share between 0 and 1 (or 0% and 100%)")
    return value


def _checkpoint(options: argparse.Namespace) -> Any:
    from . import checkpoint

    return checkpoint.load(
        options.model or checkpoint.DEFAULT_MODEL,
        weights=options.weights,
        labels=options.labels,
        scaling=options.scaling,
        trust=options.trust,
    )


def _model_words(options: argparse.Namespace) -> str:
    """The network flags as they were given, to be repeated in the next commands."""
    flags = [(f"--{name}", getattr(options, name)) for name in ("model", "weights", "labels", "scaling")]
    words = [f" {flag} {shlex.quote(str(value))}" for flag, value in flags if value is not None]
    return "".join(words) + (" --trust" if options.trust else "")


def _data(options: argparse.Namespace, bar: Bar) -> Any:
    from . import readers

    return readers.read(
        options.data, progress=lambda done, total: bar.step(f"reading {options.data.name}", done, total)
    )


def _show(options: argparse.Namespace, document: dict[str, Any], text: str) -> None:
    print(json.dumps(document, indent=2) if options.json else text)


def _quiet() -> None:
    import warnings

    from . import backend

    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    backend.prepare()


def _say(message: str, code: int) -> int:
    print(f"fer-export: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
