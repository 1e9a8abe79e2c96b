"""Batch-norm statistics estimated again on the faces as they are, and kept only where accuracy rises."""

import json

import keras
import numpy as np
import pytest

from fer_export.training import networks, trainer
from fer_export.training.methods import batch_norm_refit
from fer_export.training.networks import Residual
from fer_export.training.plan import Setup
from fer_export.training.recipe import Recipe
from fer_export.training.trainer import Examples

# Keras's own model.save under NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")


def normed(units=3):
    """A network of one batch norm behind a dense layer whose outputs are known."""
    inputs = keras.Input((4, 4, 1))
    x = keras.layers.Dense(units, use_bias=False, name="first")(keras.layers.Flatten()(inputs))
    outputs = keras.layers.Dense(2, activation="softmax")(keras.layers.BatchNormalization(name="norm")(x))
    return keras.Model(inputs, outputs)


@pytest.mark.parametrize(("count", "batches"), [(3 * batch_norm_refit.BATCH + 100, 3), (40, 1)])
def test_statistics_are_the_means_over_whole_batches(count, batches):
    network = normed()
    faces = np.random.default_rng(0).integers(0, 256, (count, 4, 4, 1), dtype=np.uint8)
    batch_norm_refit.settle(network, faces, seed=7)
    order = np.random.default_rng(7).permutation(count)[: batches * min(count, batch_norm_refit.BATCH)]
    values = (faces[order] / 255).reshape(len(order), -1) @ network.get_layer("first").get_weights()[0]
    parts = np.split(values, batches)
    norm = network.get_layer("norm")
    np.testing.assert_allclose(norm.moving_mean, np.mean([part.mean(axis=0) for part in parts], axis=0), atol=1e-5)
    np.testing.assert_allclose(norm.moving_variance, np.mean([part.var(axis=0) for part in parts], axis=0), atol=1e-5)
    assert norm.momentum == 0.99


def bright(count, seed):
    """Faces whose brightness tells which of six."""
    targets = np.arange(count) % 6
    noise = np.random.default_rng(seed).integers(0, 20, (count, 48, 48, 1))
    return Examples((noise + 40 * targets[:, None, None, None]).astype(np.uint8), targets)


@pytest.mark.slow
@pytest.mark.parametrize("better", [True, False])
def test_a_run_keeps_what_judges_better(tmp_path, monkeypatch, better):
    monkeypatch.setitem(networks.NETWORKS, "thin", Residual(2, (2, 2, 2), (1, 1, 1), 0.1))

    def improve(network, images, validation, targets, seed):
        network.get_layer("stem_norm").moving_mean.assign([5.0, 6.0])
        return batch_norm_refit.Settled(0.5, better)

    monkeypatch.setattr(batch_norm_refit, "improve", improve)
    recipe = Recipe(batch_size=8, epochs=1, settling=True)
    result = trainer.train(Setup("thin", 6, recipe), bright(24, 0), bright(12, 1), tmp_path)
    assert result.settled.kept is better
    assert json.loads((tmp_path / "history.json").read_text())["settled"] == result.settled.to_dict()
    written = keras.models.load_model(tmp_path / "model.keras", compile=False)
    assert (written.get_layer("stem_norm").moving_mean.numpy().tolist() == [5.0, 6.0]) is better


def test_settled_figures_are_of_the_network():
    network, judged = normed(), np.random.default_rng(1).integers(0, 256, (30, 4, 4, 1), dtype=np.uint8)

    def share():
        return float((network.predict(judged / np.float32(255), verbose=0).argmax(axis=1) == 0).mean())

    before = share()
    found = batch_norm_refit.improve(network, judged, judged, np.zeros(30, np.int64), seed=1)
    assert found.val_accuracy == pytest.approx(share(), abs=1e-5)
    assert found.kept is (share() > before)
