"""The flags of `fer-export train`."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..training.recipe import RECIPES
from . import flag_groups, values


def train_flags(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--network",
        default="compact",
        help="compact (default), slim, nano, report-64, -128, -256, -512, or large, a teacher",
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
    flag_groups.votes_flag(command)
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
    flag_groups.seed_flag(command)
    recipe = command.add_argument_group("recipe (default: the network's own)")
    recipe.add_argument(
        "--recipe",
        choices=("report", *RECIPES),
        help="use another network's recipe; nano's augments least",
    )
    recipe.add_argument(
        "--epochs",
        type=values.positive,
        metavar="N",
        help="largest number of epochs (report: 100, compact and large: 64, slim and nano: 70)",
    )
    recipe.add_argument(
        "--batch-size",
        type=values.positive,
        metavar="N",
        help="faces per step (report: 32, large: 128, others: 64)",
    )
    recipe.add_argument(
        "--learning-rate",
        type=float,
        metavar="RATE",
        help="highest rate (Adam, report: 0.001; SGD, large: 0.1, others: 0.08)",
    )
    recipe.add_argument(
        "--warm-up",
        type=values.count,
        metavar="EPOCHS",
        help="epochs in which the rate rises (report: none, others: 2)",
    )
    recipe.add_argument(
        "--stop-patience",
        type=values.positive,
        metavar="N",
        help="epochs without a lower val_loss before stopping (report: 7)",
    )
    recipe.add_argument(
        "--distillation",
        type=values.share,
        metavar="SHARE",
        help="weight of --teacher in the targets, 0..1 (default 0.7)",
    )
    recipe.add_argument(
        "--votes-weight",
        dest="voting",
        type=values.share,
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
        "--logit-adjustment",
        type=values.share,
        metavar="TAU",
        help="learn as if all emotions were equally frequent, 0..1 (default 0: not; 1: balanced softmax)",
    )
    recipe.add_argument(
        "--dtype",
        choices=("float32", "mixed_bfloat16"),
        default="float32",
        help="what layers compute in; bfloat16: faster on GPUs and with AVX512-BF16 (default float32)",
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
    several.add_argument("--processes", type=values.positive, metavar="N", help="how many train together")
    several.add_argument("--process", type=int, metavar="I", help="which one this is, 0 to N-1")
    several.add_argument(
        "--wait", type=values.positive, default=300, metavar="SECONDS", help="wait for the others (default 300)"
    )
    flag_groups.output_flags(command, "run")
