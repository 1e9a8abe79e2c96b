"""The comparison page: complete, self-contained, escaped, the same twice, and right about what failed."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from fer_export.contract import formats, variants
from fer_export.dataset import read as readers
from fer_export.exporting import Options
from fer_export.exporting import export as exporting
from fer_export.exporting.compare_formats import Choice, Comparison
from fer_export.latency.process import Kernels
from fer_export.latency.results import Bench, Row
from fer_export.parity import compare as parity
from fer_export.parity import evaluation
from fer_export.report.page import columns
from fer_export.report.page import page as html
from fer_export.report.page.gallery import MOST, flipped_faces
from fer_export.report.page.view import View
from fer_export.system.machine import Machine
from helpers.networks import checkpoint_of, report_like, taught

HOSTILE = '<b>"x"&'
LABELS = ("angry", HOSTILE, "fear", "happy", "sad", "surprise")
VOID = {"meta", "link", "img", "br", "hr", "input"}


class Outline(HTMLParser):
    """Elements of a page: their counts, attributes and text; `unclosed` stays empty in a well-formed one."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.ids, self.attributes, self.unclosed, self.text = Counter(), Counter(), [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self._start(tag, attrs)
        if tag not in VOID:
            self.unclosed.append(tag)

    def handle_startendtag(self, tag, attrs):
        self._start(tag, attrs)

    def _start(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes += [(tag, *attribute) for attribute in attrs]
        self.ids.update(value for name, value in attrs if name == "id")

    def handle_endtag(self, tag):
        assert self.unclosed.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def values(self, name):
        return [value for _, key, value in self.attributes if key == name]

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


@pytest.fixture(scope="module")
def exported(tmp_path_factory, tiny_csv):
    """A tiny network with a hostile label as fp32 and int8 TFLite, judged on 36 faces."""
    folder = tmp_path_factory.mktemp("html")
    checkpoint = checkpoint_of(taught(report_like(side=48), tiny_csv), folder, labels=LABELS)
    # So small a network loses more in int8 than a gate allows; the page is what is looked at here.
    lenient = Options(min_agreement=0.5, max_drop=50.0)
    precisions, data = ["none", "int8"], readers.read(tiny_csv)
    return exporting.export(checkpoint, "tflite", precisions, folder / "out", data=data, options=lenient)


@pytest.fixture(scope="module")
def result(exported):
    """The exported files beside two made-up ONNX files: one that is close to Keras, and one that fails."""
    return comparison(exported, [stand_in(exported, "none", 1e-7), stand_in(exported, "int8", 3.0)])


@pytest.fixture(scope="module")
def page(result):
    return html.page(result)


@pytest.fixture(scope="module")
def outline(page):
    return Outline(page)


def stand_in(exported, precision, noise):
    """An ONNX file whose answers are the network's with so much noise on their logits."""
    reference, faces = exported.judge.reference, exported.judge.faces
    logits = np.log(reference) + np.random.default_rng(0).normal(0, noise, reference.shape)
    answers = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).astype("float32")
    variant = variants.find("onnx", precision)
    judged = parity.compare(reference, answers, faces, variant.gate, exported.judge.labels)
    path = exported.files[0].path.with_name(f"tiny-{precision}.onnx")
    return replace(
        exported.files[0], path=path, variant=variant, parity=judged, probabilities=answers, sha256="ab" * 32
    )


def comparison(exported, more=(), latencies=(0.5, 0.125, 0.6, 0.25)):
    """All files with latencies as given; in each format the quickest that passed is chosen."""
    exported = replace(exported, files=(*exported.files, *more))
    rows = [row(file, p50) for file, p50 in zip(exported.files, latencies, strict=False)]
    machine = Machine("Linux x86_64", "a processor", 2, (), 0.1, 0.0, "3.11.7")
    bench = Bench(
        tuple(rows), (), machine, (), ("the machine was busy",), {"rounds": 20, "median_within_percent": 1.5}, 3.0
    )
    keras, faces = None, exported.judge.faces
    if faces.targets is not None:
        keras = evaluation.figures(
            exported.judge.reference,
            faces.targets,
            exported.judge.labels,
            model="tiny",
            data="a b.csv",
            split="PublicTest",
        )
    choices = []
    for file_format in (row.name for row in formats.compared()):
        passed = [f for f in exported.files if f.variant.format == file_format and f.parity.passed]
        best = min(passed, key=lambda f: next(r.p50_ms for r in rows if r.path == str(f.path)), default=None)
        choices.append(Choice(file_format, best.path if best else None, f"because of {file_format} & more"))
    return Comparison(exported, bench, keras, tuple(choices), 12.0)


def row(file, p50):
    return Row(
        path=str(file.path), model="tiny", precision=file.variant.precision, format=file.variant.format,
        input_shape=(1, 48, 48, 1), runtime="litert", runtime_version="2.3.0", python="3.11.7",
        kernels=Kernels("LiteRT", None, 0, {"CONV_2D": 2}), threads=1, file_bytes=file.bytes, macs=None,
        parameters=None, import_s=0.1, load_ms=7.25, first_ms=3.5, p5_ms=0.9 * p50, p50_ms=p50, p95_ms=1.5 * p50,
        inferences=100, imported_rss_mb=30.0, peak_rss_mb=44.0, gmac_per_s=None, off_cpu_percent=0.0,
        halves_differ_percent=0.1,
    )  # fmt: skip


def test_every_part_is_there(outline, result):
    for heading in ("ship", "table", "trade", "emotions", "reliability", "flips", "calibration", "made"):
        assert outline.ids[heading] == 1
    for column in columns.COLUMNS:
        assert column.meaning in outline.words
    for file in result.export.files:
        assert file.path.name in outline.words
        assert file.sha256 in outline.words
    assert result.export.checkpoint.sha256 in outline.words
    for choice in result.choices:
        assert choice.reason in outline.words
    for row in result.export.calibration.record["rows"]:
        assert f" {row} " in f" {outline.words} "
    assert "the machine was busy" in outline.words
    assert "numpy" in outline.words
    # Size, latency, three confusions (Keras and two recommended), reliability.
    assert outline.tags["figure"] == outline.tags["figcaption"] == 6


def test_table_has_a_row_a_file_and_keras_first(page, result):
    rows = re.findall(r'<tr class="(\w+)( chosen)?">\s*<th scope="row">', page)
    assert [state for state, _ in rows] == ["reference", "passed", "passed", "passed", "failed"]
    assert [bool(chosen) for _, chosen in rows] == [False, False, True, True, False]


def test_nothing_is_fetched(page, outline):
    assert "://" not in page
    assert not re.search(r"@import|url\(|<script|<link|<iframe|<object", page)
    assert all(source.startswith("data:image/png;base64,") for source in outline.values("src"))
    assert not outline.values("href")
    assert len(page.encode()) < 600_000


def test_markup_is_well_formed(page, outline):
    assert page.startswith("<!DOCTYPE html>")
    assert outline.unclosed == []
    assert max(outline.ids.values()) == 1
    assert ("html", "lang", "en") in outline.attributes
    assert ("meta", "content", "width=device-width, initial-scale=1") in outline.attributes
    assert set(outline.values("aria-labelledby")) <= set(outline.ids)
    assert all(outline.values("alt"))
    charted = [
        i for i, (tag, key, value) in enumerate(outline.attributes) if (tag, key, value) == ("svg", "role", "img")
    ]
    assert charted
    assert all(outline.attributes[i + 1][1] == "aria-label" for i in charted)


def test_hostile_labels_are_escaped(page, outline):
    assert HOSTILE in outline.words
    assert "<b>" not in page
    assert outline.tags["b"] == 0


def test_two_pages_are_equal(result, page):
    assert html.page(result) == page


def test_a_failed_file_is_marked_and_explained(outline, page, result):
    failed = result.export.files[-1]
    assert not failed.parity.passed
    assert f"{failed.variant.label} : {'; '.join(failed.parity.failures)}" in outline.words
    assert page.count("✕ failed") == 1
    assert "3 of 4 files passed" in outline.words
    assert 'class="failed onnx"' in page


def test_all_passed_says_so(exported):
    passed = tuple(replace(file, parity=replace(file.parity, failures=())) for file in exported.files)
    exported = replace(exported, files=passed)
    text = html.page(comparison(exported, latencies=(0.5, 0.1)))
    assert "2 of 2 files passed" in text
    assert "What failed" not in text
    assert "nothing yet" in text  # no ONNX file was made


def test_refused_variants_are_named(result):
    refused = exporting.Refused(variants.find("tflite", "int16x8"), "no int16 kernel for <TANH>")
    outline = Outline(html.page(replace(result, export=replace(result.export, refused=(refused,)))))
    assert "int16x8 TFLite : no int16 kernel for <TANH>" in outline.words
    assert "1 could not be made" in outline.words


def test_without_labels_accuracy_is_left_out(exported, tmp_path):
    faces = replace(exported.judge.faces, targets=None, source="probe faces")
    files = []
    for file in exported.files:
        judged = parity.compare(
            exported.judge.reference, file.probabilities, faces, file.variant.gate, exported.judge.labels
        )
        files.append(replace(file, parity=judged))
    unlabelled = replace(exported, judge=replace(exported.judge, faces=faces), files=tuple(files))
    outline = Outline(html.page(comparison(unlabelled, latencies=(0.5, 0.1))))
    assert "have no true labels" in outline.words
    assert not {"emotions", "reliability"} & set(outline.ids)
    assert "McNemar" not in outline.words
    assert "Agreement with Keras against size" in outline.words
    assert "synthetic" in outline.words
    assert "right → wrong" not in [text.strip() for text in outline.text]


def test_gallery_shows_the_largest_differences(exported):
    wild = stand_in(exported, "int8", 9.0)
    shown = flipped_faces(wild, exported.judge, most=5)
    apart = np.abs(wild.probabilities - exported.judge.reference).max(axis=1)
    flipped = list(wild.parity.flipped)
    assert [face.position for face in shown] == sorted(flipped, key=lambda i: -apart[i])[:5]
    for face in shown:
        before, after = exported.judge.reference[face.position], wild.probabilities[face.position]
        truth = exported.judge.faces.targets[face.position]
        assert (face.keras, face.file) == (LABELS[before.argmax()], LABELS[after.argmax()])
        assert face.truth == LABELS[truth]
        assert face.kind.startswith("right" if before.argmax() == truth else "wrong")
        assert face.kind.endswith("right" if after.argmax() == truth else "wrong")


def test_gallery_shows_no_more_than_its_share(exported):
    """Of a format without a file that passed, the one that agrees least is shown."""
    wild = stand_in(exported, "int8", 9.0)
    assert len(wild.parity.flipped) > 9
    repeated = replace(wild.parity, flipped=wild.parity.flipped * 3)
    outline = Outline(html.page(comparison(exported, [replace(wild, parity=repeated)])))
    assert len(repeated.flipped) > MOST
    assert f"{len(repeated.flipped)} faces flipped, the {MOST} largest differences here" in outline.words
    assert outline.tags["img"] == MOST + len(exported.files[1].parity.flipped)


def test_pictures_are_the_judging_faces(exported):
    import base64
    import io

    from PIL import Image

    face = flipped_faces(stand_in(exported, "int8", 9.0), exported.judge, most=1)[0]
    with Image.open(io.BytesIO(base64.b64decode(face.picture.partition(",")[2]))) as picture:
        assert np.array_equal(np.asarray(picture), exported.judge.faces.images[face.position][..., 0])


def test_commands_repeat_the_run(outline, result, tmp_path):
    commands = [
        shlex.split(line) for line in " ".join(outline.text).split("\n") if line.strip().startswith("fer-export ")
    ]
    whole, judged, timed = (command for command in commands if command[1] in ("all", "parity", "bench"))
    assert whole[whole.index("--model") + 1] == result.export.checkpoint.given
    assert whole[whole.index("--data") + 1] == "a b.csv"
    assert whole[whole.index("--output") + 1] == str(result.export.files[0].path.parent)
    paths = [str(file.path) for file in result.export.files]
    assert timed[2:] == paths
    assert judged[2 : 2 + len(paths)] == paths


def test_commands_name_the_threads_and_flags_given(result):
    rows = [replace(each, threads=count) for count in (1, 2) for each in result.bench.rows]
    text = html.page(replace(result, bench=replace(result.bench, rows=tuple(rows))), " --model mine.h5 --trust")
    assert "fer-export all --model mine.h5 --trust --data" in text
    assert text.count("--threads 1,2") == 2
    asked = replace(result.export, options=replace(result.export.options, repair=False))
    assert " --no-repair " in View(replace(result, export=asked), "").commands[0][1]
    assert "repair" not in View(result, "").commands[0][1]
