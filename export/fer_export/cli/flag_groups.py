"""Groups of flags that several commands have in common."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..checkpoint import SCALINGS
from ..contract import formats, variants
from . import values


def model_flags(command: argparse.ArgumentParser, others: str = "", default: str = "") -> None:
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


def pipeline_flags(command: argparse.ArgumentParser) -> None:
    """Network and least face of predict and serve."""
    model_flags(command, ", run by Keras; or an exported .tflite or .onnx file (default: the shipped int8 file)")
    command.add_argument(
        "--bundle", type=Path, metavar="DIR", help="a bundle's default file and detectors, instead of --model"
    )
    command.add_argument("--min-score", type=values.share, metavar="S", help="least score of a face, 0 to 1")
    command.add_argument("--min-size", type=values.positive, metavar="N", help="least longer side of a face in pixels")
    prior_flag(command, "equal")


def data_flags(
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
    votes_flag(group)
    if split:
        group.add_argument("--split", default="PublicTest", help="split that judges (default PublicTest)")
    if seed:
        seed_flag(group)


def votes_flag(command: Any) -> None:
    command.add_argument(
        "--votes",
        type=Path,
        metavar="FILE",
        help="FER+'s fer2013new.csv: the votes' majority labels the faces instead of 2013's labels",
    )


def prior_flag(command: Any, default: str) -> None:
    command.add_argument(
        "--prior",
        default=default,
        metavar="trained|equal|FILE",
        help="shares of the emotions that the answers assume: the training faces', equal ones (three quarters of the "
        f"way), or a JSON file with one for each label (default {default}"
        + (", where the trained are known)" if default == "equal" else ")"),
    )


def seed_flag(command: Any) -> None:
    command.add_argument("--seed", type=values.seed, default=1, help="seed of every random choice (default 1)")


def conversion_flags(command: argparse.ArgumentParser, row: formats.Format) -> None:
    choices = ", ".join(variants.precisions(row.name))
    command.add_argument(
        "--quantize", default="int8", metavar="PRECISION", help=f"{choices}, several with commas, or all (default int8)"
    )
    variant_flags(command, row.inputs)


def variant_flags(
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
    prior_flag(command, "trained")
    command.add_argument(
        "--all-faces",
        action="store_true",
        help="judge an int16x8 file on every face, too; default: on as many as decide about its gate",
    )
    int8_flags(command)


def int8_flags(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--calibration-faces",
        type=values.positive,
        default=300,
        metavar="N",
        help="Training faces that calibrate (default 300)",
    )
    command.add_argument(
        "--repair",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="repair an int8 file that fails its gate: separable convolutions whole, else worst layers in float "
        "(default; --no-repair keeps it)",
    )
    command.add_argument(
        "--strict-int8",
        action="store_true",
        help="refuse an int8 file with any layer in float, as processors without floats need it",
    )


def threads_flag(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--threads", type=values.numbers, default=(1,), metavar="N,..", help="each number is timed (default 1)"
    )


def gate_flags(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("gate")
    group.add_argument(
        "--min-agreement",
        type=values.share,
        metavar="SHARE",
        help="least top-1 agreement, 0..1 or with %% (default: the precision's)",
    )
    group.add_argument(
        "--max-drop",
        type=values.points,
        metavar="POINTS",
        help="largest drop of accuracy, in points (default: the precision's)",
    )


def output_flags(command: argparse.ArgumentParser, folder: str | None) -> None:
    if folder:
        command.add_argument(
            "--output", type=Path, default=Path(folder), metavar="DIR", help=f"folder to write into (default {folder}/)"
        )
    command.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    command.add_argument("--quiet", action="store_true", help="print errors only; the exit code tells the rest")
