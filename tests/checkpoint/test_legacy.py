"""Files that the Keras of 2016-2023 wrote, against what that Keras answered (see fixtures/legacy/README.md)."""

from __future__ import annotations

import base64
import json
import marshal
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from fer_export.checkpoint import checkpoint
from fer_export.checkpoint.checkpoint import Checkpoint
from fer_export.errors import CheckpointError

FIXTURES = Path(__file__).parents[1] / "fixtures" / "legacy"
NETWORKS = {
    "keras1-tf": ".h5",
    "keras1-th": ".h5",
    "keras20-xception": ".hdf5",
    "keras20-theano": ".h5",
    "keras22-report": ".json",
    "keras23-report": ".json",
    "tf28-rgb": ".h5",
    "tf28-savedmodel": "",
    "tf215-logits": ".keras",
}


def unpack(name: str, folder: Path) -> Path:
    """The network file of a fixture, unpacked; what else belongs to it lies beside."""
    with zipfile.ZipFile(FIXTURES / f"{name}.zip") as archive:
        archive.extractall(folder)
    return folder / f"{name}{NETWORKS.get(name, '.h5')}"


def read(name: str, folder: Path) -> tuple[Checkpoint, np.ndarray, np.ndarray]:
    """A fixture's network, its pictures and the old answers."""
    path = unpack(name, folder)
    weights = path.with_suffix(".h5") if path.suffix == ".json" else None
    with np.load(folder / f"{name}.npz", allow_pickle=False) as recorded:
        images, scaling, expected = recorded["images"], str(recorded["scaling"]), recorded["probabilities"]
    return checkpoint.load(path, weights=weights, scaling=scaling), images, expected


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_old_networks_answer_as_they_did(name: str, tmp_path: Path) -> None:
    read_back, images, expected = read(name, tmp_path)
    if read_back.softmax_added:
        expected = np.exp(expected) / np.exp(expected).sum(1, keepdims=True)
    assert read_back.softmax_added == (name == "tf215-logits")
    assert np.abs(read_back.predict(images) - expected).max() < 1e-5
    assert np.ptp(expected, axis=0).max() > 1e-3, "the fixture's pictures must give different answers"


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_batch_norms_are_visible_and_channels_last(name: str, tmp_path: Path) -> None:
    network = read(name, tmp_path)[0].network
    norms = [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert norms
    assert all(norm.axis in (-1, len(norm.input.shape) - 1) for norm in norms)
    assert not any(isinstance(layer, keras.Model) for layer in network.layers)
    assert network.input_shape[1] == network.input_shape[2]


def test_network_that_scales_itself_takes_bytes(tmp_path: Path) -> None:
    loaded = checkpoint.load(unpack("tf28-rgb", tmp_path))
    assert (loaded.scaling, loaded.channels, len(loaded.labels)) == ("raw", 3, 8)


def test_lambda_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"Lambda layer 'centre'.*`trust=True"):
        checkpoint.load(unpack("keras23-lambda", tmp_path))


def test_trusted_bytecode_of_another_python_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="another version of Python") as caught:
        checkpoint.load(unpack("keras23-lambda", tmp_path), trust=True)
    assert "\n" not in str(caught.value)


def test_trusted_lambda_of_this_python_runs(tmp_path: Path) -> None:
    path = unpack("keras23-lambda", tmp_path)
    answers = []
    for function, scaling in ((lambda x: x * 2.0 - 1.0, "unit"), (lambda x: x, "signed")):
        with h5py.File(path, "r+") as file:
            config = json.loads(file.attrs["model_config"])
            code = base64.encodebytes(marshal.dumps(function.__code__)).decode("ascii")
            config["config"]["layers"][0]["config"]["function"] = [code, None, None]
            file.attrs["model_config"] = json.dumps(config)
        images = np.random.default_rng(0).integers(0, 256, (3, 48, 48, 1), dtype=np.uint8)
        answers.append(checkpoint.load(path, scaling=scaling, trust=True).predict(images))
    assert np.abs(answers[0] - answers[1]).max() < 1e-6


def test_architecture_asks_for_the_weights_beside_it(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"`weights=\S*keras23-report\.h5"):
        checkpoint.load(unpack("keras23-report", tmp_path))


def test_weights_alone_ask_for_the_architecture(tmp_path: Path) -> None:
    path = unpack("keras23-report", tmp_path).with_suffix(".h5")
    with pytest.raises(CheckpointError, match=r"only weights.*`weights"):
        checkpoint.load(path)


@pytest.mark.parametrize("shape", [(2304,), (48, 48)], ids=["one row", "rows"])
def test_pixels_without_channels(shape: tuple[int, ...], tmp_path: Path) -> None:
    dense = {"name": "dense", "units": 7, "activation": "softmax", "use_bias": True}
    layers = [
        {"class_name": "Flatten", "config": {"name": "flat", "batch_input_shape": [None, *shape]}},
        {"class_name": "Dense", "config": dense},
    ]
    architecture = {"class_name": "Sequential", "config": {"name": "rows", "layers": layers}, "keras_version": "2.4.0"}
    (tmp_path / "a.json").write_text(json.dumps(architecture))
    rng = np.random.default_rng(0)
    kernel, bias = rng.normal(0, 0.1, (2304, 7)), rng.normal(0, 1, 7)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["layer_names"] = [b"flat", b"dense"]
        file.create_group("flat").attrs["weight_names"] = np.array([], "S1")
        group = file.create_group("dense")
        group.attrs["weight_names"] = [b"dense/kernel:0", b"dense/bias:0"]
        group["dense/kernel:0"], group["dense/bias:0"] = kernel.astype("float32"), bias.astype("float32")
    loaded = checkpoint.load(tmp_path / "a.json", weights=tmp_path / "a.h5")
    images = rng.integers(0, 256, (3, 48, 48, 1), dtype=np.uint8)
    logits = images.reshape(3, -1) / 255 @ kernel + bias
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert (loaded.size, loaded.channels) == (48, 1)
    assert loaded.predict(images) == pytest.approx(expected, abs=1e-5)


def test_twice_encoded_architecture_is_read(tmp_path: Path) -> None:
    path = unpack("keras23-report", tmp_path)
    path.write_text(json.dumps(path.read_text()))
    assert len(checkpoint.load(path, weights=path.with_suffix(".h5")).labels) == 6


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = unpack("keras23-report", tmp_path)
    with pytest.raises(CheckpointError, match="do not fit layer"):
        checkpoint.load(path, weights=unpack("keras22-report", tmp_path).with_suffix(".h5"))
    with pytest.raises(CheckpointError, match=r"weights of 9 layers.*10 layers|holds weights of"):
        checkpoint.load(path, weights=unpack("keras20-xception", tmp_path))


def test_swapped_batch_norm_statistics_are_noticed(tmp_path: Path) -> None:
    path = unpack("keras20-xception", tmp_path)
    with h5py.File(path, "r+") as file:
        group = file["model_weights/batch_normalization_1"]
        group.attrs["weight_names"] = group.attrs["weight_names"][[2, 3, 0, 1]]
    with pytest.raises(CheckpointError, match="do not fit layer 'batch_normalization_1'"):
        checkpoint.load(path)


def test_option_that_keras_3_lacks_is_refused(tmp_path: Path) -> None:
    path = unpack("keras1-tf", tmp_path)
    edit_config(path, '"mode": 0', '"mode": 2')
    with pytest.raises(CheckpointError, match=r"BatchNormalization.*stored statistics.*SavedModel"):
        checkpoint.load(path)


def test_unknown_layer_and_activation_are_code(tmp_path: Path) -> None:
    path = unpack("keras20-xception", tmp_path)
    edit_config(path, '"class_name": "SeparableConv2D"', '"class_name": "CoordConv"')
    with pytest.raises(CheckpointError, match=r"custom layer 'separable_conv2d_1' \(CoordConv\).*`trust=True"):
        checkpoint.load(path)
    path = unpack("keras1-tf", tmp_path)
    edit_config(path, '"activation": "relu"', '"activation": "my_swish"')
    with pytest.raises(CheckpointError, match="custom activation 'my_swish'"):
        checkpoint.load(path)


def test_weights_in_another_file_are_not_followed(tmp_path: Path) -> None:
    path = unpack("keras20-xception", tmp_path)
    with h5py.File(path, "r+") as file, h5py.File(tmp_path / "other.h5", "w") as other:
        file.copy("model_weights/conv2d_1", other)
        del file["model_weights/conv2d_1"]
        file["model_weights/conv2d_1"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/conv2d_1")
    with pytest.raises(CheckpointError, match="conv2d_1"):
        checkpoint.load(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("name", ["keras1-tf", "keras20-xception", "tf215-logits"])
def test_cut_files_are_one_clear_line(name: str, share: float, tmp_path: Path) -> None:
    path = unpack(name, tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(CheckpointError, match="again") as caught:
        checkpoint.load(path)
    assert "\n" not in str(caught.value)


def test_cut_savedmodel_is_one_clear_line(tmp_path: Path) -> None:
    path = unpack("tf28-savedmodel", tmp_path)
    graph = path / "saved_model.pb"
    graph.write_bytes(graph.read_bytes()[:5000])
    with pytest.raises(CheckpointError, match="again"):
        checkpoint.load(path)


def edit_config(path: Path, old: str, new: str) -> None:
    with h5py.File(path, "r+") as file:
        config = file.attrs["model_config"]
        config = config.decode() if isinstance(config, bytes) else config
        assert old in config
        file.attrs["model_config"] = config.replace(old, new)


FLAT = [("Flatten", {}), ("Reshape", {"target_shape": [2304]})]


@pytest.mark.parametrize(("kind", "options"), FLAT, ids=[kind for kind, _ in FLAT])
def test_statistics_of_a_normalization_layer_are_used(kind: str, options: dict[str, Any], tmp_path: Path) -> None:
    """Keras 3 computes with constants that were made before the weights of an old file were set."""
    layer_configs = [
        ("InputLayer", {"name": "in", "batch_input_shape": [None, 48, 48, 1], "dtype": "float32"}),
        ("Normalization", {"name": "norm", "dtype": "float32", "axis": [-1], "mean": None, "variance": None}),
        (kind, {"name": "flat", "dtype": "float32", **options}),
        ("Dense", {"name": "last", "dtype": "float32", "units": 7, "activation": "softmax", "use_bias": True}),
    ]
    described = [{"class_name": kind, "config": config} for kind, config in layer_configs]
    kernel = np.random.default_rng(0).normal(0, 0.01, (2304, 7)).astype(np.float32)
    weights = {
        "norm": {"mean:0": np.float32([129]), "variance:0": np.float32([4225]), "count:0": np.int64(28709)},
        "flat": {},
        "last": {"kernel:0": kernel, "bias:0": np.zeros(7, np.float32)},
    }
    with h5py.File(tmp_path / "old.h5", "w") as file:
        config = {"class_name": "Sequential", "config": {"name": "old", "layers": described}}
        file.attrs.update({"keras_version": "2.11.0", "backend": "tensorflow", "model_config": json.dumps(config)})
        groups = file.create_group("model_weights")
        groups.attrs["layer_names"] = [name.encode() for name in weights]
        for name, arrays in weights.items():
            group = groups.create_group(name)
            group.attrs["weight_names"] = [f"{name}/{weight}".encode() for weight in arrays]
            for weight, array in arrays.items():
                group.create_dataset(f"{name}/{weight}", data=array)
    loaded = checkpoint.load(tmp_path / "old.h5")
    assert loaded.scaling == "raw"
    faces = np.random.default_rng(1).integers(0, 256, (4, 48, 48, 1), dtype=np.uint8)
    logits = ((faces.reshape(4, -1) - np.float32(129)) / 65) @ kernel
    right = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert np.abs(loaded.predict(faces) - right).max() < 1e-5
