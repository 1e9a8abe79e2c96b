"""Loading networks of today's Keras: names, labels, scaling, what is refused and how."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from fer_export.checkpoint import checkpoint
from fer_export.dataset.pixels import batch_of
from fer_export.errors import UsageError
from helpers.checkpoints import network, pictures, refused, saved

# Keras's own model.save and get_weights under NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")


@pytest.mark.parametrize(
    ("ending", "scaling", "scale", "shift"),
    [(".keras", "unit", 255, 0), (".keras", "raw", 1, 0), (".h5", "signed", 127.5, 1), (".hdf5", "unit", 255, 0)],
)
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5")
def test_whole_networks_answer_alike(ending: str, scaling: str, scale: float, shift: float, tmp_path: Path) -> None:
    model = network()
    loaded = checkpoint.load(saved(model, tmp_path / f"My Net{ending}"), scaling=scaling)
    expected = np.asarray(model(pictures() / np.float32(scale) - shift))
    assert np.abs(loaded.predict(pictures()) - expected).max() < 1e-6
    assert (loaded.name, loaded.size, loaded.channels, loaded.softmax_added) == ("my-net", 48, 1, False)
    assert loaded.scale_and_shift == pytest.approx((1 / scale, -shift))
    assert json.loads(json.dumps(loaded.to_dict()))["scaling_source"] == "--scaling"


def test_sequential_and_large_batches(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((48, 48, 1)), layers.Flatten(), layers.Dense(6, activation="softmax")])
    loaded = checkpoint.load(saved(model, tmp_path / "a.keras"))
    images = np.random.default_rng(0).integers(0, 256, (600, 48, 48, 1), dtype=np.uint8)
    assert np.abs(loaded.predict(images) - np.asarray(model(images / np.float32(255)))).max() < 1e-6
    assert loaded.predict(images[:0]).shape == (0, 6)


def test_batches_of_large_pictures_are_small(tmp_path: Path) -> None:
    assert [batch_of(256, size) for size in (32, 48, 96, 224, 2000)] == [256, 256, 64, 11, 1]
    loaded = checkpoint.load(saved(network(shape=(480, 480, 1)), tmp_path / "a.keras"))
    images = np.random.default_rng(3).integers(0, 256, (5, 480, 480, 1), dtype=np.uint8)
    expected = loaded.network(images / np.float32(255), training=False)
    assert np.abs(loaded.predict(images) - np.asarray(expected)).max() < 1e-5


def test_architecture_and_weights_of_keras_3(tmp_path: Path) -> None:
    model = network()
    (tmp_path / "a.json").write_text(model.to_json())
    model.save_weights(tmp_path / "a.weights.h5")
    loaded = checkpoint.load(tmp_path / "a.json", weights=tmp_path / "a.weights.h5")
    assert np.abs(loaded.predict(pictures()) - np.asarray(model(pictures() / np.float32(255)))).max() < 1e-6
    refused("only weights", tmp_path / "a.weights.h5")
    refused(r"no such weights file", tmp_path / "a.json", weights=tmp_path / "b.h5")
    refused(r"drop `weights", saved(model, tmp_path / "a.keras"), weights=tmp_path / "a.weights.h5")


def test_grey_is_repeated_for_a_colour_network(tmp_path: Path) -> None:
    loaded = checkpoint.load(saved(network(shape=(48, 48, 3)), tmp_path / "a.keras"))
    grey = pictures()
    assert np.array_equal(loaded.predict(grey), loaded.predict(np.repeat(grey, 3, axis=-1)))
    with pytest.raises(UsageError, match=r"pass uint8 \[N, 48, 48, 3\]"):
        loaded.predict(grey[:, :47])
    with pytest.raises(UsageError, match="float32"):
        loaded.predict(grey.astype("float32"))


def test_half_precision_and_fixed_batch_become_plain(tmp_path: Path) -> None:
    keras.config.set_dtype_policy("mixed_float16")
    try:
        half = network()
        nested = keras.Sequential([keras.Input((48, 48, 1)), network(), layers.Dense(7, activation="softmax")])
    finally:
        keras.config.set_dtype_policy("float32")
    for model in (half, nested, network(batch=4)):
        loaded = checkpoint.load(saved(model, tmp_path / "a.keras"))
        assert loaded.network.input_shape == (None, 48, 48, 1)
        assert {layer.compute_dtype for layer in loaded.network._flatten_layers()} == {"float32"}
        expected = np.asarray(model(pictures()[:4] / np.float32(255)))
        assert np.abs(loaded.predict(pictures()[:4]) - expected).max() < 5e-3


def test_logits_get_a_softmax_and_it_is_told(tmp_path: Path) -> None:
    model = network(activation=None)
    loaded = checkpoint.load(saved(model, tmp_path / "a.keras"))
    expected = tf.nn.softmax(model(pictures() / np.float32(255)))
    assert np.abs(loaded.predict(pictures()) - expected).max() < 1e-6
    assert loaded.to_dict()["softmax_added"] is True


def nested_log_softmax() -> keras.Model:
    inputs = keras.Input((48, 48, 1))
    hidden = layers.Normalization(mean=0.5, variance=0.1)(inputs)
    return keras.Model(inputs, network(activation="log_softmax")(hidden))


def log_softmax_apart() -> keras.Model:
    return keras.Sequential([network(activation=None), layers.Activation("log_softmax")])


@pytest.mark.parametrize(
    "make",
    [lambda: network(activation="log_softmax"), nested_log_softmax, log_softmax_apart],
    ids=["", "nested", "apart"],
)
def test_log_probabilities_become_probabilities(make: Any, tmp_path: Path) -> None:
    model = make()
    loaded = checkpoint.load(saved(model, tmp_path / "a.keras"))
    expected = np.exp(model(pictures() / np.float32(255)))
    assert np.abs(loaded.predict(pictures()) - expected).max() < 1e-6
    assert loaded.softmax_added
    kept = [getattr(layer, "activation", None) for layer in loaded.network._flatten_layers()]
    assert keras.activations.log_softmax not in kept


@pytest.mark.parametrize(
    ("make", "pattern"),
    [
        (lambda: network(activation="relu"), r"ends in relu"),
        (lambda: network(activation="tanh"), r"ends in tanh"),
        (lambda: network(classes=1, activation="sigmoid"), r"at least 2 probabilities"),
        (lambda: network(shape=(48, 64, 1)), r"\[N, 48, 64, 1\].*square"),
        (lambda: network(shape=(48, 48, 2)), r"\[N, 48, 48, 2\].*grey or RGB"),
        (lambda: network(shape=(None, None, 1)), r"size is unknown"),
        (lambda: keras.Sequential([keras.Input((4096,)), layers.Dense(7, activation="softmax")]), r"\[N, 4096\]"),
        (lambda: keras.Sequential([keras.Input((48, 48, 1)), layers.Conv2D(7, 3)]), r"\[N, 46, 46, 7\]"),
    ],
)
def test_network_that_is_no_emotion_classifier(make: Any, pattern: str, tmp_path: Path) -> None:
    refused(pattern, saved(make(), tmp_path / "a.keras"))


def test_two_inputs_or_outputs(tmp_path: Path) -> None:
    first, second = keras.Input((48, 48, 1)), keras.Input((48, 48, 1))
    both = layers.Flatten()(layers.Add()([first, second]))
    refused("2 inputs", saved(keras.Model([first, second], layers.Dense(7)(both)), tmp_path / "a.keras"))
    flat = layers.Flatten()(first)
    refused(
        "2 outputs", saved(keras.Model(first, [layers.Dense(7)(flat), layers.Dense(2)(flat)]), tmp_path / "b.keras")
    )


def test_a_network_may_overflow_on_the_scaling_it_was_not_trained_on(tmp_path: Path) -> None:
    inputs = keras.Input((48, 48, 1))
    flat = layers.Flatten()(keras.ops.exp(inputs))
    path = saved(keras.Model(inputs, layers.Dense(7, activation="softmax")(flat)), tmp_path / "a.keras")
    assert checkpoint.load(path).size == 48


def test_not_finite_weights(tmp_path: Path) -> None:
    model = network()
    model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])
    refused("not finite", saved(model, tmp_path / "a.keras"))


@pytest.mark.parametrize(
    ("content", "pattern"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html>404", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
        (b"\x1c\0\0\0TFL3" + bytes(40), "TFLite"),
        (bytes(range(256)), "not a Keras network"),
        (b"PK\x03\x04" + bytes(60), "cut off or damaged"),
        (b"\x89HDF\r\n\x1a\n" + bytes(200), "cut off or damaged"),
        (b'{"class_name": "Sequential"', "cut off or damaged"),
        (b'{"labels": ["angry"]}', "no Keras architecture"),
        (b'"just a string"', "damaged|no Keras architecture"),
    ],
)
@pytest.mark.parametrize("ending", [".keras", ".h5", ".json"])
def test_files_that_are_no_network(content: bytes, pattern: str, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{ending}"
    path.write_bytes(content)
    refused(pattern, path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("share", [0.01, 0.3, 0.7, 0.99])
def test_cut_archive(share: float, tmp_path: Path) -> None:
    path = saved(network(), tmp_path / "a.keras")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    refused("again", path)


def test_damaged_parts_of_an_archive(tmp_path: Path) -> None:
    whole = saved(network(), tmp_path / "a.keras")
    with zipfile.ZipFile(whole) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for name, content in (
        ("config.json", b"{"),
        ("config.json", b"[]"),
        ("model.weights.h5", b"no"),
        ("metadata.json", b"3"),
    ):
        path = tmp_path / "b.keras"
        with zipfile.ZipFile(path, "w") as archive:
            for part in parts:
                archive.writestr(part, content if part == name else parts[part])
        refused("again|damaged", path)
    with zipfile.ZipFile(tmp_path / "c.keras", "w") as archive:
        archive.writestr("readme.txt", "hello")
    refused("zip file without a Keras network", tmp_path / "c.keras")


def test_hdf5_of_something_else(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["faces"] = np.zeros(3)
    refused("without a Keras network", tmp_path / "a.h5")


def test_network_folder(tmp_path: Path) -> None:
    saved(network(), tmp_path / "model.keras")
    assert "assumed for 7 outputs" in checkpoint.load(tmp_path).labels_source
    (tmp_path / "card.json").write_text("{")
    refused("not valid JSON", tmp_path)
    (tmp_path / "card.json").write_text('{"scaling": "none"}')
    refused("scaling 'none'", tmp_path)
    (tmp_path / "card.json").write_text('{"labels": 7}')
    refused("not a list of names", tmp_path)
    (tmp_path / "card.json").write_text(json.dumps({"labels": list("gfedcba"), "scaling": "raw"}))
    by_file = checkpoint.load(tmp_path / "model.keras")
    assert (by_file.folder, by_file.labels, by_file.scaling) == (tmp_path, tuple("gfedcba"), "raw")
    assert checkpoint.load(tmp_path, labels="a,b,c,d,e,f,g").labels_source == "--labels"


@pytest.mark.parametrize(
    ("classes", "first", "source"), [(6, "angry", "report"), (7, "angry", "FER2013"), (8, "neutral", "FER+")]
)
def test_assumed_labels_say_so(classes: int, first: str, source: str, tmp_path: Path) -> None:
    loaded = checkpoint.load(saved(network(classes), tmp_path / "a.keras"))
    assert loaded.labels[0] == first
    assert source in loaded.labels_source
    assert "`labels" in loaded.labels_source


def test_labels_of_every_kind(tmp_path: Path) -> None:
    path = saved(network(3), tmp_path / "a.keras")
    refused(r"3 outputs.*`labels", path)
    expected = ("happy", "sad", "neutral")
    files = {
        "lines.txt": "Happiness\nsad\nNeutral\n\n",
        "one.txt": "joy, Sad, neutral",
        "list.json": '["Happy", "Sad", "Neutral"]',
        "positions.json": '{"0": "Happy", "1": "Sad", "2": "Neutral"}',
        "indices.json": '{"Sad": 1, "Neutral": 2, "Happy": 0}',
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        for given in (tmp_path / name, str(tmp_path / name)):
            loaded = checkpoint.load(path, labels=given)
            assert (loaded.labels, loaded.labels_source) == (expected, name)
    assert checkpoint.load(path, labels="Happy, Sad,neutral").labels == expected
    assert checkpoint.load(path, labels=["Happy", "Sad", "neutral"]).labels == expected
    refused(r"2 labels.*3 outputs", path, labels="happy,sad")
    refused(r"'happy' twice", path, labels="happy,joy,sad")
    refused("empty name", path, labels="happy,,sad")
    refused("not a readable file", path, labels="labels.txt")
    (tmp_path / "bad.json").write_text('{"0": "Happy", "2": "Sad"}')
    refused("not a list of names", path, labels=tmp_path / "bad.json")
    with pytest.raises(UsageError, match="`scaling=unit, signed, raw"):
        checkpoint.load(path, scaling="0-1")


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5")
@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_lambda_runs_only_when_trusted(ending: str, tmp_path: Path) -> None:
    inputs = keras.Input((48, 48, 1))
    x = layers.Lambda(lambda x: x * 2.0, output_shape=(48, 48, 1), name="twice")(inputs)
    model = keras.Model(inputs, layers.Dense(7, activation="softmax")(layers.Flatten()(x)))
    path = saved(model, tmp_path / f"a{ending}")
    refused(r"Lambda layer 'twice'.*`trust=True", path)
    loaded = checkpoint.load(path, trust=True)
    assert np.abs(loaded.predict(pictures()) - np.asarray(model(pictures() / np.float32(255)))).max() < 1e-6


def test_custom_class_runs_only_when_trusted_and_known(tmp_path: Path) -> None:
    class Twice(layers.Layer):
        def call(self, x: Any) -> Any:
            return x * 2.0

    model = keras.Sequential(
        [keras.Input((48, 48, 1)), Twice(name="t"), layers.Flatten(), layers.Dense(7, activation="softmax")]
    )
    path = saved(model, tmp_path / "a.keras")
    refused(r"(?i)custom.*Twice.*`trust=True", path)
    refused("register its class", path, trust=True)
    with keras.saving.custom_object_scope({"Twice": Twice}):
        refused("`trust=True", path)
        assert checkpoint.load(path, trust=True).size == 48


@pytest.mark.parametrize(
    "part",
    [
        {"module": "os", "class_name": "system", "config": {}, "registered_name": None},
        {"module": "builtins", "class_name": "function", "config": "exec", "registered_name": "function"},
        {"module": "keras.utils", "class_name": "function", "config": "get_file", "registered_name": "get_file"},
        {"class_name": "__lambda__", "config": {"value": "4wAAAA=="}},
    ],
)
def test_code_hidden_in_an_option_is_found(part: dict[str, Any], tmp_path: Path) -> None:
    whole = saved(network(), tmp_path / "a.keras")
    with zipfile.ZipFile(whole) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    config["config"]["layers"][1]["config"]["activation"] = part
    with zipfile.ZipFile(tmp_path / "b.keras", "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, json.dumps(config) if name == "config.json" else content)
    refused("`trust=True", tmp_path / "b.keras")


def test_augmentation_inside_the_network_is_off(tmp_path: Path) -> None:
    model = keras.Sequential(
        [keras.Input((48, 48, 1)), layers.RandomFlip(), layers.Flatten(), layers.Dense(7, activation="softmax")]
    )
    loaded = checkpoint.load(saved(model, tmp_path / "a.keras"))
    assert np.array_equal(loaded.predict(pictures()), loaded.predict(pictures()))


def functional(prepare: Any) -> keras.Model:
    """A network that does this to its input first."""
    inputs = keras.Input((48, 48, 1))
    body = network()
    return keras.Model(inputs, body(prepare(inputs)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("prepare", "scaling"),
    [
        (keras.Sequential([layers.RandomFlip(), layers.RandomRotation(0.1), layers.RandomZoom(0.1)]), "unit"),
        (lambda x: layers.Rescaling(1 / 255)(layers.RandomZoom(0.1)(layers.RandomRotation(0.1)(x))), "raw"),
        (keras.Sequential([keras.Sequential([layers.RandomFlip()]), layers.Rescaling(1 / 127.5, -1)]), "raw"),
        (layers.Rescaling(2.0, -1), "unit"),
        (lambda x: x / 255.0, "raw"),
        (lambda x: x * 2.0 - 1.0, "unit"),
        (lambda x: (keras.ops.cast(x, "float32") - 127.5) * (1 / 127.5), "raw"),
        (keras.applications.mobilenet_v2.preprocess_input, "raw"),
        (layers.Normalization(mean=129.0, variance=4225.0), "raw"),
        (layers.Normalization(mean=0.5, variance=0.1), "unit"),
        (lambda x: layers.Rescaling(1 / 255)(layers.BatchNormalization()(x)), "unit"),
    ],
)
def test_a_network_that_scales_itself_takes_bytes(prepare: Any, scaling: str, tmp_path: Path) -> None:
    loaded = checkpoint.load(saved(functional(prepare), tmp_path / "a.keras"))
    assert loaded.scaling == scaling


def test_a_normalization_layer_keeps_its_statistics_when_the_batch_size_is_freed(tmp_path):
    scale = layers.Normalization(axis=None, mean=0.4, variance=0.09)
    adapted = layers.Normalization(axis=-1)
    adapted.adapt(np.random.default_rng(0).normal(0.3, 0.2, (50, 8, 8, 1)).astype("float32"))
    inputs = keras.Input(batch_shape=(1, 8, 8, 1))
    outputs = layers.Dense(6, activation="softmax")(layers.Flatten()(adapted(scale(inputs))))
    network = keras.Model(inputs, outputs)
    network.save(tmp_path / "fixed.keras")
    images = np.random.default_rng(1).integers(0, 256, (1, 8, 8, 1), dtype=np.uint8)
    expected = network(images.astype("float32") / 255).numpy()
    assert np.abs(checkpoint.load(tmp_path / "fixed.keras").predict(images) - expected).max() < 1e-5
