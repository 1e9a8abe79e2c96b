"""Ranges of what is pooled: what a pool drops takes no place on the grid of int8."""

import pytest
from keras import layers

from fer_export.calibration import calibration_set
from fer_export.calibration.calibration_set import CalibrationSet
from fer_export.contract import variants
from fer_export.convert import activation_ranges, convert
from fer_export.runtimes.op_by_op import open_activations
from helpers.networks import checkpoint_of, classifier, grey


def pooled(x):
    """A convolution without ReLU that only a pool reads, as in a mini-Xception's blocks."""
    return layers.MaxPooling2D(3, strides=2, padding="same", name="pool")(layers.Conv2D(4, 3, name="conv")(x))


def padded(x):
    return layers.MaxPooling2D(3, strides=2, name="pool")(layers.ZeroPadding2D(1)(layers.Conv2D(4, 3, name="conv")(x)))


def read_twice(x):
    x = layers.Conv2D(4, 3, padding="same", name="conv")(x)
    return layers.Add()([layers.MaxPooling2D(3, strides=1, padding="same", name="pool")(x), x])


def behind_relu(x):
    return layers.MaxPooling2D(2, name="pool")(layers.Conv2D(4, 3, activation="relu", name="conv")(x))


@pytest.fixture(scope="module")
def calibrating():
    images = grey(20)
    return CalibrationSet(
        images, {"source": "made", "count": len(images), "faces": calibration_set.face_hashes(images)}
    )


@pytest.mark.parametrize("by_error", [False, True], ids=["extremes", "by error"])
@pytest.mark.parametrize(
    ("file_format", "body", "measured"),
    [
        ("tflite", pooled, "MAXPOOL"),
        ("onnx", pooled, "MAXPOOL"),
        ("tflite", padded, "MAXPOOL"),
        ("tflite", read_twice, "CONV"),
        ("onnx", read_twice, "CONV"),
        ("tflite", behind_relu, "CONV"),
        ("onnx", behind_relu, "CONV"),
    ],
)
def test_by_error_what_only_a_pool_reads_has_its_range(
    tmp_path, monkeypatch, calibrating, file_format, body, measured, by_error
):
    monkeypatch.setattr(activation_ranges, "chosen", lambda make, *_: (make(by_error), by_error))
    checkpoint = checkpoint_of(classifier(body), tmp_path)
    content = convert(checkpoint, variants.find(file_format, "int8"), calibration=calibrating)
    activations = open_activations(content)
    kinds = [op.name.upper().replace("_", "").removesuffix("2D") for op in activations.ops]
    pool = kinds.index("MAXPOOL")
    places = {"MAXPOOL": pool, "CONV": max(i for i in range(pool) if kinds[i] == "CONV")}
    outputs = activations.run(calibrating.images)
    grid = activations.ops[places["CONV"]].grid
    lowest, highest = (grid.scale * (end - grid.zero_point) for end in (grid.lowest, grid.highest))
    # Its values take the whole grid; else, those of the convolution do, and the pool drops many of the steps.
    whole = outputs[places[measured if by_error else "CONV"]]
    assert whole.min() <= lowest + 3 * grid.scale
    assert whole.max() >= highest - 3 * grid.scale
    if not (by_error and measured == "MAXPOOL") and body is not behind_relu:
        assert outputs[pool].min() > lowest + 6 * grid.scale
