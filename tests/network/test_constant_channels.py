"""Constant channels: batch norms give for them what they would compute, and nothing else changes."""

import keras
import numpy as np
import pytest
from keras import layers

from fer_export.calibration import calibration_set
from fer_export.calibration.calibration_set import CalibrationSet
from fer_export.contract import variants
from fer_export.convert import convert
from fer_export.network.constant_channels import absorb_constants
from fer_export.network.prepare import exportable, without_batch_norms
from fer_export.runtimes import LiteRt, OnnxRuntime
from helpers.networks import answers, checkpoint_of, classifier, grey, scaled

DEAD = 12
"""Channels that are -1 behind the ELU for every picture."""

IMAGES = grey(48)


@pytest.fixture(scope="module")
def network():
    """Its batch norm has learned that the dead channels do not vary, as one in training does."""
    model = classifier(
        lambda x: layers.BatchNormalization(name="norm")(
            layers.Dense(24, activation="elu", name="hidden")(layers.Flatten()(layers.Conv2D(4, 3, strides=2)(x)))
        )
    )
    hidden, norm = model.get_layer("hidden"), model.get_layer("norm")
    kernel, bias = hidden.get_weights()
    bias[:DEAD] = -60.0
    hidden.set_weights([3 * kernel, bias])
    seen = np.asarray(keras.Model(model.input, hidden.output)(scaled(IMAGES)))
    norm.set_weights([*norm.get_weights()[:2], seen.mean(axis=0), seen.var(axis=0)])
    return model


def test_answers_stay_on_these_pictures(network):
    rewritten = without_batch_norms(network)
    before = answers(rewritten, scaled(IMAGES))
    assert absorb_constants(rewritten, scaled(IMAGES)) == DEAD
    assert np.abs(answers(rewritten, scaled(IMAGES)) - before).max() < 1e-5
    assert absorb_constants(rewritten, scaled(IMAGES)) == 0


def test_channels_of_zeros_and_those_that_vary_stay_as_they_are(network):
    rewritten = without_batch_norms(network)
    rewritten.get_layer("hidden").set_weights([np.zeros_like(w) for w in network.get_layer("hidden").get_weights()])
    weights = rewritten.get_weights()
    assert absorb_constants(rewritten, scaled(IMAGES)) == 0
    assert all(np.array_equal(a, b) for a, b in zip(weights, rewritten.get_weights(), strict=True))


@pytest.mark.parametrize(("file_format", "runtime"), [("tflite", LiteRt), ("onnx", OnnxRuntime)])
def test_int8_loses_nothing_by_them(network, tmp_path, monkeypatch, file_format, runtime):
    checkpoint, record = checkpoint_of(network, tmp_path), {"source": "made faces", "count": len(IMAGES)}
    calibrating = CalibrationSet(IMAGES, {**record, "faces": calibration_set.face_hashes(IMAGES)})

    def difference():
        content = convert(checkpoint, variants.find(file_format, "int8"), calibration=calibrating)
        return np.abs(runtime(content).run(IMAGES) - checkpoint.predict(IMAGES)).max(axis=1).mean()

    found = difference()
    monkeypatch.setattr("fer_export.network.prepare.absorb_constants", lambda *_: 0)
    assert found < 0.5 * difference()


@pytest.mark.parametrize(("fine", "asked"), [(False, 1), (True, 0)])
def test_activations_of_16_bits_need_none(fine, asked, tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr("fer_export.network.prepare.absorb_constants", lambda *_: calls.append(1))
    checkpoint = checkpoint_of(classifier(lambda x: layers.Conv2D(4, 3, activation="elu")(x)), tmp_path)
    exportable(checkpoint, calibration=grey(8), fine_activations=fine)
    assert len(calls) == asked
