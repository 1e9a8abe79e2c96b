"""Ranges of activations: the extremes, or those with the least error where an int8 file is far from Keras."""

from types import SimpleNamespace

import numpy as np
import pytest
from keras import layers

from fer_export.calibration import calibration_set
from fer_export.calibration.calibration_set import CalibrationSet
from fer_export.contract import variants
from fer_export.convert import activation_ranges, convert
from fer_export.errors import ExportFileError
from helpers.networks import checkpoint_of, classifier, grey

IMAGES = np.zeros((40, 8, 8, 1), np.uint8)


def chosen(extremes, by_error, margin=0.8):
    """The files and the choice, where a file is the difference of its answers from Keras's, or None if refused.

    margin: between Keras's two answers.
    """
    made, answer = [], np.array([0.5 + margin / 2, 0.5 - margin / 2], np.float32)
    network = SimpleNamespace(predict=lambda faces: np.tile(answer, (len(faces), 1)))

    def make(wanted):
        made.append(wanted)
        return by_error if wanted else extremes

    def run(apart, faces):
        if apart is None:
            raise ExportFileError("LiteRT cannot run the file")
        return network.predict(faces) + np.float32(apart)

    return made, activation_ranges.chosen(make, run, network, IMAGES)


@pytest.mark.parametrize(
    ("extremes", "by_error", "made", "choice"),
    [
        (0.01, 0.0, [False], (0.01, False)),
        (0.05, 0.03, [False, True], (0.03, True)),
        (0.05, 0.06, [False, True], (0.05, False)),
        (None, 0.06, [False, True], (0.06, True)),
        (0.05, None, [False, True], (0.05, False)),
        (None, None, [False, True], (None, False)),
    ],
    ids=["close", "better", "worse", "refused", "refused by error", "both refused"],
)
def test_ranges_by_error_are_taken_where_their_answers_are_closer(extremes, by_error, made, choice):
    assert chosen(extremes, by_error) == (made, choice)


@pytest.mark.parametrize(("margin", "made"), [(0.8, [False]), (0.1, [False, True])])
def test_a_network_that_is_sure_of_nothing_has_to_be_closer(margin, made):
    assert chosen(0.01, 0.005, margin)[0] == made


@pytest.mark.parametrize("file_format", ["tflite", "onnx"])
def test_a_converter_takes_the_ranges_that_are_closer(file_format, tmp_path, monkeypatch):
    network = classifier(lambda x: layers.Conv2D(8, 3, activation="relu")(layers.Conv2D(8, 3, activation="relu")(x)))
    checkpoint, variant, images = checkpoint_of(network, tmp_path), variants.find(file_format, "int8"), grey(32)
    hashes = calibration_set.face_hashes(images)
    calibrating = CalibrationSet(images, {"source": "made faces", "count": 32, "faces": hashes})

    def file(share):
        """The int8 file where ranges by error are this share of the extremes, and are tried for every network."""
        monkeypatch.setattr(activation_ranges, "FAR", 0.0)
        monkeypatch.setattr(activation_ranges, "best_range", lambda values: (0.0, share * float(values.max())))
        return convert(checkpoint, variant, calibration=calibrating)

    monkeypatch.setattr(activation_ranges, "FAR", np.inf)
    plain = convert(checkpoint, variant, calibration=calibrating)
    assert file(0.02) == plain
    monkeypatch.setattr(activation_ranges, "chosen", lambda make, *rest: (make(True), True))
    assert file(0.9) != plain
