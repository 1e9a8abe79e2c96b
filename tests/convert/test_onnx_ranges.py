"""Ranges in int8 ONNX files: what is concatenated shares one, unless an activation would be lost in it."""

import numpy as np
import onnx
import pytest
from keras import layers
from onnx import numpy_helper

from fer_export.calibration import calibration_set
from fer_export.calibration.calibration_set import CalibrationSet
from fer_export.contract import variants
from fer_export.convert import convert
from fer_export.runtimes import OnnxRuntime
from helpers.networks import checkpoint_of, classifier, grey


@pytest.fixture(scope="module")
def calibrating():
    images = grey(20)
    return CalibrationSet(
        images, {"source": "made", "count": len(images), "faces": calibration_set.face_hashes(images)}
    )


def dense_block(x):
    """Each layer reads what all layers before it have made."""
    for _ in range(3):
        made = layers.Conv2D(4, 3, padding="same", kernel_initializer="he_normal")(x)
        x = layers.Concatenate()([x, layers.MaxPooling2D(3, strides=1, padding="same")(made)])
    return x


def inception(activation):
    """Three branches behind an activation."""
    return lambda x: layers.Concatenate()(
        [layers.Activation(activation)(layers.Conv2D(4, size, padding="same")(x)) for size in (1, 3, 5)]
    )


def mixed(activation):
    """Values behind an activation, joined with others: in their range it would be lost."""
    return lambda x: layers.Concatenate()([inception(activation)(x), layers.Conv2D(4, 3, padding="same")(x)])


def grids_of_joins(content):
    """The scales and zero points of each Concat's inputs and output in an int8 file."""
    graph = onnx.load_from_string(content).graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    writers = {node.output[0]: node for node in graph.node}
    readers = {name: node for node in graph.node for name in node.input}
    return [
        {
            tuple(float(constants[name]) for name in conversion.input[1:])
            for conversion in (*(writers[name] for name in node.input), readers[node.output[0]])
        }
        for node in graph.node
        if node.op_type == "Concat"
    ]


@pytest.mark.parametrize("by_error", [False, True], ids=["extremes", "by error"])
@pytest.mark.parametrize(
    ("body", "shared"),
    [
        (lambda x: dense_block(layers.Conv2D(8, 3)(x)), True),
        (inception("relu"), True),
        (inception("relu6"), True),
        (mixed("relu"), False),
        (mixed("relu6"), False),
    ],
    ids=["dense block", "inception", "inception, relu6", "mixed", "mixed, relu6"],
)
def test_what_is_concatenated_has_one_grid(tmp_path, calibrating, monkeypatch, by_error, body, shared):
    checkpoint = checkpoint_of(classifier(body), tmp_path)
    monkeypatch.setattr("fer_export.convert.activation_ranges.chosen", lambda make, *_: (make(by_error), by_error))
    content = convert(checkpoint, variants.find("onnx", "int8"), calibration=calibrating)
    grids = grids_of_joins(content)
    assert grids
    assert (len(set.union(*grids)) == 1) == shared
    images = calibrating.images
    assert np.abs(OnnxRuntime(content).run(images) - checkpoint.predict(images)).max() < 0.02
