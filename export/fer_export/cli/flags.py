"""The command line: every command with its flags. The help text says what a flag means; commands.py acts on it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

from .. import __version__
from ..contract import formats
from . import flag_groups, format_words, training_flags, values
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
        flag_groups.model_flags(command, default=row.default_network)
        flag_groups.data_flags(command)
        flag_groups.conversion_flags(command, row)
        flag_groups.gate_flags(command)
        flag_groups.output_flags(command, "exports")

    command = commands.add("all", "export every variant, compare them, say which to ship")
    flag_groups.model_flags(command)
    flag_groups.data_flags(command)
    flag_groups.variant_flags(command, io_types=("float32",))  # flags of every variant
    flag_groups.threads_flag(command)
    flag_groups.gate_flags(command)
    flag_groups.output_flags(command, "exports")

    command = commands.add("bench", "latency of exported files, side by side in one run")
    command.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help=f"{format_words.suffixes(lambda row: bool(format_words.timed(row)))} files",
    )
    command.add_argument(
        "--runtime",
        metavar="NAME,..",
        help=f"{', '.join(format_words.runtimes(format_words.timed))} (default: the format's own)",
    )
    flag_groups.threads_flag(command)
    command.add_argument(
        "--rounds", type=values.positive, default=20, metavar="N", help="rounds over all files (default 20)"
    )
    command.add_argument("--seed", type=values.seed, default=1, help="seed of the order in a round (default 1)")
    flag_groups.output_flags(command, None)

    command = commands.add("parity", "compare exported files with Keras")
    command.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help=f"{format_words.suffixes(format_words.is_exported)} files of one network",
    )
    flag_groups.model_flags(command)
    flag_groups.data_flags(command, seed=False)
    command.add_argument(
        "--runtime",
        metavar="NAME",
        help=f"{', '.join(format_words.runtimes(format_words.judging))} (default: the format's own)",
    )
    command.add_argument(
        "--threads", type=values.positive, default=1, metavar="N", help="threads for one face (default 1)"
    )
    flag_groups.gate_flags(command)
    flag_groups.output_flags(command, None)

    command = commands.add("blame", "layers of a quantised file with the largest error")
    command.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help=f"a quantised {format_words.suffixes(format_words.has_activations, 'or')} file of the network",
    )
    flag_groups.model_flags(command)
    flag_groups.data_flags(command, split=False, seed=False)
    flag_groups.output_flags(command, None)

    command = commands.add("evaluate", "accuracy, recall, confusion matrix and calibration error")
    flag_groups.model_flags(command)
    flag_groups.data_flags(command, required=True, seed=False)
    flag_groups.output_flags(command, "exports")

    command = commands.add("train", "train a network; run it again to continue after an interruption")
    training_flags.train_flags(command)

    command = commands.add("probe", "make a network's probe faces (synthetic calibration faces)")
    flag_groups.model_flags(command)
    flag_groups.seed_flag(command)
    flag_groups.output_flags(command, "exports")

    command = commands.add("data", "count a data set: splits, classes, duplicates, votes")
    command.add_argument(
        "file", type=Path, metavar="FILE", help="fer2013.csv (.gz, .xz, .zip) or the folder with train/ and test/"
    )
    flag_groups.votes_flag(command)
    flag_groups.output_flags(command, None)

    command = commands.add("inspect", "what an exported file contains and expects")
    command.add_argument("file", type=Path, metavar="FILE")
    flag_groups.output_flags(command, None)

    command = commands.add("predict", "faces and their emotions in photos, a video or a camera's pictures")
    command.add_argument(
        "photos",
        nargs="*",
        metavar="PHOTO",
        help="files, folders, patterns, - (stdin); or a video",
    )
    flag_groups.pipeline_flags(command)
    command.add_argument("--largest", action="store_true", help="only the largest face of a photo")
    command.add_argument("--top", type=values.positive, metavar="K", help="only the K likeliest emotions")
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
        "--processes", type=values.positive, metavar="N", help="processes at the same time (default: one a core)"
    )
    group = command.add_argument_group("video (needs the extra [video])")
    group.add_argument("--camera", type=values.count, metavar="N", help="the camera of this number")
    group.add_argument(
        "--every", type=values.positive, default=5, metavar="N", help="search every N-th picture (default 5)"
    )
    group.add_argument("--seconds", type=values.seconds, metavar="S", help="read so much of it (default: all)")
    flag_groups.output_flags(command, None)

    command = commands.add("serve", "a web service that answers photos, with a page to try it; needs the extra [serve]")
    flag_groups.pipeline_flags(command)
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1: this machine)")
    command.add_argument("--port", type=int, default=8000, help="port to listen on, 0 for a free one (default 8000)")
    command.add_argument(
        "--processes", type=values.positive, metavar="N", help="worker processes (default: one a core)"
    )
    command.add_argument("--page", type=Path, metavar="DIR", help="serve this folder's index.html instead of the page")
    flag_groups.output_flags(command, None)

    command = commands.add(
        "bundle", "everything an app needs, in one folder: files, detectors, contract, golden vectors"
    )
    flag_groups.model_flags(command)
    flag_groups.data_flags(command)
    flag_groups.prior_flag(command, "equal")
    flag_groups.int8_flags(command)
    flag_groups.gate_flags(command)
    command.add_argument("--formats", metavar="NAME,..", help=f"what it holds: {format_words.bundling()}")
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
    flag_groups.output_flags(command, None)

    command = commands.add("verify", "replay a bundle and name the first thing that differs")
    command.add_argument("folder", type=Path, metavar="DIR", help="made by `fer-export bundle`")
    flag_groups.output_flags(command, None)

    command = commands.add("device", "show a phone's self-check beside the rows of bench")
    command.add_argument(
        "files", nargs="*", type=Path, metavar="FILE.json", help="file that the app's self-check shared"
    )
    command.add_argument("--adb", action="store_true", help="fetch it from every phone that adb finds")
    command.add_argument(
        "--bench", type=Path, metavar="FILE.json", help="`fer-export bench --json` of this machine, for the same table"
    )
    flag_groups.output_flags(command, None)

    command = commands.add("doctor", "check packages, machine and folders, and say how to fix what is wrong")
    flag_groups.output_flags(command, None)
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
