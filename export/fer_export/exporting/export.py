"""Checkpoint to verified files: calibrate, convert, judge, write. What `fer-export tflite` and `onnx` do."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

from ..calibration import CalibrationSet, calibration_set, probe_cache
from ..checkpoint import Checkpoint
from ..contract import Variant, find, formats, tensors
from ..convert import Companions, Converter, Repairable, converter
from ..convert.lite_process import is_known
from ..dataset import Dataset
from ..errors import ConversionError, DataError, ExportFileError, UsageError
from ..model_file import inspect as modelfile
from ..model_file import write_file
from ..network import is_graph, separable
from ..parity import Judge, Judged, Parity, ParityFaces, judging_faces, with_evidence
from ..system import OnStep, files, keras_backend, silent
from . import float_ops
from .beside import Beside, Piece
from .exported import Export, ExportedFile, Options, Refused
from .repair import repair

WORTH_A_PROCESS = 1000
"""Judging faces from which a process that judges beside the conversions saves more than its start costs."""


def export(
    checkpoint: Checkpoint,
    file_format: str,
    precisions: Sequence[str],
    output: Path,
    *,
    data: Dataset | None = None,
    options: Options | None = None,
    on_step: OnStep = silent,
) -> Export:
    """Write one file per precision into `output`, each judged against Keras before it is named.

    checkpoint: the network.
    file_format: a name of contract.formats.
    precisions: words of contract.variants, such as `int8`.
    output: the folder to write into.
    data: calibrates with its Training faces and judges with `options.split`; without it probe faces do both, different
        ones for each.
    options: input, types, faces and limits; None for the defaults.
    on_step: called with the task, the steps done and the number of steps.

    With data, label order and scaling that nothing says are judged on its faces first. A file that misses its gate, or
    whose network is not worth exporting, is kept as `<name>-failed.<suffix>`. Nothing is written when an error is
    raised before a file is complete.

    Over six parameters: they are those of `fer.export`, whose face it is.
    """
    chosen = [find(file_format, precision) for precision in precisions]
    result = export_variants(checkpoint, chosen, output, data=data, options=options, on_step=on_step)
    if result.refused:
        raise ConversionError(result.refused[0].reason)
    return result


def export_variants(
    checkpoint: Checkpoint,
    variants: Sequence[Variant],
    output: Path,
    *,
    data: Dataset | None = None,
    options: Options | None = None,
    on_step: OnStep = silent,
) -> Export:
    """Write one file per variant, of any format; a variant that the network does not allow is named in `refused`.

    checkpoint: the network.
    variants: rows of contract.variants.
    output: the folder to write into.
    data: as for `export`.
    options: as for `export`.
    on_step: called with the task, the steps done and the number of steps.
    """
    keras_backend.require_tensorflow()
    started, options = time.perf_counter(), options or Options()
    for row in (formats.FORMATS[name] for name in {variant.format for variant in variants}):
        # What judges the files must be there before minutes of work.
        if interpreter := row.usual.interpreter:
            formats.loaded(interpreter)()
        if options.strict_int8 and row.float_arithmetic and any(v.integer for v in variants if v.format == row.name):
            raise UsageError(
                f"{row.file} computes in float at int8, too; remove `strict_int8`, or use `format='tflite'`"
            )
    files.check_writable(output)
    if data is not None:
        checkpoint = with_evidence(checkpoint, data, seed=options.seed, on_step=on_step)
    converters = {name: _converter(checkpoint, name, options) for name in {v.format for v in variants}}
    calibrating, faces = _faces(checkpoint, data, options, any(v.integer for v in variants), on_step)
    task = Task(checkpoint, output, options, calibrating, Judge.of(checkpoint, faces), on_step)
    exported, refused = _files(task, variants, converters)
    seconds = round(time.perf_counter() - started, 2)
    return Export(checkpoint, options, calibrating, task.judge, exported, refused, seconds)


def _converter(checkpoint: Checkpoint, file_format: str, options: Options) -> Converter:
    """The converter of a format: what the precisions share is computed once."""
    row = formats.FORMATS[file_format]
    if options.input_kind not in row.inputs:
        raise UsageError(f"{row.file} does not take `input_kind={options.input_kind}`; use {' or '.join(row.inputs)}")
    made: Converter = converter(file_format, checkpoint, options.input_kind, options.io)
    return made


@dataclass(frozen=True)
class Task:
    """What the files of one command have in common."""

    checkpoint: Checkpoint
    """The network."""

    output: Path
    """The folder to write into."""

    options: Options
    """How to export."""

    calibrating: CalibrationSet | None
    """The calibration set; None where no file needs one."""

    judge: Judge
    """The judging faces and Keras's answers."""

    on_step: OnStep = silent
    """Called with the task, the steps done and the number of steps."""

    @property
    def probed(self) -> bool:
        """Whether probe faces calibrate and judge."""
        return self.calibrating is not None and calibration_set.is_probe(self.calibrating.record)


def _files(
    task: Task, variants: Sequence[Variant], converters: Mapping[str, Converter]
) -> tuple[tuple[ExportedFile, ...], tuple[Refused, ...]]:
    """The files of all variants, and the variants that the network does not allow.

    Where many faces judge several files, a process beside this one judges each while the next is converted.
    """
    files_of: dict[Variant, ExportedFile | Refused] = {}
    apart = len(variants) > 1 and len(task.judge.reference) >= WORTH_A_PROCESS
    waiting: deque[tuple[Variant, bytes, float, Piece[Judged]]] = deque()

    def finish(variant: Variant, content: bytes, seconds: float, judging: Callable[[], Judged]) -> None:
        try:
            files_of[variant] = finished(task, variant, content, seconds, judging, converters[variant.format])
        except ConversionError as error:
            files_of[variant] = Refused(variant, str(error))

    with Beside(task.on_step) as beside:
        for variant in variants:
            begun = time.perf_counter()
            try:
                content = converted(task, variant, converters[variant.format])
            except ConversionError as error:
                files_of[variant] = Refused(variant, str(error))
                continue
            seconds = time.perf_counter() - begun
            if not apart:
                finish(variant, content, seconds, partial(judged, task, variant, content, task.on_step))
                continue
            work = partial(judged, task, variant, content, isolated=True)
            waiting.append((variant, content, seconds, beside.hand_over(work)))
            while waiting and waiting[0][-1].done:
                variant, content, seconds, piece = waiting.popleft()
                finish(variant, content, seconds, piece.result)
        for variant, content, seconds, piece in waiting:
            finish(variant, content, seconds, piece.result)
    found = [files_of[variant] for variant in variants]
    return (
        tuple(each for each in found if isinstance(each, ExportedFile)),
        tuple(each for each in found if isinstance(each, Refused)),
    )


def converted(task: Task, variant: Variant, converter: Converter) -> bytes:
    """The bytes of one file; raises ConversionError, also for float ops where none are allowed."""
    task.on_step(f"converting to {variant.label}", 0, 1)
    content = converter.convert(variant, task.calibrating)
    floats = float_ops.of(content)
    if floats and task.options.strict_int8:
        found = float_ops.in_words(floats, variant.precision)
        raise ConversionError(
            f"the {variant.precision} file would be {found}; replace these layers, or remove `strict_int8=True`"
        )
    return content


def judged(
    task: Task, variant: Variant, content: bytes, on_step: OnStep, *, early: bool = True, isolated: bool = False
) -> Judged:
    """A file's answers beside Keras's.

    early: a slow file is judged on as many faces as decide.
    isolated: in a process of its own.

    Raises ExportFileError for a file that does not run.
    """
    # What TensorFlow's converter crashes on may crash its kernels, too.
    isolated = isolated or (variant.integer and not is_known(task.checkpoint.network))
    few = early and variant.slow and not task.options.all_faces
    judge = task.judge.judge_early if few else task.judge.judge
    gate = task.options.gate(variant, probed=task.probed)
    return judge(content, gate, on_step, isolated=isolated)


def finished(
    task: Task, variant: Variant, content: bytes, seconds: float, judging: Callable[[], Judged], converter: Converter
) -> ExportedFile:
    """One converted file: judged, repaired where that was asked for, and written.

    seconds: what its conversion took.
    judging: gives the first judgement of the file, or raises ExportFileError.
    converter: what made the file.
    """
    begun = time.perf_counter()
    calibrating, attempt = task.calibrating, None
    repairing = _repairable(task, variant)
    found: Judged | None
    try:
        found = judging()
    except ExportFileError as error:
        # It is going to be made again with layers in float.
        found = None
        if not repairing:
            helps = "; try `repair=True` or `precision='dynamic'`" if variant.repairable else ""
            raise ConversionError(f"the new file does not run: {error}{helps}") from error
    if calibrating is not None and repairing and not (found and found.parity.passed):
        tried: dict[bytes, Judged] = {}

        def parity_of(made: bytes) -> Parity:
            tried[made] = judged(task, variant, made, silent, early=False)
            return tried[made].parity

        attempt = repair(
            content,
            task.checkpoint,
            calibrating,
            parity_of,
            converter=cast(Repairable, converter),
            floats=not task.options.strict_int8,
            on_step=task.on_step,
        )
        if attempt.content is not None:
            content, found = attempt.content, tried[attempt.content]
    if found is None:
        tries = len(attempt.tries) if attempt else 0
        raise ConversionError(
            f"the runtime refuses the int8 file, and none of {tries} repairs passed; use `precision='dynamic'`"
        )
    repaired = attempt is not None and attempt.passed
    path = _write(task, variant, content, found.passed, repaired)
    beside = _companions(path, variant, content, task.checkpoint) if found.passed else None
    graph = modelfile.inspect(content)
    return ExportedFile(
        path,
        variant,
        graph.file_bytes,
        files.sha256(content),
        graph,
        found.parity,
        found.probabilities,
        attempt,
        float_ops.of(content),
        round(seconds + time.perf_counter() - begun, 2),
        found.kernels,
        beside,
        found.runtime,
        found.positions,
    )


def _companions(path: Path, variant: Variant, content: bytes, checkpoint: Checkpoint) -> Companions | None:
    """The files that the format wants beside a written one, written; None where it wants none."""
    make = formats.FORMATS[variant.format].companions
    if not make:
        return None
    made: Companions = formats.loaded(make)(content, path.stem, checkpoint)
    for name, companion in made.files.items():
        files.write_whole(path.with_name(name), companion)
    return made


def _repairable(task: Task, variant: Variant) -> bool:
    """Whether a file that fails is made again with layers in float: not where the network itself is worth nothing."""
    options, worth = task.options, task.judge.usefulness
    possible = not options.strict_int8 or bool(separable(task.checkpoint.network))
    wanted = options.repair and possible and options.input_kind != "frame"
    worthwhile = worth is None or worth.passed
    return (
        wanted
        and worthwhile
        and variant.repairable
        and task.calibrating is not None
        and is_graph(task.checkpoint.network)
    )


def _faces(
    checkpoint: Checkpoint, data: Dataset | None, options: Options, integer: bool, on_step: OnStep
) -> tuple[CalibrationSet | None, ParityFaces]:
    if data is None:
        faces = judging_faces.without_data(checkpoint, on_step)
        return (calibration_set.from_probe(probe_cache.probe_faces(checkpoint, on_step)) if integer else None), faces
    if integer and ("Training" not in data.splits or len(data.splits) == 1):
        raise DataError(
            f"{data.source} has only {' and '.join(data.splits)}, but int8 is calibrated on Training and judged on "
            "another split; use fer2013.csv, or remove `data`: probe faces then calibrate and judge"
        )
    faces = judging_faces.labelled_faces(checkpoint, data, options.split)
    if not integer:
        return None, faces
    if options.split == "Training":
        raise DataError(
            "parity on Training would judge the file on the split that calibrates it; use `split='PublicTest'`"
        )
    chosen = calibration_set.from_training(
        data.split("Training"),
        data.split(options.split),
        checkpoint.labels,
        checkpoint.size,
        count=options.calibration_count,
        seed=options.seed,
    )
    return chosen, faces


def _write(task: Task, variant: Variant, content: bytes, passed: bool, repaired: bool) -> Path:
    checkpoint, calibrating = task.checkpoint, task.calibrating
    path = task.output / variant.file_name(checkpoint.name, task.options.input_kind, checkpoint.mirror)
    if repaired:
        path = path.with_name(f"{path.stem}-repaired{path.suffix}")
    if not passed:
        path = path.with_name(f"{path.stem}-failed{path.suffix}")
    if calibrating is not None and variant.integer:
        manifest = {
            "file": path.name,
            "sha256": files.sha256(content),
            "preprocessing": f"uint8 {list(calibrating.images.shape[1:])}, scaling inside the file",
            "input_name": tensors.INPUT_NAME,
            **calibrating.record,
        }
        files.write_json(path.with_name(f"{path.name}.calibration.json"), manifest)
    return write_file(path, content)
