"""The scaling that a network's first layers tell."""

import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from fer_export.checkpoint import checkpoint
from fer_export.checkpoint.checkpoint import Checkpoint

SIDE = 24


def body(x: Any) -> Any:
    x = layers.Conv2D(3, 3, strides=2, activation="relu")(x)
    return layers.Dense(7, activation="softmax")(layers.GlobalAveragePooling2D()(x))


def network(prepare: Any, channels: int = 1) -> keras.Model:
    keras.utils.set_random_seed(1)
    inputs = keras.Input((SIDE, SIDE, channels))
    return keras.Model(inputs, body(prepare(inputs)))


def loaded(model: keras.Model, folder: Path, **options: Any) -> Checkpoint:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "__array__ implementation doesn't accept a copy keyword")
        model.save(folder / "a.keras")
    return checkpoint.load(folder / "a.keras", **options)


def with_statistics(mean: float, deviation: float) -> keras.Model:
    model = network(layers.BatchNormalization())
    norm = next(layer for layer in model.layers if isinstance(layer, layers.BatchNormalization))
    norm.moving_mean.assign([mean])
    norm.moving_variance.assign([deviation**2])
    return model


@pytest.mark.parametrize(
    ("mean", "deviation", "scaling"), [(129.0, 64.0, "raw"), (0.507, 0.25, "unit"), (0.01, 0.5, "signed")]
)
def test_a_batch_norm_over_the_pictures_holds_their_mean(mean, deviation, scaling, tmp_path):
    found = loaded(with_statistics(mean, deviation), tmp_path)
    assert (found.scaling, found.scaling_from) == (scaling, "assumed")
    assert "statistics of" in found.scaling_source


@pytest.mark.parametrize(("mean", "scaling"), [(129.0, "raw"), (0.507, "unit"), (0.01, "signed")])
def test_a_batch_norm_behind_the_first_convolution_tells_it_too(mean, scaling, tmp_path):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((SIDE, SIDE, 1))
    first, norm = layers.Conv2D(8, 3, use_bias=False), layers.BatchNormalization()
    model = keras.Model(inputs, body(layers.ReLU()(norm(first(inputs)))))
    kernel = np.random.default_rng(1).normal(0, 0.3, (3, 3, 1, 8))
    first.set_weights([kernel])
    norm.moving_mean.assign(mean * kernel.sum(axis=(0, 1, 2)))
    assert loaded(model, tmp_path).scaling == scaling


def test_untrained_statistics_say_nothing(tmp_path):
    found = loaded(network(layers.BatchNormalization()), tmp_path)
    assert (found.scaling, found.scaling_from) == ("unit", "assumed")
    assert "nothing says" in found.scaling_source


@pytest.mark.parametrize(
    ("prepare", "scaling"),
    [
        (layers.Lambda(lambda x: x / 255.0), "raw"),
        (layers.Lambda(lambda x: (x - 127.5) / 127.5), "raw"),
        (layers.Lambda(lambda x: x * 2.0 - 1.0), "unit"),
        (layers.Rescaling(1 / 127.5, -1), "raw"),
        (lambda x: layers.Rescaling(1 / 255)(layers.Resizing(32, 32)(x)), "raw"),
        (lambda x: layers.Rescaling(1 / 255)(layers.ZeroPadding2D(2)(x)), "raw"),
    ],
)
def test_what_layers_compute_is_run(prepare, scaling, tmp_path):
    found = loaded(network(prepare), tmp_path, trust=True)
    assert (found.scaling, found.scaling_from) == (scaling, "network")


@pytest.mark.parametrize(
    "prepare",
    [
        lambda x: keras.applications.mobilenet_v2.preprocess_input(x),
        lambda x: keras.applications.vgg16.preprocess_input(x * 1.0),
        lambda x: tf.keras.applications.imagenet_utils.preprocess_input(x, mode="torch"),
    ],
)
def test_preprocessing_of_keras_applications(prepare, tmp_path):
    found = loaded(network(layers.Lambda(prepare, output_shape=(SIDE, SIDE, 3)), channels=3), tmp_path, trust=True)
    assert found.scaling == "raw"


@pytest.mark.parametrize("scale", [None, 1 / 255])
def test_a_savedmodels_first_operations(scale, tmp_path):
    model = network(layers.Rescaling(scale) if scale else layers.ZeroPadding2D(1))
    model.export(tmp_path / "saved", verbose=False)
    found = checkpoint.load(tmp_path / "saved")
    assert (found.scaling, found.scaling_from) == (("raw", "network") if scale else ("unit", "assumed"))
