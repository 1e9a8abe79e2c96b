"""Networks as other releases of Keras wrote them, quantised, tuned, with Lambdas of notebooks, and weights alone."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from keras import ops as K  # noqa: N812, as notebooks call it

from fer_export.checkpoint import checkpoint
from fer_export.contract import variants
from fer_export.convert import convert
from fer_export.errors import CheckpointError
from fer_export.runtimes import LiteRt, OnnxRuntime
from helpers.checkpoints import refused
from helpers.networks import answers, classifier, randomised, report_like

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")
SIDE = 16
IMAGES = np.random.default_rng(0).integers(0, 256, (4, SIDE, SIDE, 1), dtype=np.uint8)


def rewritten(path: Path, change) -> Path:
    """A file of Keras 3 whose description was changed in place."""
    if path.suffix == ".h5":
        with h5py.File(path, "r+") as file:
            config = json.loads(file.attrs["model_config"])
            for layer in config["config"]["layers"]:
                change(layer)
            file.attrs["model_config"] = json.dumps(config)
        return path
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    for layer in config["config"]["layers"]:
        change(layer)
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def saved(model: keras.Model, path: Path) -> Path:
    model.save(path)
    return path


def expected(model: keras.Model, scale: float = 255.0) -> np.ndarray:
    return answers(model, IMAGES.astype("float32") / np.float32(scale))


def same(loaded: checkpoint.Checkpoint, model: keras.Model) -> bool:
    return bool(np.abs(loaded.predict(IMAGES) - expected(model)).max() < 1e-5)


def augmented() -> keras.Model:
    return classifier(lambda x: layers.Conv2D(4, 3, activation="relu")(layers.RandomRotation(0.1)(x)))


def add(class_name: str, **options):
    def change(layer):
        if layer["class_name"] == class_name:
            layer["config"].update(options)

    return change


@pytest.mark.parametrize(
    "change",
    [
        add("RandomRotation", value_range=[0, 255], another=7),
        add("Conv2D", quantised_somehow=None, renamed=False),
        add("Dense", kernel_quantizer=None, jit_compile=True),
    ],
)
@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_options_that_this_keras_does_not_have(change, ending, tmp_path):
    model = augmented()
    assert same(checkpoint.load(rewritten(saved(model, tmp_path / f"a{ending}"), change)), model)


def test_an_option_that_may_change_the_answer_is_refused_with_kerass_last_line(tmp_path):
    path = rewritten(saved(augmented(), tmp_path / "a.keras"), add("Conv2D", ring_padding=3))
    with pytest.raises(CheckpointError, match=r"Unrecognized keyword arguments.*ring_padding") as caught:
        checkpoint.load(path)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_augmentation_goes_away(ending, tmp_path):
    loaded = checkpoint.load(saved(augmented(), tmp_path / f"a{ending}"))
    assert not any("random" in type(layer).__name__.lower() for layer in loaded.network.layers)


def as_keras_212(model: keras.Model, path: Path, separator: str) -> Path:
    """A network as Keras 2.12 saved it, names joined with a separator: Windows' is a backslash."""
    weights = path.with_suffix(".h5")
    with h5py.File(weights, "w") as file:
        used: dict[str, int] = {}
        for layer in model.layers:
            kind = re.sub(r"(?<!^)(?=[A-Z][a-z])", "_", type(layer).__name__).lower().replace("conv2_d", "conv2d")
            count = used.setdefault(kind, 0)
            used[kind] += 1
            group = file.create_group(
                f"_layer_checkpoint_dependencies{separator}{kind}{f'_{count}' if count else ''}"
            ).create_group("vars")
            for number, weight in enumerate(layer.get_weights()):
                group[str(number)] = weight
    config = {
        "class_name": "Functional",
        "config": {
            "layers": [
                {
                    "class_name": type(layer).__name__,
                    "name": layer.name,
                    "config": {
                        **{"batch_input_shape": [None, SIDE, SIDE, 1]},
                        **{k: v for k, v in layer.get_config().items() if isinstance(v, int | str | bool | tuple)},
                    }
                    if isinstance(layer, layers.InputLayer)
                    else {
                        k: v for k, v in layer.get_config().items() if isinstance(v, int | float | str | bool | tuple)
                    },
                    "inbound_nodes": []
                    if isinstance(layer, layers.InputLayer)
                    else [[[model.layers[position - 1].name, 0, 0, {}]]],
                }
                for position, layer in enumerate(model.layers)
            ],
            "input_layers": [[model.layers[0].name, 0, 0]],
            "output_layers": [[model.layers[-1].name, 0, 0]],
        },
    }
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("metadata.json", json.dumps({"keras_version": "2.12.0"}))
        archive.write(weights, "model.weights.h5")
    return path


@pytest.mark.parametrize("separator", ["/", "\\"])
def test_keras_212_on_windows(separator, tmp_path):
    model = report_like()
    assert same(checkpoint.load(as_keras_212(model, tmp_path / "a.keras", separator)), model)


def test_kerass_own_int8_is_dequantised(tmp_path):
    model = report_like()
    plain = expected(model)
    for layer in model.layers:
        if isinstance(layer, layers.Dense):
            layer.quantize("int8")
    loaded = checkpoint.load(saved(model, tmp_path / "a.keras"))
    assert np.abs(loaded.predict(IMAGES) - plain).max() < 0.05
    assert {layer.compute_dtype for layer in loaded.network.layers} == {"float32"}


def test_lora_is_merged(tmp_path):
    model = report_like()
    dense = next(layer for layer in model.layers if isinstance(layer, layers.Dense))
    dense.enable_lora(2)
    dense.lora_kernel_b.assign(np.random.default_rng(0).normal(0, 0.3, dense.lora_kernel_b.shape))
    loaded = checkpoint.load(saved(model, tmp_path / "a.keras"))
    assert same(loaded, model)
    assert not any(getattr(layer, "lora_enabled", False) for layer in loaded.network.layers)


@pytest.mark.parametrize(
    "function",
    [
        lambda t: tf.reduce_mean(t, axis=-1, keepdims=True),
        lambda t: K.max(t, axis=-1, keepdims=True),
        lambda t: keras.ops.mean(t, axis=-1, keepdims=True) * np.float32(2),
    ],
)
def test_names_of_notebooks_inside_a_trusted_lambda(function, tmp_path):
    def attention(x):
        x = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
        pooled = layers.Lambda(function, output_shape=(SIDE, SIDE, 1))(x)
        return layers.Multiply()([x, layers.Conv2D(1, 3, padding="same", activation="sigmoid")(pooled)])

    model = classifier(attention)
    path = saved(model, tmp_path / "a.keras")
    with pytest.raises(CheckpointError, match="add `trust=True"):
        checkpoint.load(path)
    loaded = checkpoint.load(path, trust=True)
    assert same(loaded, model)
    for file_format, runtime in (("tflite", LiteRt), ("onnx", OnnxRuntime)):
        exported = convert(loaded, variants.find(file_format, "none"))
        np.testing.assert_allclose(runtime(exported).run(IMAGES), loaded.predict(IMAGES), atol=1e-5)


def test_a_name_that_nobody_knows_is_said(tmp_path):
    model = classifier(layers.Lambda(lambda t: my_own(t) if t is None else t, output_shape=(SIDE, SIDE, 1)))  # noqa: F821
    path = saved(model, tmp_path / "a.keras")
    assert same(checkpoint.load(path, trust=True), model)


def test_a_trained_savedmodel_with_an_optimizers_slots(tmp_path):
    from fer_export.checkpoint.saved_model import parse
    from fer_export.checkpoint.screening.optimizer_slots import without_optimizer

    model = report_like()
    model.export(tmp_path / "saved", verbose=False)
    document = parse(tmp_path / "saved")
    with without_optimizer(tmp_path / "saved", document) as plain:
        assert plain == tmp_path / "saved"
    nodes = document.meta_graphs[0].object_graph_def.nodes
    nodes[0].slot_variables.add(original_variable_node_id=1, slot_name="m", slot_variable_node_id=1)
    (tmp_path / "saved" / "saved_model.pb").write_bytes(document.SerializeToString())
    assert same(checkpoint.load(tmp_path / "saved"), model)


def test_gru_of_keras_2_with_a_speed_hint(tmp_path):
    from fer_export.checkpoint.keras2.layers import LegacyLayer, Origin

    config = {"units": 3, "implementation": 2, "reset_after": True, "time_major": False}
    layer = LegacyLayer("GRU", config, "gru", Origin())
    assert layer([keras.Input((4, 5))], {}).shape == (None, 3)
    refused = LegacyLayer("GRU", {**config, "time_major": True}, "gru", Origin())
    with pytest.raises(CheckpointError, match="time_major"):
        refused([keras.Input((4, 5))], {})


def test_weights_alone_are_described(tmp_path):
    model = randomised(report_like())
    path = tmp_path / "a.weights.h5"
    model.save_weights(path)
    with pytest.raises(
        CheckpointError, match=r"holds only weights \(16 arrays, .* kernels from 3x3x1x4 to 8x6\)"
    ) as caught:
        checkpoint.load(path)
    assert "model.to_json()" in str(caught.value)
    assert ".json " not in str(caught.value).replace("as .json too", "")
    beside = path.with_suffix(".json")
    beside.write_text(model.to_json())
    with pytest.raises(CheckpointError, match=re.escape(f"`network={beside}` `weights={path}`")):
        checkpoint.load(path)
    assert same(checkpoint.load(beside, weights=path), model)


@pytest.mark.slow
def test_weights_of_a_shipped_network_are_recognised(tmp_path):
    network = checkpoint.load("nano-7").network
    path = tmp_path / "mine.weights.h5"
    network.save_weights(path)
    with pytest.raises(CheckpointError, match="these shapes fit nano-7") as caught:
        checkpoint.load(path)
    code = re.search(r'python -c "(.+?)", and', str(caught.value)).group(1)
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
    assert checkpoint.load(tmp_path / "nano-7.json", weights=path).size == 48
    shutil.rmtree(tmp_path)


@pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`")
@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.parametrize("trust", [False, True])
def test_a_lambda_as_activation_is_named_as_no_keras_reads_it(ending: str, trust: bool, tmp_path: Path) -> None:
    inputs = keras.Input((48, 48, 1))
    x = layers.Conv2D(4, 3, activation=lambda x: keras.activations.relu(x - 0.1), name="own")(inputs)
    path = tmp_path / f"a{ending}"
    keras.Model(inputs, layers.Dense(7, activation="softmax")(layers.Flatten()(x))).save(path)
    refused("the layer 'own' has a lambda as its activation", path, trust=trust)
