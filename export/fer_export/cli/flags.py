"""The flags of every command. The help text says what a flag means; commands.py acts on it."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import __version__
from ..checkpoint import SCALINGS
from ..contract import formats, variants
from ..training.recipe import RECIPES
from .examples import epilog
from .parsing import Parser
from .progress_bar import Bar

Command = Callable[[argparse.Namespace, Bar], int]


def parser(run: Mapping[str, Command]) -> Parser:
    """The whole command line.

    run: command -> function of the parsed options that gives the exit code.
    """
    root = Parser(
        prog="fer-export",
        description="Facial-emotion CNNs from Keras to files that phones run, verified.",
        epilog=epilog(""),
    )
    root.add_argument("--version", action="version", version=f"fer-export {__version__}")
    commands = _Commands(root, run)

    for row in formats.exported():
        command = commands.add(row.name, f"export to {row.title} and compare with Keras")
        _model_flags(command, default=row.default_network)
        _data_flags(command)
        _conversion_flags(command, row)
        _gate_flags(command)
        _output_flags(command, "exports")

    command = commands.add("all", "export every variant, compare them, say which to ship")
    _model_flags(command)
    _data_flags(command)
    _variant_flags(command, io_types=("float32",))  # flags of every variant
    _threads_flag(command)
    _gate_flags(command)
    _output_flags(command, "exports")

    command = commands.add("bench", "latency of exported files, side by side in one run")
    command.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help=f"{_suffixes(lambda row: bool(_timed(row)))} files"
    )
    command.add_argument(
        "--runtime", metavar="NAME,..", help=f"{', '.join(_words(_timed))} (default: the format's own)"
    )
    _threads_flag(command)
    command.add_argument("--rounds", type=_positive, default=20, metavar="N", help="rounds over all files (default 20)")
    command.add_argument("--seed", type=_seed, default=1, help="seed of the order in a round (default 1)")
    _output_flags(command, None)

    command = commands.add("parity", "compare exported files with Keras")
    command.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help=f"{_suffixes(_exported)} files of one network"
    )
    _model_flags(command)
    _data_flags(command, seed=False)
    command.add_argument("--runtime", metavar="NAME", help=f"{', '.join(_words(_judging))} (default: the format's own)")
    command.add_argument("--threads", type=_positive, default=1, metavar="N", help="threads for one face (default 1)")
    _gate_flags(command)
    _output_flags(command, None)

    command = commands.add("blame", "layers of a quantised file with the largest error")
    command.add_argument(
        "file", type=Path, metavar="FILE", help=f"a quantised {_suffixes(_activations, 'or')} file of the network"
    )
    _model_flags(command)
    _data_flags(command, split=False, seed=False)
    _output_flags(command, None)

    command = commands.add("evaluate", "accuracy, recall, confusion matrix and calibration error")
    _model_flags(command)
    _data_flags(command, required=True, seed=False)
    _output_flags(command, "exports")

    command = commands.add("train", "train a network; run it again to continue after an interruption")
    _train_flags(command)

    command = commands.add("probe", "make a network's probe faces (synthetic calibration faces)")
    _model_flags(command)
    _seed_flag(command)
    _output_flags(command, "exports")

    command = commands.add("data", "count a data set: splits, classes, duplicates, votes")
    command.add_argument(
        "file", type=Path, metavar="FILE", help="fer2013.csv (.gz, .xz, .zip) or the folder with train/ and test/"
    )
    _votes_flag(command)
    _output_flags(command, None)

    command = commands.add("inspect", "what an exported file contains and expects")
    command.add_argument("file", type=Path, metavar="FILE")
    _output_flags(command, None)

    command = commands.add("predict", "faces and their emotions in photos, a video or a camera's pictures")
    command.add_argument(
        "photos",
        nargs="*",
        metavar="PHOTO",
        help="files, folders, patterns, - (stdin); or a video",
    )
    _pipeline_flags(command)
    command.add_argument("--largest", action="store_true", help="only the largest face of a photo")
    command.add_argument("--top", type=_positive, metavar="K", help="only the K likeliest emotions")
    command.add_argument(
        "--annotate",
        type=Path,
        metavar="OUT.png",
        help="draw boxes, emotions and bars; several photos: OUT-<photo>.png, a video: OUT.mp4",
    )
    command.add_argument("--crops", type=Path, metavar="DIR", help="write each face as a PNG there")
    command.add_argument("--csv", action="store_true", help="print a CSV, one row a face")
    command.add_argument("--jsonl", action="store_true", help="print one JSON line a photo, at once")
    command.add_argument(
        "--processes", type=_positive, metavar="N", help="processes at the same time (default: one a core)"
    )
    group = command.add_argument_group("video (needs the extra [video])")
    group.add_argument("--camera", type=_count, metavar="N", help="the camera of this number")
    group.add_argument("--every", type=_positive, default=5, metavar="N", help="search every N-th picture (default 5)")
    group.add_argument("--seconds", type=_seconds, metavar="S", help="read so much of it (default: all)")
    _output_flags(command, None)

    command = commands.add("serve", "a web service that answers photos, with a page to try it; needs the extra [serve]")
    _pipeline_flags(command)
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1: this machine)")
    command.add_argument("--port", type=int, default=8000, help="port to listen on, 0 for a free one (default 8000)")
    command.add_argument("--processes", type=_positive, metavar="N", help="worker processes (default: one a core)")
    command.add_argument("--page", type=Path, metavar="DIR", help="serve this folder's index.html instead of the page")
    _output_flags(command, None)

    command = commands.add(
        "bundle", "everything an app needs, in one folder: files, detectors, contract, golden vectors"
    )
    _model_flags(command)
    _data_flags(command)
    _prior_flag(command, "equal")
    _int8_flags(command)
    _gate_flags(command)
    command.add_argument("--formats", metavar="NAME,..", help=f"what it holds: {_bundling()}")
    command.add_argument(
        "--output", type=Path, metavar="DIR", help="the bundle's folder (default bundle/; none with --android, --web)"
    )
    command.add_argument(
        "--android",
        type=Path,
        metavar="DIR",
        help="any Android project; the bundle goes into its app's assets",
    )
    command.add_argument(
        "--web",
        type=Path,
        metavar="DIR",
        help="a web page's project, such as web_demo; the bundle goes into its public/bundles, one folder a network",
    )
    _output_flags(command, None)

    command = commands.add("verify", "replay a bundle and name the first thing that differs")
    command.add_argument("folder", type=Path, metavar="DIR", help="made by `fer-export bundle`")
    _output_flags(command, None)

    command = commands.add("device", "show a phone's self-check beside the rows of bench")
    command.add_argument(
        "files", nargs="*", type=Path, metavar="FILE.json", help="file that the app's self-check shared"
    )
    command.add_argument("--adb", action="store_true", help="fetch it from every phone that adb finds")
    command.add_argument(
        "--bench", type=Path, metavar="FILE.json", help="`fer-export bench --json` of this machine, for the same table"
    )
    _output_flags(command, None)

    command = commands.add("doctor", "check packages, machine and folders, and say how to fix what is wrong")
    _output_flags(command, None)
    return root


class _Commands:
    """Adds commands, each with the function that runs it."""

    def __init__(self, root: Parser, run: Mapping[str, Command]) -> None:
        self._root, self._run = root, run
        self._parsers = root.add_subparsers(title="commands", metavar="COMMAND", dest="command")

    def add(self, name: str, summary: str) -> argparse.ArgumentParser:
        command = self._parsers.add_parser(
            name, help=summary, description=summary[0].upper() + summary[1:] + ".", epilog=epilog(name)
        )
        command.set_defaults(run=self._run[name], default=command.get_default)
        self._root.commands[name] = command
        return command


def _model_flags(command: argparse.ArgumentParser, others: str = "", default: str = "") -> None:
    group = command.add_argument_group("network")
    group.add_argument(
        "--model",
        metavar="NAME|PATH",
        help=f"a shipped network (default {default or 'compact-7'}), .keras, .h5, .hdf5, .json, SavedModel or "
        f"network folder{others}",
    )
    group.add_argument("--weights", type=Path, metavar="FILE", help=".h5 weights of an architecture .json")
    group.add_argument("--labels", metavar="A,B,..|FILE", help="emotions in the order of the outputs")
    group.add_argument(
        "--scaling",
        choices=tuple(SCALINGS),
        metavar="NAME",
        help="how the training scaled pictures: unit x/255, signed x/127.5-1, raw x, Keras's caffe or torch, or with "
        "-bgr (caffe-rgb) in the other order (default: what card.json, layers or --data say; else unit)",
    )
    group.add_argument("--trust", action="store_true", help="load a file that may run code (Lambda)")


def _pipeline_flags(command: argparse.ArgumentParser) -> None:
    """Network and least face of predict and serve."""
    _model_flags(command, ", run by Keras; or an exported .tflite or .onnx file (default: the shipped int8 file)")
    command.add_argument(
        "--bundle", type=Path, metavar="DIR", help="a bundle's default file and detectors, instead of --model"
    )
    command.add_argument("--min-score", type=_share, metavar="S", help="least score of a face, 0 to 1")
    command.add_argument("--min-size", type=_positive, metavar="N", help="least longer side of a face in pixels")
    _prior_flag(command, "equal")


def _data_flags(
    command: argparse.ArgumentParser, *, required: bool = False, split: bool = True, seed: bool = True
) -> None:
    group = command.add_argument_group("data")
    group.add_argument(
        "--data",
        type=Path,
        required=required,
        metavar="FILE",
        help="fer2013.csv (.gz, .xz, .zip) or the folder with train/ and test/",
    )
    _votes_flag(group)
    if split:
        group.add_argument("--split", default="PublicTest", help="split that judges (default PublicTest)")
    if seed:
        _seed_flag(group)


def _votes_flag(command: Any) -> None:
    command.add_argument(
        "--votes",
        type=Path,
        metavar="FILE",
        help="FER+'s fer2013new.csv: the votes' majority labels the faces instead of 2013's labels",
    )


def _prior_flag(command: Any, default: str) -> None:
    command.add_argument(
        "--prior",
        default=default,
        metavar="trained|equal|FILE",
        help="shares of the emotions that the answers assume: the training faces', equal ones (half of the way), or a "
        f"JSON file with one for each label (default {default}"
        + (", where the trained are known)" if default == "equal" else ")"),
    )


def _seed_flag(command: Any) -> None:
    command.add_argument("--seed", type=_seed, default=1, help="seed of every random choice (default 1)")


def _conversion_flags(command: argparse.ArgumentParser, row: formats.Format) -> None:
    choices = ", ".join(variants.precisions(row.name))
    command.add_argument(
        "--quantize", default="int8", metavar="PRECISION", help=f"{choices}, several with commas, or all (default int8)"
    )
    _variant_flags(command, row.inputs)


def _variant_flags(
    command: argparse.ArgumentParser,
    inputs: Sequence[str] = formats.INPUT_KINDS,
    io_types: Sequence[str] = formats.IO_TYPES,
) -> None:
    frame = ", or frame [1,H,W,3] of any size with the box of a face" if "frame" in inputs else ""
    command.add_argument(
        "--input", choices=inputs, default="gray", help=f"gray [1,S,S,1] or rgb [1,S,S,3] face crops{frame}"
    )
    command.add_argument(
        "--io", choices=io_types, help="one type for input and output (default: uint8 in, float32 out)"
    )
    command.add_argument(
        "--mirror",
        action="store_true",
        help="average over the face and its mirror image inside the file, at twice the multiply-adds",
    )
    _prior_flag(command, "trained")
    command.add_argument(
        "--all-faces",
        action="store_true",
        help="judge an int16x8 file on every face, too; default: on as many as decide about its gate",
    )
    _int8_flags(command)


def _int8_flags(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--calibration-faces",
        type=_positive,
        default=300,
        metavar="N",
        help="Training faces that calibrate (default 300)",
    )
    command.add_argument(
        "--repair",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="keep the worst layers of an int8 file that fails its gate in float (default; --no-repair keeps the "
        "failing file)",
    )
    command.add_argument(
        "--strict-int8",
        action="store_true",
        help="refuse an int8 file with any layer in float, as processors without floats need it",
    )


def _threads_flag(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--threads", type=_numbers, default=(1,), metavar="N,..", help="each number is timed (default 1)"
    )


def _gate_flags(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("gate")
    group.add_argument(
        "--min-agreement",
        type=_share,
        metavar="SHARE",
        help="least top-1 agreement, 0..1 or with %% (default: the precision's)",
    )
    group.add_argument(
        "--max-drop",
        type=_points,
        metavar="POINTS",
        help="largest drop of accuracy, in points (default: the precision's)",
    )


def _train_flags(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--network",
        default="compact",
        help="compact (default), nano, report-64, -128, -256, -512, or large, a teacher",
    )
    command.add_argument(
        "--classes",
        type=int,
        choices=(6, 7, 8),
        default=7,
        help="7, the report's 6 without disgust, or 8 with contempt, which need --votes",
    )
    command.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="FILE",
        help="fer2013.csv (.gz, .xz, .zip) or the folder with train/ and test/",
    )
    _votes_flag(command)
    command.add_argument(
        "--protocol",
        choices=("official", "report"),
        default="official",
        help="official Usage splits, or the report's 70/30 over all rows",
    )
    command.add_argument(
        "--initial", metavar="NAME|PATH", help="start from the weights of this network where layers match"
    )
    command.add_argument(
        "--teacher",
        metavar="NAME|PATH,...",
        help="learn from the probabilities of these networks and from the labels",
    )
    _seed_flag(command)
    recipe = command.add_argument_group("recipe (default: the network's own)")
    recipe.add_argument(
        "--recipe",
        choices=("report", *RECIPES),
        help="use another network's recipe; nano's augments least",
    )
    recipe.add_argument(
        "--epochs",
        type=_positive,
        metavar="N",
        help="largest number of epochs (report: 100, compact: 64, nano: 70, large: 64)",
    )
    recipe.add_argument(
        "--batch-size",
        type=_positive,
        metavar="N",
        help="faces per step (report: 32, compact and nano: 64, large: 128)",
    )
    recipe.add_argument(
        "--learning-rate",
        type=float,
        help="highest rate (Adam, report: 0.001; SGD, compact and nano: 0.08, large: 0.1)",
    )
    recipe.add_argument(
        "--warm-up", type=_count, metavar="EPOCHS", help="epochs in which the rate rises (compact, nano and large: 2)"
    )
    recipe.add_argument(
        "--stop-patience",
        type=_positive,
        metavar="N",
        help="epochs without a lower val_loss before stopping (report: 7)",
    )
    recipe.add_argument(
        "--distillation", type=_share, metavar="SHARE", help="weight of --teacher in the targets, 0..1 (default 0.7)"
    )
    recipe.add_argument(
        "--votes-weight",
        dest="voting",
        type=_share,
        metavar="SHARE",
        help="weight of --votes in the targets, beside 2013's labels, 0..1 (default 1)",
    )
    recipe.add_argument(
        "--consistent",
        action="store_true",
        default=None,
        help="--teacher answers for each face as the network sees it, in every epoch; use a GPU",
    )
    recipe.add_argument(
        "--mixup",
        type=float,
        metavar="ALPHA",
        help="mix faces in pairs, by a Beta distribution (default 0: off)",
    )
    recipe.add_argument(
        "--dtype",
        choices=("float32", "mixed_bfloat16"),
        default="float32",
        help="what layers compute in; bfloat16 is faster on GPUs and processors with AVX512-BF16 (default float32)",
    )
    recipe.add_argument(
        "--quantize",
        choices=("none", "int8"),
        default="none",
        help="int8: fine-tune --initial with the steps of an int8 file, where post-training int8 loses too much",
    )
    recipe.add_argument(
        "--settling",
        action=argparse.BooleanOptionalAction,
        help="estimate batch-norm statistics again at the end (report: no, others: yes; never with --quantize int8 or "
        "several processes)",
    )
    several = command.add_argument_group("several GPUs or hosts (KERAS_BACKEND=jax; start one process on each)")
    several.add_argument(
        "--distribute", metavar="HOST:PORT", help="where process 0 listens; it reads and writes --output"
    )
    several.add_argument("--processes", type=_positive, metavar="N", help="how many train together")
    several.add_argument("--process", type=int, metavar="I", help="which one this is, 0 to N-1")
    several.add_argument(
        "--wait", type=_positive, default=300, metavar="SECONDS", help="wait for the others (default 300)"
    )
    _output_flags(command, "run")


def _output_flags(command: argparse.ArgumentParser, folder: str | None) -> None:
    if folder:
        command.add_argument(
            "--output", type=Path, default=Path(folder), metavar="DIR", help=f"folder to write into (default {folder}/)"
        )
    command.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    command.add_argument("--quiet", action="store_true", help="print errors only; the exit code tells the rest")


def _suffixes(fits: Callable[[formats.Format], bool], join: str = "and") -> str:
    """`.tflite, .onnx and .keras`: what files of the fitting formats end in."""
    *others, last = [row.suffix for row in formats.FORMATS.values() if fits(row)]
    return f"{', '.join(others)} {join} {last}" if others else last


def _bundling() -> str:
    """`tflite, onnx (default tflite,onnx)`: formats that a bundle holds."""
    rows = formats.exported()
    able = [row.name for row in rows if row.bundled or row.bundled_on_request]
    return f"{', '.join(able)} (default {','.join(row.name for row in rows if row.bundled)})"


def _words(of: Callable[[formats.Format], Sequence[str]]) -> tuple[str, ...]:
    """Runtimes of all formats, each once."""
    return tuple(dict.fromkeys(name for row in formats.FORMATS.values() for name in of(row)))


def _timed(row: formats.Format) -> tuple[str, ...]:
    return tuple(runtime.name for runtime in row.runtimes if not runtime.untimed)


def _judging(row: formats.Format) -> tuple[str, ...]:
    return tuple(runtime.name for runtime in row.runtimes) if row.converter else ()


def _exported(row: formats.Format) -> bool:
    return bool(row.converter)


def _activations(row: formats.Format) -> bool:
    return bool(row.activations)


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"{text!r} is not a valid seed; pass a whole number from 0 to {2**32 - 1}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return value


def _count(text: str) -> int:
    return 0 if text == "0" else _positive(text)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(_positive(part) for part in text.split(","))


def _points(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of accuracy points")
    return value


def _share(text: str) -> float:
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share between 0 and 1 (or 0% and 100%)")
    return value
