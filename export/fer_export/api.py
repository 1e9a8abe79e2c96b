"""What the package does, one function per command. `import fer_export as fer` gives these names.

Networks are named as on the command line (a shipped name or a path) or are what `load` returned; data sets are paths or
what `read_dataset` returned. Every result prints as the command prints it and has `to_dict()`. Errors are
subclasses of FerExportError.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .bundle import DeviceTable, Made, Verification, device_table, verify
from .bundle import make as bundling
from .calibration import ProbeFaces, probe_faces
from .checkpoint import DEFAULT_MODEL, Checkpoint, labels_of, load
from .contract import VARIANTS, Variant
from .dataset import Dataset, Summary, duplicates
from .dataset.read import read as read_dataset
from .exporting import Blame, Comparison, Export, Options, compare_formats
from .exporting import blame as blaming
from .exporting import export as exporting
from .latency import Bench
from .latency import run as latency
from .model_file import FileInfo
from .model_file import inspect as model_file
from .network import EQUAL, TRAINED, expecting
from .parity import Evaluation, Judgement, evaluation, with_evidence
from .parity import judge as judging
from .parity.judge import Judging
from .parity.trial import try_file
from .predict import Pipeline
from .report import render
from .serve.run import serve as serve_photos
from .system import Examination, OnStep, doctor, readable, silent

if TYPE_CHECKING:
    from .training.several.group import Group
    from .training.train_network import OnEpoch

__all__ = [
    "VARIANTS",
    "Checkpoint",
    "Options",
    "Pipeline",
    "Variant",
    "bench",
    "blame",
    "compare",
    "evaluate",
    "examine",
    "export",
    "inspect",
    "judge",
    "load",
    "make_bundle",
    "make_probe_faces",
    "phone_checks",
    "read_dataset",
    "serve_photos",
    "summarize",
    "train",
    "verify_bundle",
]

readable.renderer = render

Network = Checkpoint | str | Path
"""What `load` returned, a shipped name, or the path of a network."""

Data = Dataset | str | Path
"""What `read_dataset` returned, or the path of a data set."""


def export(
    network: Network = DEFAULT_MODEL,
    format: str = "tflite",
    precision: str | Sequence[str] = "int8",
    output: str | Path = "exports",
    *,
    data: Data | None = None,
    prior: str | Path = TRAINED,
    options: Options | None = None,
    on_step: OnStep = silent,
) -> Export:
    """Convert a network, judge every file against Keras, and write it.

    `fer-export tflite`, `onnx`, `microcontroller`, `coreml`.

    network: what to export.
    format: a key of contract.formats, such as `tflite` or `onnx`.
    precision: one or several of `VARIANTS`, such as `int8`.
    output: the folder to write into.
    data: Training faces calibrate and PublicTest judges; without it the network's probe faces do.
    prior: shares of the emotions that the answers assume: `trained`, `equal`, or a JSON file with one for each label.
    options: input, types, faces and limits; None for the defaults.
    on_step: called with the task, the steps done and the number of steps.

    A file that misses its gate is kept under a name that says so, and `result.passed` is False.
    """
    precisions = [precision] if isinstance(precision, str) else precision
    dataset = _data(data)
    expected = expecting(_network(network), prior, dataset, required=True)
    return exporting.export(expected, format, precisions, Path(output), data=dataset, options=options, on_step=on_step)


def compare(
    network: Network = DEFAULT_MODEL,
    output: str | Path = "exports",
    *,
    data: Data | None = None,
    prior: str | Path = TRAINED,
    threads: Sequence[int] = (1,),
    options: Options | None = None,
    on_step: OnStep = silent,
) -> Comparison:
    """Every variant of every format: files, parity, latency, and which to ship. `fer-export all`.

    network: what to export.
    output: the folder to write into.
    data: as for `export`.
    prior: as for `export`.
    threads: numbers of threads to time with.
    options: input, types, faces and limits; None for the defaults.
    on_step: called with the task, the steps done and the number of steps.
    """
    dataset = _data(data)
    expected = expecting(_network(network), prior, dataset, required=True)
    return compare_formats.compare(
        expected, Path(output), data=dataset, options=options, threads=threads, on_step=on_step
    )


def judge(
    files: Sequence[str | Path],
    network: Network = DEFAULT_MODEL,
    *,
    data: Data | None = None,
    split: str = "PublicTest",
    min_agreement: float | None = None,
    max_drop: float | None = None,
    runtime: str | None = None,
    threads: int = 1,
    on_step: OnStep = silent,
) -> Judgement:
    """Exported files against their Keras network. `fer-export parity`.

    files: exported files of one network.
    network: the network that they were made from.
    data: the faces that judge; without it the network's probe faces do.
    split: the split of `data` that judges.
    min_agreement: least agreement, 0..1; None for the limit of the file's precision.
    max_drop: largest drop of accuracy in points; None for the limit of the file's precision.
    runtime: a word of contract.formats.runtimes(); None for the usual one of the file's format.
    threads: threads for one face.
    on_step: called with the task, the steps done and the number of steps.
    """
    paths = [Path(file) for file in files]
    how = Judging(min_agreement, max_drop, runtime, threads)
    if not isinstance(network, Checkpoint):  # a bad file is refused before the data is read and TensorFlow starts
        labels = labels_of(network)
        for path in paths:
            try_file(path, labels, runtime=runtime, threads=threads)
    return judging.judge_files(paths, _network(network), data=_data(data), split=split, judging=how, on_step=on_step)


def inspect(file: str | Path) -> FileInfo:
    """What an exported file contains and expects. `fer-export inspect`."""
    return model_file.inspect_file(Path(file))


def bench(
    files: Sequence[str | Path],
    *,
    runtimes: Sequence[str] | None = None,
    threads: Sequence[int] = (1,),
    rounds: int = latency.ROUNDS,
    on_step: OnStep = silent,
) -> Bench:
    """Latency, memory and kernels of files side by side in one run. `fer-export bench`.

    files: .tflite, .onnx and .keras files.
    runtimes: words of contract.formats.runtimes(); each file runs in those that support it. Default: its usual one.
    threads: numbers of threads to time with.
    rounds: how often every file gets its turn.
    on_step: called with the task, the steps done and the number of steps.
    """
    paths = [Path(file) for file in files]
    timing = latency.Timing(rounds)
    return latency.bench(paths, runtimes=runtimes, threads=threads, timing=timing, on_step=on_step)


def blame(
    file: str | Path, network: Network = DEFAULT_MODEL, *, data: Data | None = None, on_step: OnStep = silent
) -> Blame:
    """The layers of a quantised file with the largest error against its float twin. `fer-export blame`.

    file: the exported file.
    network: the network that it was made from.
    data: the data set that calibrated it, where one did.
    on_step: called with the task, the steps done and the number of steps.
    """
    return blaming.blame(Path(file), _network(network), data=_data(data), on_step=on_step)


def evaluate(network: Network = DEFAULT_MODEL, *, data: Data, split: str = "PublicTest") -> Evaluation:
    """Accuracy with its interval, recall, confusion matrix and calibration error. `fer-export evaluate`.

    network: the network to judge.
    data: labelled faces.
    split: the split of `data` that judges.
    """
    dataset = _data(data)
    assert dataset is not None
    known = with_evidence(_network(network), dataset)
    return evaluation.evaluate(known, dataset.split(split), dataset.source.name)


def make_bundle(
    network: Network = DEFAULT_MODEL,
    output: str | Path = "bundle",
    *,
    data: Data | None = None,
    prior: str | Path | None = None,
    options: Options | None = None,
    formats: Sequence[str] = (),
    on_step: OnStep = silent,
) -> Made:
    """All that an app needs, in one folder. `fer-export bundle`.

    network: what to export.
    output: the folder to write; it must be new or a bundle.
    data: as for `export`.
    prior: as for `export`; None for equal shares where the trained ones are known.
    options: faces and limits; None for the defaults.
    formats: what it holds files of, such as `("tflite", "coreml")`; empty for TFLite and ONNX.
    on_step: called with the task, the steps done and the number of steps.
    """
    dataset = _data(data)
    expected = expecting(_network(network), prior or EQUAL, dataset, required=prior is not None)
    return bundling.make(expected, [Path(output)], data=dataset, options=options, formats=formats, on_step=on_step)


def verify_bundle(folder: str | Path, on_step: OnStep = silent) -> Verification:
    """Replay a bundle and name the first thing that differs. `fer-export verify`."""
    return verify.verify(Path(folder), on_step)


def phone_checks(files: Sequence[str | Path], *, adb: bool = False, bench: str | Path | None = None) -> DeviceTable:
    """Phones' self-checks as a table. `fer-export device`.

    files: self-checks that the app shared.
    adb: whether to fetch them from every phone that adb finds too.
    bench: the JSON of `fer-export bench` on this machine, for the same table; None for none.
    """
    paths = [Path(file) for file in files]
    return device_table.compare(paths, adb=adb, bench=None if bench is None else Path(bench))


def make_probe_faces(network: Network = DEFAULT_MODEL, *, seed: int = 1, on_step: OnStep = silent) -> ProbeFaces:
    """A network's probe faces, synthetic calibration faces uint8 [N, S, S, 1]. `fer-export probe`."""
    return probe_faces.make(
        _network(network), seed=seed, on_step=lambda step, steps: on_step("optimising", step, steps)
    )


def summarize(data: Data, on_step: OnStep = silent) -> Summary:
    """Splits, classes and duplicates of a data set. `fer-export data`."""
    dataset = _data(data)
    assert dataset is not None
    return duplicates.summarize(dataset, progress=lambda done, total: on_step("comparing faces", done, total))


def examine(on_step: OnStep = silent) -> Examination:
    """Whether everything works on this machine. `fer-export doctor`."""
    return doctor.examine(on_step)


def train(
    data: Data,
    output: str | Path = "run",
    *,
    network: str = "compact",
    classes: int = 7,
    protocol: str = "official",
    initial: str | None = None,
    teachers: Sequence[str] = (),
    seed: int = 1,
    recipe_of: str | None = None,
    changes: Mapping[str, Any] | None = None,
    group: Group | None = None,
    on_step: OnStep = silent,
    on_epoch: OnEpoch | None = None,
) -> dict[str, Any] | None:
    """Train a network, or continue the run in `output`; returns its card. `fer-export train`.

    data: the faces to train with; its votes, where it has any, are learned as shares.
    output: the run's folder.
    network: a key of training.networks.NETWORKS.
    classes: 6 or 7 outputs, or 8 where the data has votes.
    protocol: `official` trains on Training and chooses the epoch on PublicTest; `report` splits all rows 70/30.
    initial: name or path of a network whose weights are the start; None for random weights.
    teachers: names or paths of networks whose probabilities are learned beside the labels.
    seed: seed of every random choice.
    recipe_of: another network whose recipe is used; None for the network's own.
    changes: fields of training.recipe.Recipe that differ from it, such as `{"epochs": 3}`.
    group: the processes that train together, a training.several.group.Group; all but the first return None.
    on_step: called with the task, the steps done and the number of steps.
    on_epoch: called with the epoch, its figures and the largest number of epochs left.
    """
    from .training.plan import Plan
    from .training.several.group import ALONE
    from .training.train_network import train_network

    dataset = _data(data)
    assert dataset is not None
    plan = Plan(network, classes, protocol, initial, teachers, seed, recipe_of, changes or {}, group or ALONE)
    watched = {} if on_epoch is None else {"on_epoch": on_epoch}
    return train_network(plan, dataset, Path(output), on_step=on_step, **watched)


def _network(network: Network) -> Checkpoint:
    return network if isinstance(network, Checkpoint) else load(network)


def _data(data: Data | None) -> Dataset | None:
    return data if data is None or isinstance(data, Dataset) else read_dataset(data)
