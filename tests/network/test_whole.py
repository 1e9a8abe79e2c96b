"""Separable convolutions computed whole: exactly the same function, under the same names."""

import keras
import numpy as np
import pytest
from keras import layers

from fer_export.errors import ExportFileError
from fer_export.network import separable, whole, with_whole
from helpers.networks import checkpoint_of, classifier, grey


def body(x):
    x = layers.SeparableConv2D(6, 3, padding="same", activation="relu", name="first")(x)
    x = layers.SeparableConv2D(8, 3, strides=2, depth_multiplier=2, use_bias=False, name="second")(x)
    x = layers.Conv2D(8, 1, name="plain")(x)
    inner = keras.Sequential([keras.Input(x.shape[1:]), layers.SeparableConv2D(4, 3, dilation_rate=2, name="inner")])
    inner.add(layers.Conv2D(4, 1, name="first"))  # named as another one outside
    return inner(x)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return checkpoint_of(classifier(body), tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize("names", [("first",), ("second", "inner"), ("first", "second", "inner")])
def test_it_computes_the_same(checkpoint, names):
    made = with_whole(checkpoint, names)
    assert made.whole == names
    assert made.sha256 == checkpoint.sha256
    np.testing.assert_allclose(made.predict(grey(8)), checkpoint.predict(grey(8)), atol=1e-6)
    assert set(separable(made.network)) == {"first", "second", "inner"} - set(names)


def test_large_ones_are_left(checkpoint, monkeypatch):
    assert separable(checkpoint.network) == ("first", "second", "inner")
    monkeypatch.setattr(whole, "LARGEST", 9 * 8 * 4)
    assert "second" not in separable(checkpoint.network)


@pytest.mark.parametrize("names", [["plain"], ["nothing"], [["first"]], "first", 3])
def test_other_names_are_refused(checkpoint, names):
    """A file of somebody else may hold any."""
    with pytest.raises(ExportFileError, match="names convolutions that .* does not have"):
        with_whole(checkpoint, names)
