"""What the comparison page shows: words, rows and charts out of a comparison's results."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from ... import __version__
from ...checkpoint import DEFAULT_MODEL
from ...contract import PRECISION_NAMES, Gate, formats
from ...parity import statistics
from ...system import machine
from ..text.bench import bench_text
from ..text.blame import repair_text
from ..text.export import MIRROR, early_words
from . import charts, matrices
from .columns import Cell, Column, columns, percent, plain
from .gallery import FlippedFace, flipped_faces

if TYPE_CHECKING:
    from ...exporting import Choice, Comparison, ExportedFile
    from ...parity import ClassRecall

RELIABILITY_BINS = 10

IN_SIGHT = 9
"""Faces of a gallery that are visible at once."""


@dataclass(frozen=True)
class Line:
    """A row of the table."""

    name: str
    """Name for people."""

    file: str
    """Name on disk."""

    group: str
    """`tflite`, `onnx` or `keras`."""

    state: str
    """`passed`, `failed` or `reference`."""

    chosen: bool
    """Whether it is recommended."""

    cells: tuple[Cell, ...]
    """Its cells, column by column."""


@dataclass(frozen=True)
class Gallery:
    """The faces of one file whose top-1 changed."""

    file: str
    """Name of the file."""

    group: str
    """`tflite` or `onnx`."""

    faces: Sequence[FlippedFace]
    """The first of them."""

    total: int
    """How many there are."""

    @property
    def parts(self) -> tuple[Sequence[FlippedFace], Sequence[FlippedFace]]:
        """The visible ones, and the folded ones."""
        return self.faces[:IN_SIGHT], self.faces[IN_SIGHT:]

    @property
    def words(self) -> str:
        if not self.total:
            return "no face flipped"
        if self.total == 1:
            return "1 face flipped"
        shown = "all here" if self.total == len(self.faces) else f"the {len(self.faces)} largest differences here"
        return f"{self.total:,} faces flipped, {shown}"


@dataclass(frozen=True)
class View:
    """A comparison with the words and charts of its page."""

    result: Comparison
    """The comparison."""

    model_flags: str | None
    """As for page.page."""

    version = __version__

    @property
    def formats(self) -> dict[str, str]:
        """Title of each format by its name."""
        return {name: row.title for name, row in formats.FORMATS.items()}

    @property
    def labelled(self) -> bool:
        return self.result.export.judge.faces.targets is not None

    @property
    def files(self) -> tuple[ExportedFile, ...]:
        return self.result.export.files

    @cached_property
    def chosen(self) -> list[ExportedFile]:
        """The recommended files, in the order of the choices."""
        return [file for _, file in self.recommendations if file]

    @cached_property
    def recommendations(self) -> list[tuple[Choice, ExportedFile | None]]:
        by_path = {file.path: file for file in self.files}
        return [(choice, by_path[choice.file] if choice.file else None) for choice in self.result.choices]

    def _recommended(self, file: ExportedFile) -> bool:
        return any(file.path == each.path for each in self.chosen)

    @property
    def count_words(self) -> str:
        """5 TFLite and 4 ONNX files"""
        counts = {row.title: sum(file.variant.format == row.name for file in self.files) for row in formats.compared()}
        words = " and ".join(f"{count} {name}" for name, count in counts.items() if count)
        return f"{words} file{'' if len(self.files) == 1 else 's'}"

    @property
    def verdict(self) -> str:
        passed, refused = sum(file.passed for file in self.files), len(self.result.export.refused)
        sign = "✓" if self.result.passed else "✕"
        words = f"{sign} {passed} of {len(self.files)} files passed parity with Keras"
        return f"{words}; {refused} could not be made" if refused else words

    def facts(self, file: ExportedFile) -> list[tuple[str, str, str]]:
        """(name, value, unit): the figures that decide."""
        judged, row = file.parity, self.result.latency(file)
        found = [("size", plain(file.bytes / 1e6), "MB"), ("latency p50", plain(row.p50_ms), "ms")]
        if judged.file_accuracy and judged.keras_accuracy:
            before = percent(judged.keras_accuracy.value)
            found.append(("accuracy", percent(judged.file_accuracy.value), f"% (Keras {before})"))
        return [*found, ("agreement", percent(judged.agreement.value, 2), "%")]

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        return columns(self.labelled)

    @property
    def groups(self) -> list[tuple[str, int]]:
        """Heads over the columns and how many each spans."""
        names = [column.group for column in self.columns]
        return [(name, names.count(name)) for name in dict.fromkeys(names)]

    @cached_property
    def starts(self) -> list[bool]:
        """Whether a column is the first of its group."""
        names = [column.group for column in self.columns]
        return [i == 0 or name != names[i - 1] for i, name in enumerate(names)]

    @property
    def lines(self) -> list[Line]:
        result = self.result
        cells = tuple(column.of_keras(result) for column in self.columns)
        keras = Line("Keras", result.export.checkpoint.source.name, "keras", "reference", False, cells)
        return [keras, *map(self._line, self.files)]

    def _line(self, file: ExportedFile) -> Line:
        row = self.result.latency(file)
        return Line(
            file.variant.label,
            file.path.name,
            file.variant.format,
            "passed" if file.passed else "failed",
            self._recommended(file),
            tuple(column.of_file(file, row, self.result) for column in self.columns),
        )

    @property
    def failures(self) -> list[tuple[str, Sequence[str]]]:
        """(which file, what it missed), and what could not be made."""
        failed = [(file.variant.label, file.parity.failures) for file in self.files if not file.passed]
        return [*failed, *((each.variant.label, (each.reason,)) for each in self.result.export.refused)]

    @property
    def repairs(self) -> list[tuple[str, str]]:
        """(file, every try as text) of the int8 files that were repaired, or could not be."""
        return [(file.path.name, repair_text(file.repair)) for file in self.files if file.repair]

    @property
    def cautions(self) -> list[tuple[str, str]]:
        """(which files, sentence); files with the same sentence are grouped."""
        said: dict[str, list[str]] = {}
        for file in self.files:
            for sentence in file.parity.cautions:
                said.setdefault(sentence, []).append(file.variant.label)
        timed = (*self.result.bench.slower, *self.result.bench.cautions)
        for file in self.files:
            if words := early_words(file, self.result.export):
                said.setdefault(words, []).append(file.variant.label)
        parity = [(", ".join(names), sentence) for sentence, names in said.items()]
        return [*parity, *(("latency", sentence) for sentence in timed)]

    @property
    def gates(self) -> list[tuple[str, str]]:
        """(precisions, their limits); those with the same limits are grouped."""
        names: dict[Gate, list[str]] = {}
        for file in self.files:
            name, named = PRECISION_NAMES[file.variant.precision], names.setdefault(file.parity.gate, [])
            if name not in named:
                named.append(name)
        return [(", ".join(named), self._limits(gate)) for gate, named in names.items()]

    def _limits(self, gate: Gate) -> str:
        limits = f"agreement ≥ {100 * gate.min_agreement:g} %, mean diff ≤ {gate.max_mean_difference:g}"
        if not self.labelled:
            return limits
        return f"{limits}, drop ≤ {gate.max_drop:g} points, of an emotion's recall ≤ {gate.max_recall_drop:g}"

    @property
    def worth_name(self) -> str:
        return "Accuracy" if self.labelled else "Agreement with Keras"

    @property
    def size_chart(self) -> Markup:
        points = [self._point(file, file.bytes / 1e6) for file in self.files]
        keras = self.result.keras
        if keras:
            value, (low, high) = 100 * keras.accuracy.value, keras.accuracy.interval
            size = self.result.export.checkpoint.bytes / 1e6
            points.append(charts.Point("Keras", size, value, 100 * low, 100 * high, "keras", False, False))
        return self._scatter(points, "file size, MB")

    @property
    def latency_chart(self) -> Markup:
        points = [self._point(file, self.result.latency(file).p50_ms) for file in self.files]
        return self._scatter(points, "latency of one face, p50, ms")

    def _scatter(self, points: Sequence[charts.Point], cost: str) -> Markup:
        keras = self.result.keras
        reference = 100 * keras.accuracy.value if keras else None
        return charts.scatter(points, cost=cost, worth=f"{self.worth_name}, %", reference=reference)

    def _point(self, file: ExportedFile, cost: float) -> charts.Point:
        judged = file.parity
        share = judged.file_accuracy or judged.agreement
        low, high = share.interval
        name, group = PRECISION_NAMES[file.variant.precision], file.variant.format
        return charts.Point(
            name, cost, 100 * share.value, 100 * low, 100 * high, group, judged.passed, self._recommended(file)
        )

    @property
    def confusions(self) -> list[matrices.Confusion]:
        """Keras, then the recommended files with their difference from it."""
        keras = self.result.keras
        if keras is None:
            return []
        found = [matrices.confusion("Keras", "keras", keras.labels, keras.confusion)]
        for file in self.chosen:
            if counts := file.parity.file_confusion:
                name, group = file.variant.label, file.variant.format
                found.append(matrices.confusion(name, group, keras.labels, counts, file.parity.keras_confusion))
        return found

    @property
    def recalls(self) -> list[tuple[ClassRecall, ...]]:
        """An emotion's recall in each of the recommended files, emotion by emotion."""
        return list(zip(*(file.parity.recalls or () for file in self.chosen), strict=True))

    @property
    def reliability_chart(self) -> Markup | None:
        judge = self.result.export.judge
        targets = judge.faces.targets
        if targets is None:
            return None
        answers = [("Keras", "keras", judge.reference, targets)]
        for file in self.chosen:
            judged = targets if file.positions is None else targets[file.positions]
            answers.append((file.variant.label, file.variant.format, file.probabilities, judged))
        curves = []
        for name, group, probabilities, truth in answers:
            bins = statistics.reliability(probabilities, truth, RELIABILITY_BINS)
            curves.append(charts.Curve(name, group, [(each.faces, each.confidence, each.accuracy) for each in bins]))
        return charts.reliability(curves)

    @cached_property
    def galleries(self) -> list[Gallery]:
        """Of each format's recommended file; where none passed, of the one that agrees least."""
        found = []
        for choice, file in self.recommendations:
            made = [each for each in self.files if each.variant.format == choice.format]
            shown = file or min(made, key=lambda each: each.parity.agreement.value, default=None)
            if shown:
                judge = self.result.export.judge
                faces = flipped_faces(shown, judge if shown.positions is None else judge.only(shown.positions))
                found.append(Gallery(shown.variant.label, choice.format, faces, len(shown.parity.flipped)))
        return found

    @property
    def latency_note(self) -> str:
        """Where the table's latencies come from."""
        rows = [self.result.latency(file) for file in self.files]
        runtimes = " and ".join(dict.fromkeys(f"{row.runtime} {row.runtime_version}" for row in rows))
        count = rows[0].threads
        return (
            f"Latency: {runtimes}, {count} thread{'' if count == 1 else 's'}, on {self.result.bench.machine.cpu}. "
            "A phone is slower, and may rank the files differently."
        )

    @property
    def latency_text(self) -> str:
        """The benchmark's own printout."""
        return bench_text(self.result.bench)

    @property
    def manifest(self) -> list[tuple[str, str]]:
        """The calibration record without its lists, which are long."""
        return [(key, _words(value)) for key, value in self._calibration.items() if key not in ("rows", "faces")]

    @property
    def calibration_rows(self) -> str:
        return " ".join(map(str, self._calibration.get("rows", ())))

    @property
    def _calibration(self) -> dict[str, Any]:
        calibration = self.result.export.calibration
        return calibration.record if calibration else {}

    @property
    def network(self) -> list[tuple[str, str]]:
        checkpoint, graph = self.result.export.checkpoint, self.files[0].graph
        answer = graph.outputs[0]
        return [
            ("name", checkpoint.name),
            ("given as", checkpoint.given),
            ("labels", f"{', '.join(checkpoint.labels)} ({checkpoint.labels_source})"),
            ("scaling", f"{checkpoint.scaling} ({checkpoint.scaling_source})"),
            *(("caution", caution) for caution in (checkpoint.evidence.cautions if checkpoint.evidence else ())),
            *([("mirror", MIRROR)] if checkpoint.mirror else []),
            *(("input", f"{given.name}: {given.dtype} {list(given.shape)}") for given in graph.inputs),
            ("output", f"{answer.name}: {answer.dtype} {list(answer.shape)}"),
            ("took", f"{self.result.seconds:.0f} s"),
        ]

    @property
    def environment(self) -> list[tuple[str, str]]:
        return [("fer-export", __version__), *machine.environment().items()]

    @property
    def commands(self) -> list[tuple[str, str]]:
        """(what it does, the command)"""
        options, keras = self.result.export.options, self.result.keras
        paths = " ".join(shlex.quote(str(file.path)) for file in self.files)
        data = f" --data {shlex.quote(keras.data)}" if keras else ""
        data += f" --split {shlex.quote(keras.split)}" if keras and keras.split != "PublicTest" else ""
        gate = f" --min-agreement {options.min_agreement:g}" if options.min_agreement is not None else ""
        gate += f" --max-drop {options.max_drop:g}" if options.max_drop is not None else ""
        making = f" --calibration-faces {options.calibration_count} --seed {options.seed}" if keras else ""
        making += f" --input {options.input_kind}" if options.input_kind != "gray" else ""
        making += f" --io {options.io}" if options.io else ""
        making += " --mirror" if self.result.export.checkpoint.mirror else ""
        making += "" if options.repair else " --no-repair"
        making += " --all-faces" if options.all_faces else ""
        making += " --strict-int8" if options.strict_int8 else ""
        making += f" --output {shlex.quote(str(self.files[0].path.parent))}"
        counts = sorted({row.threads for row in self.result.bench.rows})
        threads = "" if counts == [1] else f" --threads {','.join(map(str, counts))}"
        judged = f"{self._model_flags}{data}{gate}"
        return [
            ("every file, its parity and latency, and this page", f"fer-export all{judged}{making}{threads}"),
            ("judge the files again", f"fer-export parity {paths}{judged}"),
            ("time the files again", f"fer-export bench {paths}{threads}"),
        ]

    @property
    def _model_flags(self) -> str:
        if self.model_flags is not None:
            return self.model_flags
        given = self.result.export.checkpoint.given
        return "" if given == DEFAULT_MODEL else f" --model {shlex.quote(given)}"


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_words(each)}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_words, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)
