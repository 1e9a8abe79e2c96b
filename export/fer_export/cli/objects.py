"""The package's objects that flags ask for: network, data, options."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

from ..errors import UsageError
from .progress_bar import Bar


def group(options: argparse.Namespace) -> Any:
    from ..training.several import group as distribution

    flags = (options.distribute, options.processes, options.process)
    if flags == (None, None, None):
        return distribution.ALONE
    if None in flags:
        raise UsageError("--distribute, --processes and --process belong together; pass all three")
    return distribution.Group(*flags, wait=options.wait)


def export_options(options: argparse.Namespace) -> Any:
    """How the commands of the formats and `all` export."""
    return bundle_options(options, input_kind=options.input, io=options.io, all_faces=options.all_faces)


def bundle_options(options: argparse.Namespace, **others: Any) -> Any:
    """How `bundle` exports, and others of exporting.Options."""
    from ..exporting import Options

    return Options(
        split=options.split,
        calibration_count=options.calibration_faces,
        seed=options.seed,
        min_agreement=options.min_agreement,
        max_drop=options.max_drop,
        repair=options.repair,
        strict_int8=options.strict_int8,
        **others,
    )


def checkpoint_of(options: argparse.Namespace) -> Any:
    from ..checkpoint import checkpoint

    return checkpoint.load(
        options.model or checkpoint.DEFAULT_MODEL,
        weights=options.weights,
        labels=options.labels,
        scaling=options.scaling,
        trust=options.trust,
    )


def source(options: argparse.Namespace) -> Any:
    """The network of --bundle or --model, an exported file or Keras's, with the least face."""
    from ..predict import PipelineSource

    return PipelineSource(
        model=options.model,
        bundle=options.bundle,
        weights=options.weights,
        labels=options.labels,
        scaling=options.scaling,
        trust=options.trust,
        min_score=options.min_score,
        min_size=options.min_size,
        prior=options.prior,
    )


def exported_network(options: argparse.Namespace, data: Any) -> Any:
    """The network that the files are made from, with mirror or without, and its prior."""
    return with_prior(replace(checkpoint_of(options), mirror=options.mirror), options, data)


def with_prior(checkpoint: Any, options: argparse.Namespace, data: Any) -> Any:
    """The network with --prior; where that is the command's default, only if it can be applied."""
    from ..network import prior

    required = options.prior != options.default("prior")
    return prior.expecting(checkpoint, options.prior, data, required=required)


def data_of(options: argparse.Namespace, bar: Bar) -> Any:
    from ..dataset import read as readers

    found = readers.read(
        options.data, progress=lambda done, total: bar.step(f"reading {options.data.name}", done, total)
    )
    if not options.votes:
        return found
    from ..dataset import with_votes

    return with_votes(found, options.votes)
