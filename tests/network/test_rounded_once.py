"""Files of one network that differ behind its last convolution have it rounded once."""

import numpy as np
import pytest
from keras import layers

from fer_export.network import fitting, prepare
from helpers.networks import checkpoint_of, classifier, grey, report_like

FACES = grey(40)


@pytest.fixture
def fits(monkeypatch):
    """One entry for every network that is rounded."""
    found = []

    def counted(*arguments, **named):
        found.append(named)
        return fitting.fit(*arguments, **named)

    monkeypatch.setattr(prepare, "fit", counted)
    return found


@pytest.fixture
def checkpoint(tmp_path):
    return checkpoint_of(report_like(), tmp_path)


def weights(network):
    """Of the convolutions and dense layers that both kinds of file have."""
    inner = next(layer for layer in network.layers if hasattr(layer, "layers"))
    return {layer.name: layer.get_weights() for layer in inner.layers if isinstance(layer, layers.Conv2D)}


def test_another_head_takes_the_same_rounding(checkpoint, fits):
    narrow = weights(prepare.exportable(checkpoint, calibration=FACES, narrow_logits=True))
    wide = weights(prepare.exportable(checkpoint, calibration=FACES))
    assert len(fits) == 1
    anew = weights(prepare.exportable(checkpoint, calibration=FACES.copy()))
    assert len(fits) == 2
    common = wide.keys() & narrow.keys()
    assert len(common) == 2
    for name in common:
        for found in (narrow, wide):
            assert all(np.array_equal(one, other) for one, other in zip(found[name], anew[name], strict=True))


def test_the_network_is_rounded_again_where_it_differs(checkpoint, fits, tmp_path):
    prepare.exportable(checkpoint, calibration=FACES)
    layer = next(layer for layer in checkpoint.network.layers if isinstance(layer, layers.Conv2D))
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel * 1.5, bias])
    prepare.exportable(checkpoint, calibration=FACES)
    other = checkpoint_of(report_like(), tmp_path)
    prepare.exportable(other, calibration=FACES)
    assert len(fits) == 3


def test_depthwise_networks_are_fitted_for_each_file(fits, tmp_path):
    network = classifier(lambda x: layers.SeparableConv2D(6, 3)(layers.Conv2D(4, 3)(x)))
    checkpoint = checkpoint_of(network, tmp_path)
    for fine in (False, True):
        prepare.exportable(checkpoint, calibration=FACES, fine_activations=fine)
    assert [fit["fine_activations"] for fit in fits] == [False, True]
