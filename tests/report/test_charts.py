"""Charts from plain numbers: the front, names that do not overlap, counts, short figures, colours that stand out."""

from __future__ import annotations

import math
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from fer_export.parity.statistics import reliability
from fer_export.report.page import charts, columns, matrices
from fer_export.report.page.label_placement import Box, place


def test_front_keeps_what_nothing_beats():
    points = [(1.0, 5.0), (2.0, 5.0), (2.0, 7.0), (0.5, 1.0), (3.0, 6.0), (3.0, 9.0), (3.0, 9.0), (4.0, math.nan)]
    assert charts.front(points) == [3, 0, 2, 5]
    assert charts.front([]) == []
    assert charts.front([(1.0, math.nan)]) == []


def test_scatter_draws_front_intervals_and_scale():
    points = [
        charts.Point("small", 1.0, 60.0, 58.0, 62.0, "tflite", True, True),
        charts.Point("large", 30.0, 63.0, 61.0, 65.0, "onnx", True, False),
        charts.Point("broken", 0.5, 70.0, 68.0, 72.0, "onnx", False, False),
    ]
    drawn = charts.scatter(points, cost="size, MB", worth="accuracy, %", reference=62.0)
    assert "Pareto front: small (1, 60), large (30, 63)." in drawn
    assert "size, MB, logarithmic" in drawn
    assert drawn.count('class="interval"') == 3
    assert drawn.count('class="reference"') == 1
    assert drawn.count('class="front"') == 1
    assert re.findall(r'class="(ring|failed|mark) (\w+)"', drawn) == [
        ("mark", "tflite"),
        ("ring", "tflite"),
        ("mark", "onnx"),
        ("failed", "onnx"),
    ]
    assert "<title>broken: 0.5, 70.00 (68.00 to 72.00)</title>" in drawn
    linear = charts.scatter(points[:1], cost="size, MB", worth="accuracy, %")
    assert "logarithmic" not in linear
    assert "reference" not in linear


def test_names_of_coinciding_marks_do_not_overlap():
    marks = [(100.0, 100.0 + 0.5 * i) for i in range(6)] + [(300.0, 20.0)]
    area = Box(0, 0, 310, 300)
    boxes = place(marks, [(40.0, 13.0)] * 7, area, 6.0)
    assert all(a.overlap(b) == 0 for i, a in enumerate(boxes) for b in boxes[:i])
    assert all(box.overlap(Box(x - 3, y - 3, x + 3, y + 3)) == 0 for box in boxes for x, y in marks)
    assert all(box.outside(area) == 0 for box in boxes)
    assert boxes == place(marks, [(40.0, 13.0)] * 7, area, 6.0)


def test_charts_have_the_pages_colours_and_fonts_and_refer_to_nothing():
    """Whatever a file is called: text stays text, and neither an identifier nor an address is left."""
    name = 'a<b>|"$x_1$" 表情'
    point = charts.Point(name, 1.0, 60.0, 58.0, 62.0, "tflite", True, True)
    drawn = charts.scatter([point], cost="size, MB", worth="accuracy, %", reference=61.0)
    assert not re.findall(r"url\(|://|href| id=|xmlns|font-family|<b>|#[0-9a-f]{6}", drawn)
    assert set(re.findall(r"var\(--([\w-]+)\)", drawn)) == {"ink", "muted", "line", "surface", "keras", "tflite"}
    root = ElementTree.fromstring(drawn)
    assert name in [text.text for text in root.iter("text")]
    assert [title.text for title in root.iter("title")] == [
        'a<b>|"$x_1$" 表情: 1, 60.00 (58.00 to 62.00)',
    ]
    assert drawn == charts.scatter([point], cost="size, MB", worth="accuracy, %", reference=61.0)


def test_matplotlibs_settings_are_put_back():
    import matplotlib

    before = dict(matplotlib.rcParams)
    charts.reliability([charts.Curve("Keras", "keras", [(3, 0.5, 0.5)])])
    assert dict(matplotlib.rcParams) == before


def test_confusion_shows_counts_and_changes():
    drawn = matrices.confusion("int8", "onnx", ("a", "b"), ((8, 2), (0, 5)), ((9, 1), (0, 5)))
    assert [[cell.faces for cell in row] for row in drawn.rows] == [[8, 2], [0, 5]]
    assert [cell.change for row in drawn.rows for cell in row] == ["−1", "+1", "", ""]
    assert (drawn.right, drawn.total) == (13, 15)
    assert [cell.shade for row in drawn.rows for cell in row] == ["0.48", "0.12", "0.00", "0.60"]


def test_reliability_leaves_empty_bins_out():
    probabilities = np.array([[0.96, 0.04], [0.92, 0.08], [0.45, 0.55]], np.float32)
    bins = reliability(probabilities, np.array([0, 1, 1]), 10)
    curve = charts.Curve("Keras", "keras", [(each.faces, each.confidence, each.accuracy) for each in bins])
    drawn = charts.reliability([curve])
    assert "nan" not in drawn
    assert drawn.count('class="mark keras"') == 2
    assert "<title>Keras: 2 faces, 94 % sure, 50 % right</title>" in drawn
    assert "55 sure 100 right, 94 sure 50 right" in drawn


def test_bars_survive_answers_that_are_no_numbers():
    first, second = matrices.answers(("a", "b"), (0.25, 0.75), (math.nan, math.nan))
    assert (first.bars, second.bars) == (("25.0", "0.0"), ("75.0", "0.0"))
    assert (first.first_of_keras, second.first_of_keras) == (False, True)
    _, beyond = matrices.answers(("a", "b"), (0.0, 1.0), (-0.5, 1.5))
    assert beyond.bars == ("100.0", "100.0")


@pytest.mark.parametrize(
    ("value", "text"),
    [(2.5e-6, "2.5×10⁻⁶"), (0.014, "0.014"), (0.0, "0"), (0.5, "0.50"), (math.nan, "NaN"), (None, "–"), (1.0, "1.0")],
)
def test_figures_are_short(value, text):
    assert columns.figure(value) == text


def test_signs_are_true_and_zero_has_none():
    assert [columns.signed(points) for points in (-0.25, 0.25, 0.001, -0.001, None)] == [
        "−0.25",
        "+0.25",
        "0.00",
        "0.00",
        "–",
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(scheme):
    """WCAG AA: text has 4.5 times the luminance contrast of what it stands on."""
    style = Path(charts.__file__).with_name("page.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", style, re.DOTALL)[:2]
    colours = dict(re.findall(r"--([\w-]+): (#\w+)", blocks[0] if scheme == "light" else blocks[1]))
    grounds = [colours[name] for name in ("page", "surface", "chosen", "failed")]
    for name in ("ink", "muted", "good", "bad", "tflite", "onnx", "keras"):
        for ground in grounds[: 2 if name in ("tflite", "onnx", "keras") else 4]:
            assert contrast(rgb(colours[name]), rgb(ground)) >= 4.5, (name, ground)
    for group in ("tflite", "onnx", "keras"):
        shade = matrices.DARKEST * rgb(colours[f"{group}-shade"]) + (1 - matrices.DARKEST) * rgb(colours["track"])
        assert contrast(rgb(colours["ink"]), shade) >= 4.5, group


def rgb(colour):
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    return np.array([int(digits[i : i + 2], 16) for i in (0, 2, 4)]) / 255


def contrast(a, b):
    def luminance(colour):
        linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)
