"""Figures of a network on labelled faces, from confusions made by hand."""

import json
import math

import numpy as np
import pytest
from keras import layers

from fer_export.dataset.dataset import Faces
from fer_export.dataset.emotions import FER2013, REPORT_6
from fer_export.errors import DataError
from fer_export.parity.evaluation import evaluate, figures
from helpers.networks import checkpoint_of, classifier

LABELS = ("angry", "happy", "sad")
CONFUSION = ((5, 2, 1), (0, 9, 1), (3, 0, 4))


def rows_of(confusion, top=0.8):
    """Probabilities and targets that give a confusion: the answer has `top`, the others share the rest."""
    targets, predicted = zip(
        *[(i, j) for i, row in enumerate(confusion) for j, faces in enumerate(row) for _ in range(faces)], strict=True
    )
    classes = len(confusion)
    probabilities = np.full((len(targets), classes), (1 - top) / (classes - 1), np.float32)
    probabilities[np.arange(len(targets)), predicted] = top
    return probabilities, np.array(targets)


def of(confusion, **options):
    probabilities, targets = rows_of(confusion, **options)
    return figures(probabilities, targets, LABELS, model="tiny", data="a.csv", split="PublicTest")


def test_figures_of_a_confusion():
    result = of(CONFUSION)
    assert result.confusion == CONFUSION
    assert (result.accuracy.hits, result.accuracy.count) == (18, 25)
    assert [(r.hits, r.count) for r in result.recall] == [(5, 8), (9, 10), (4, 7)]
    assert result.expected_calibration_error == pytest.approx(0.8 - 18 / 25, abs=1e-5)
    assert result.log_loss == pytest.approx(-(18 * math.log(0.8) + 7 * math.log(0.1)) / 25, abs=1e-5)


def test_a_certain_mistake_costs_much_and_not_infinity():
    result = of(((0, 1, 0), (0, 1, 0), (0, 0, 1)), top=1.0)
    assert result.log_loss == pytest.approx(-math.log(1e-12) / 3, abs=1e-3)


def test_the_document_is_strict_json_also_without_faces_of_a_class():
    document = of(((2, 0, 0), (0, 0, 0), (1, 0, 1))).to_dict()
    assert json.loads(json.dumps(document, allow_nan=False)) == json.loads(json.dumps(document))
    assert document["recall"]["angry"] == {"value": 1.0, "hits": 2, "count": 2, "wilson_95": [0.34238, 1.0]}
    assert document["recall"]["happy"] == {"value": None, "hits": 0, "count": 0, "wilson_95": None}
    assert document["accuracy"]["value"] == 0.75
    assert [list(row) for row in document["confusion"]] == [[2, 0, 0], [0, 0, 0], [1, 0, 1]]
    assert {"model", "data", "split", "labels", "log_loss", "expected_calibration_error"} <= set(document)


@pytest.fixture(scope="module")
def by_brightness(tmp_path_factory):
    """A six-class network of 16x16 that says `happy` of bright faces and `angry` of dark ones."""
    network = classifier(lambda x: layers.Conv2D(1, 1)(x))
    conv, dense = (layer for layer in network.layers if layer.weights)
    conv.set_weights([np.ones((1, 1, 1, 1)), np.full(1, -0.5)])
    kernel = np.zeros((1, 6))
    kernel[0, REPORT_6.index("happy")], kernel[0, REPORT_6.index("angry")] = 50, -50
    dense.set_weights([kernel, np.zeros(6)])
    return checkpoint_of(network, tmp_path_factory.mktemp("network"))


def test_evaluate_resizes_faces_and_keeps_those_with_a_label(by_brightness):
    shown = [("happy", 250), ("happy", 5), ("angry", 5), ("sad", 5), ("disgust", 5), ("happy", 240)]
    pixels = np.stack([np.full((48, 48, 1), value, np.uint8) for _, value in shown])
    emotions = np.array([FER2013.index(name) for name, _ in shown], np.uint8)
    result = evaluate(by_brightness, Faces(pixels, emotions, np.arange(6), "PublicTest"), "a.csv")
    assert (result.model, result.data, result.split, result.labels) == ("tiny", "a.csv", "PublicTest", REPORT_6)
    assert (result.accuracy.hits, result.accuracy.count) == (3, 5)
    happy, angry, sad = (REPORT_6.index(name) for name in ("happy", "angry", "sad"))
    assert result.confusion[happy][happy] == 2
    assert result.confusion[happy][angry] == result.confusion[angry][angry] == result.confusion[sad][angry] == 1


def test_faces_without_a_label_of_the_network_are_refused(by_brightness):
    faces = Faces(np.zeros((2, 48, 48, 1), np.uint8), np.full(2, 1, np.uint8), np.arange(2), "PublicTest")
    with pytest.raises(DataError, match="none of the 2 faces"):
        evaluate(by_brightness, faces, "a.csv")
