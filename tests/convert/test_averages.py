"""Int8 averages: no sum of whole numbers comes near a half, whatever the network, and nothing is cut off."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from keras import layers

from fer_export import runtimes
from fer_export.calibration import calibration_set
from fer_export.calibration.calibration_set import CalibrationSet
from fer_export.contract import variants
from fer_export.convert import convert, tflite_averages
from fer_export.errors import ConversionError
from fer_export.model_file import tflite as flatbuffer
from helpers import networks

FACES = networks.grey(24)
CALIBRATING = CalibrationSet(FACES, {"source": "made", "count": 24, "faces": calibration_set.face_hashes(FACES)})
INT8 = variants.find("tflite", "int8")


def pictures(x: Any) -> Any:
    return layers.Conv2D(5, 3, activation="relu")(x)


def by_axis(x: Any) -> Any:
    """One average after another: over rows, then over columns."""
    rows = layers.GlobalAveragePooling1D()(layers.Reshape((14, 14 * 5))(pictures(x)))
    return layers.GlobalAveragePooling1D()(layers.Reshape((14, 5))(rows))


def tied(x: Any) -> Any:
    """An average whose scale a concatenation sets, behind one that is free."""
    x = layers.Multiply()([pictures(x), layers.GlobalAveragePooling2D(keepdims=True)(pictures(x))])
    return layers.Concatenate()([layers.GlobalAveragePooling2D()(x), layers.GlobalMaxPooling2D()(x)])


def flat(x: Any) -> Any:
    return layers.Flatten()(layers.MaxPooling2D(4)(pictures(x)))


def converted(body: Callable[[Any], Any], folder: Any, *, mirror: bool = False) -> bytes:
    given = networks.checkpoint_of(networks.classifier(body), folder)
    return convert(replace(given, mirror=mirror), INT8, calibration=CALIBRATING)


def factors(content: bytes) -> list[tuple[float, float]]:
    """Of every average its factor and its output scale."""
    model, found = flatbuffer.open_model(content), []
    graph = model.subgraphs[0]
    for op in graph.operators:
        source, target = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
        averages_here = model.operatorCodes[op.opcodeIndex].builtinCode == schema.BuiltinOperator.MEAN
        if averages_here and source.type == target.type == schema.TensorType.INT8:
            count = int(np.prod(source.shape)) // int(np.prod(target.shape))
            read, written = (float(tensor.quantization.scale[0]) for tensor in (source, target))
            found.append((read / (count * written), written))
    return found


@pytest.mark.parametrize("factor", [0.19943, 0.5, 1.0, 0.999999, 0.0123, 1 / 2304, 3.7, *np.geomspace(1e-4, 2, 40)])
def test_a_factor_becomes_a_fraction_a_little_below_it(factor):
    p, q = tflite_averages.fraction(factor)
    assert q % 2 == 1
    assert 0.99 * factor <= p / q <= factor
    # No smaller odd q would do.
    assert all(int(factor * less) / less < 0.99 * factor for less in range(1, q, 2))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "mirror", "averages_in_it"), [(pictures, False, 1), (pictures, True, 2), (by_axis, False, 2)]
)
def test_the_last_bits_of_a_factor_move_no_average(body, mirror, averages_in_it, tmp_path, monkeypatch):
    found = factors(converted(body, tmp_path, mirror=mirror))
    monkeypatch.setattr(tflite_averages, "widened_of", lambda calibrated, content: None)
    plain = factors(converted(body, tmp_path, mirror=mirror))
    assert len(found) == len(plain) == averages_in_it
    moved = 0
    for (factor, scale), (before, narrow) in zip(found, plain, strict=True):
        assert narrow <= scale * (1 + 1e-6) <= narrow * 1.03
        sums = np.arange(int(255 / factor))
        assert len(set(rounded(sums, factor))) == 1
        moved += len(set(rounded(sums, before))) > 1
    # What the quantizer chooses by itself is not so, but where it is by chance.
    assert moved or body is by_axis


def rounded(sums: np.ndarray, factor: float) -> list[bytes]:
    """The rounded products with a factor, in double, in float32, and with one a little beside it."""
    beside = [factor * (1 + part) for part in (0, -3e-7, 3e-7)]
    products = [*(sums * each for each in beside), sums.astype(np.float32) * np.float32(factor)]
    return [np.floor(each.astype(np.float64) + 0.5).astype(np.int32).tobytes() for each in products]


def test_an_average_whose_scale_another_tensor_sets_stays_as_it_is(tmp_path):
    free, held = (tflite_averages.is_fraction(factor) for factor, _ in factors(converted(tied, tmp_path)))
    assert (free, held) == (True, False)


def test_a_tiny_factor_is_left_alone_at_once(monkeypatch):
    model = SimpleNamespace(subgraphs=[SimpleNamespace(tensors=[])])
    monkeypatch.setattr(tflite_averages, "opened", lambda content: model)
    monkeypatch.setattr(tflite_averages, "averages_of", lambda model: ["average"])
    monkeypatch.setattr(tflite_averages, "factors_of", lambda model: [1e-12])
    assert tflite_averages.quantised(b"calibrated", lambda content: b"int8") == b"int8"


def test_a_network_without_averages_is_left_alone(tmp_path):
    assert factors(converted(flat, tmp_path)) == []


def test_an_average_kept_in_float_is_left_alone(tmp_path):
    given = networks.checkpoint_of(networks.classifier(pictures), tmp_path)
    kept = (given.network.layers[-2].name,)
    assert factors(convert(given, INT8, calibration=CALIBRATING, float_layers=kept)) == []


@pytest.mark.slow
def test_files_with_other_averages_are_refused(tmp_path):
    with pytest.raises(ConversionError, match="0 averages became 1 in int8"):
        tflite_averages.quantised(converted(flat, tmp_path), lambda content: converted(pictures, tmp_path))


def test_answers_stay_near_the_networks(tmp_path):
    given = networks.checkpoint_of(networks.classifier(pictures), tmp_path)
    content = convert(given, INT8, calibration=CALIBRATING)
    with runtimes.LiteRt(content) as runtime:
        assert np.abs(runtime.run(FACES) - given.predict(FACES)).max() < 0.05
