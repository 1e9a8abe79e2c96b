"""A narrower network with the strongest channels of a trained one."""

import keras
import numpy as np
import pytest
from benchmarks.training.pruned import pruned

from fer_export.training import networks
from fer_export.training.networks import Residual
from helpers.networks import answers, randomised

WIDE, NARROW = Residual(5, (6, 7, 6), (1, 2, 1), 0.1), Residual(4, (5, 4, 4), (1, 2, 1), 0.1)


@pytest.fixture
def wide(monkeypatch):
    monkeypatch.setitem(networks.NETWORKS, "wide", WIDE)
    monkeypatch.setitem(networks.NETWORKS, "narrow", NARROW)
    return randomised(networks.build("wide", 6))


@pytest.fixture
def faces():
    return np.random.default_rng(0).random((8, 48, 48, 1), dtype=np.float32)


def test_a_network_of_the_same_width_is_the_same(wide, faces):
    found = pruned(wide, networks.build("wide", 6))
    assert np.array_equal(answers(found, faces), answers(wide, faces))


def test_channels_that_are_silent_go(wide, faces):
    # As many as the narrower network lacks, at other places in each stage.
    silent = {"stem": [2], "stage1": [0], "stage2": [1, 4, 6], "stage3": [3, 5]}
    for layer in wide.layers:
        places = silent.get(layer.name.split("_")[0], [])
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, *statistics = layer.get_weights()
            gamma[places] = beta[places] = 0
            layer.set_weights([gamma, beta, *statistics])
    found = pruned(wide, networks.build("narrow", 6))
    assert found.get_layer("stage2_conv").get_weights()[0].shape == (3, 3, 5, 4)
    assert np.allclose(answers(found, faces), answers(wide, faces), atol=1e-6)


def test_the_weakest_channels_go(wide):
    norm = wide.get_layer("stem_norm")
    gamma, *rest = norm.get_weights()
    gamma[3] = 1e-3
    norm.set_weights([gamma, *rest])
    found = pruned(wide, networks.build("narrow", 6))
    assert np.array_equal(found.get_layer("stem_norm").get_weights()[0], np.delete(gamma, 3))
