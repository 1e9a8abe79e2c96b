"""Networks whose input or output has another form: channels first, rows, a row of pixels, a dictionary, a pixel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from fer_export.checkpoint import checkpoint
from fer_export.contract import variants
from fer_export.convert import convert
from fer_export.errors import CheckpointError
from fer_export.runtimes import open_runtime
from helpers.networks import answers, checkpoint_of, grey, randomised, scaled

# Keras's own model.save under NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")

FIRST = {"data_format": "channels_first"}


def plain(x: Any) -> Any:
    x = layers.Conv2D(4, 3, padding="same", activation="relu", **FIRST)(x)
    x = layers.MaxPooling2D(2, **FIRST)(layers.BatchNormalization(axis=1)(x))
    return layers.Flatten()(x)


def squeezed(x: Any) -> Any:
    x = layers.ReLU()(layers.BatchNormalization(axis=1)(layers.DepthwiseConv2D(3, depth_multiplier=4, **FIRST)(x)))
    factors = layers.Dense(x.shape[1], activation="sigmoid")(layers.GlobalAveragePooling2D(**FIRST)(x))
    x = layers.Multiply()([x, layers.Reshape((-1, 1, 1))(factors)])
    return layers.Flatten(**FIRST)(x)


def joined(x: Any) -> Any:
    x = layers.Conv2D(4, 3, padding="same", **FIRST)(x)
    more = layers.PReLU(shared_axes=[2, 3])(layers.SpatialDropout2D(0.2, **FIRST)(x))
    x = layers.Concatenate(axis=1)([x, more])
    return layers.GlobalAveragePooling2D(**FIRST)(layers.Add()([x, layers.GroupNormalization(2, axis=1)(x)]))


def nested(x: Any) -> Any:
    inner = keras.Sequential([keras.Input(x.shape[1:]), layers.Conv2D(4, 3, **FIRST), layers.LeakyReLU()], name="inner")
    return layers.Flatten()(layers.AveragePooling2D(2, **FIRST)(inner(x)))


def shared(x: Any) -> Any:
    convolution = layers.Conv2D(x.shape[1], 3, padding="same", **FIRST)
    x = layers.UpSampling2D(2, **FIRST)(convolution(layers.Activation("tanh")(convolution(x))))
    return layers.GlobalMaxPooling2D(**FIRST)(layers.Permute((2, 3, 1))(layers.Permute((3, 1, 2))(x)))


def network(shape: tuple[int, ...], body: Callable[[Any], Any]) -> keras.Model:
    given = keras.Input(shape)
    return randomised(keras.Model(given, layers.Dense(7, activation="softmax")(body(given))))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("body", [plain, squeezed, joined, nested, shared])
def test_channels_first_becomes_channels_last(body: Callable[[Any], Any], channels: int, tmp_path: Path) -> None:
    model = network((channels, 16, 16), body)
    loaded = checkpoint_of(model, tmp_path)
    images = scaled(grey(3, channels=channels))
    assert (loaded.size, loaded.channels) == (16, channels)
    assert answers(loaded.network, images) == pytest.approx(answers(model, images.transpose(0, 3, 1, 2)), abs=1e-5)
    formats = {getattr(layer, "data_format", None) for layer in loaded.network._flatten_layers()}
    assert "channels_first" not in formats


def test_layers_of_values_stay_in_the_order_of_the_convolutions(tmp_path: Path) -> None:
    loaded = checkpoint_of(network((1, 16, 16), plain), tmp_path)
    kinds = [type(layer).__name__ for layer in loaded.network.layers]
    assert kinds == ["InputLayer", "Conv2D", "BatchNormalization", "MaxPooling2D", "Permute", "Flatten", "Dense"]


@pytest.mark.parametrize("file_format", ["tflite", "onnx"])
def test_a_channels_first_network_is_exported(file_format: str, tmp_path: Path) -> None:
    loaded, images = checkpoint_of(network((1, 16, 16), plain), tmp_path), grey(3)
    with open_runtime(convert(loaded, variants.find(file_format, "none"))) as opened:
        assert opened.run(images) == pytest.approx(loaded.predict(images), abs=1e-5)


def test_channels_first_inside_a_channels_last_network(tmp_path: Path) -> None:
    model = network((16, 16, 1), lambda x: plain(layers.Permute((3, 1, 2))(x)))
    loaded, images = checkpoint_of(model, tmp_path), scaled(grey(3))
    assert answers(loaded.network, images) == pytest.approx(answers(model, images), abs=1e-5)
    assert [type(layer).__name__ for layer in loaded.network.layers].count("Permute") == 1  # in front of Flatten


@pytest.mark.parametrize(
    ("shape", "body"),
    [
        ((16, 16), lambda x: layers.GRU(4)(x)),
        ((2304,), lambda x: layers.Dense(8, activation="relu")(x)),
        ((400,), lambda x: layers.Flatten()(layers.Conv2D(4, 3)(layers.Reshape((20, 20, 1))(x)))),
    ],
    ids=["rows", "a row of FER2013", "reshaped"],
)
def test_pixels_in_rows_or_in_one_are_a_grey_picture(
    shape: tuple[int, ...], body: Callable[[Any], Any], tmp_path: Path
) -> None:
    model = network(shape, body)
    loaded = checkpoint_of(model, tmp_path)
    images = scaled(grey(3, side=loaded.size))
    assert (loaded.size**2, loaded.channels) == (np.prod(shape), 1)
    assert answers(loaded.network, images) == pytest.approx(answers(model, images.reshape(3, *shape)), abs=1e-6)


@pytest.mark.parametrize("shape", [(400,), (4096,), (10, 10), (16, 20), (2, 16, 16)])
def test_other_inputs_are_no_picture(shape: tuple[int, ...], tmp_path: Path) -> None:
    model = network(shape, layers.Flatten())
    with pytest.raises(CheckpointError, match="square"):
        checkpoint_of(model, tmp_path)


def unsized(channels: int) -> keras.Model:
    """A backbone without input_shape, with a part that has none either."""
    given = keras.Input((None, None, channels))
    inner = keras.Sequential([keras.Input((None, None, 4)), layers.DepthwiseConv2D(3), layers.BatchNormalization()])
    x = layers.BatchNormalization()(layers.Conv2D(4, 3, name="first")(given))
    return keras.Model(given, layers.ReLU()(inner(x)), name="backbone")


def after_unsized(x: Any) -> Any:
    return layers.Flatten()(layers.MaxPooling2D(2)(unsized(x.shape[-1])(x)))


def twice_unsized(x: Any) -> Any:
    backbone = unsized(1)
    both = [backbone(x), backbone(layers.MaxPooling2D(2)(x))]
    return layers.Concatenate()([layers.GlobalAveragePooling2D()(each) for each in both])


@pytest.mark.parametrize("file_format", ["tflite", "onnx"])
@pytest.mark.parametrize(("channels", "body"), [(1, after_unsized), (3, after_unsized), (1, twice_unsized)])
def test_a_backbone_of_any_size(file_format: str, channels: int, body: Callable[[Any], Any], tmp_path: Path) -> None:
    model = network((16, 16, channels), body)
    loaded, images = checkpoint_of(model, tmp_path, scaling="unit"), grey(3, channels=channels)
    assert loaded.predict(images) == pytest.approx(answers(model, scaled(images)), abs=1e-5)
    content = convert(loaded, variants.find(file_format, "none"), input_kind="gray" if channels == 1 else "rgb")
    with open_runtime(content) as opened:
        assert opened.run(images) == pytest.approx(loaded.predict(images), abs=1e-5)


def test_pictures_of_any_size_that_are_resized_have_that_size(tmp_path: Path) -> None:
    def body(x: Any) -> Any:
        return layers.Flatten()(layers.Conv2D(4, 3)(layers.Resizing(16, 16)(layers.Rescaling(1 / 255)(x))))

    model = network((None, None, 1), body)
    loaded, images = checkpoint_of(model, tmp_path), grey(3)
    assert (loaded.size, loaded.scaling) == (16, "raw")
    assert loaded.predict(images) == pytest.approx(answers(model, images.astype("float32")), abs=1e-5)


def test_pictures_of_any_size_need_the_network_again(tmp_path: Path) -> None:
    model = network((None, None, 3), lambda x: layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(x)))
    with pytest.raises(CheckpointError, match=r"Input\(\(48, 48, 3\)\), network"):
        checkpoint_of(model, tmp_path)
    again = keras.Sequential([keras.Input((48, 48, 3)), model])
    assert checkpoint_of(again, tmp_path, name="again").size == 48


def test_a_backbone_keeps_its_name_and_learns_its_size(tmp_path: Path) -> None:
    loaded = checkpoint_of(network((16, 16, 1), after_unsized), tmp_path).network
    assert loaded.get_layer("backbone").get_layer("first").output.shape == (None, 14, 14, 4)


def pooled(x: Any) -> Any:
    return layers.GlobalAveragePooling2D(keepdims=True)(layers.Conv2D(4, 3, activation="relu")(x))


def in_dictionary(x: Any) -> Any:
    return {"emotion": layers.Dense(7, activation="softmax")(layers.Flatten()(pooled(x)))}


def nested_pixel(x: Any) -> Any:
    head = keras.Sequential([keras.Input((1, 1, 4)), layers.Conv2D(7, 1, activation="softmax")])
    return head(pooled(x))


@pytest.mark.parametrize(
    "answer",
    [
        in_dictionary,
        lambda x: layers.Conv2D(7, 1, activation="softmax")(pooled(x)),
        lambda x: layers.Softmax()(layers.Conv2D(7, 1)(pooled(x))),
        lambda x: layers.Activation("softmax")(layers.Conv2D(7, 1)(pooled(x))),
        lambda x: keras.ops.softmax(layers.Dense(7)(layers.Flatten()(pooled(x)))),
        nested_pixel,
    ],
    ids=["dictionary", "convolution", "softmax", "activation", "operation", "nested"],
)
def test_one_row_of_answers_in_any_form(answer: Callable[[Any], Any], tmp_path: Path) -> None:
    given = keras.Input((16, 16, 1))
    model = randomised(keras.Model(given, answer(given)))
    loaded, images = checkpoint_of(model, tmp_path), scaled(grey(3))
    expected = model(images, training=False)
    expected = np.asarray(expected["emotion"] if isinstance(expected, dict) else expected).reshape(3, 7)
    assert answers(loaded.network, images) == pytest.approx(expected, abs=1e-6)
    assert not loaded.softmax_added
    last = loaded.network.layers[-1]
    assert isinstance(last, layers.Softmax) or last.activation is keras.activations.softmax


def test_logits_of_one_pixel_get_a_softmax(tmp_path: Path) -> None:
    given = keras.Input((16, 16, 1))
    model = randomised(keras.Model(given, layers.Conv2D(7, 1)(pooled(given))))
    loaded, images = checkpoint_of(model, tmp_path), scaled(grey(3))
    logits = answers(model, images).reshape(3, 7)
    assert answers(loaded.network, images) == pytest.approx(np.asarray(keras.ops.softmax(logits)), abs=1e-6)
    assert loaded.softmax_added


def test_an_input_by_name(tmp_path: Path) -> None:
    given = keras.Input((16, 16, 1), name="face")
    model = randomised(keras.Model({"face": given}, layers.Dense(7, activation="softmax")(layers.Flatten()(given))))
    loaded, images = checkpoint.load(_saved(model, tmp_path)), grey(3)
    assert loaded.predict(images) == pytest.approx(np.asarray(model({"face": scaled(images)})), abs=1e-6)


def _saved(model: keras.Model, folder: Path) -> Path:
    model.save(folder / "named.keras")
    return folder / "named.keras"
