"""Files of weights that declare more than they hold, or lead out of themselves."""

import io
import json
import time
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from fer_export.checkpoint import checkpoint
from fer_export.errors import CheckpointError


def network() -> keras.Model:
    return keras.Sequential([keras.Input((48, 48, 1)), layers.Flatten(), layers.Dense(7, activation="softmax")])


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files inside a .keras archive."""
    path = tmp_path_factory.mktemp("whole") / "a.keras"
    network().save(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def refused(path: Path, pattern: str) -> None:
    started = time.perf_counter()
    with pytest.raises(CheckpointError, match=pattern):
        checkpoint.load(path)
    assert time.perf_counter() - started < 10


def packed(path: Path, parts: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def test_an_archive_is_bounded_by_its_size(parts: dict[str, bytes], tmp_path: Path) -> None:
    refused(packed(tmp_path / "a.keras", {**parts, "assets/a": b"\0" * (80 << 20)}), "unpack to 8. MiB")


def test_an_archive_with_two_files_of_one_name_is_refused(parts: dict[str, bytes], tmp_path: Path) -> None:
    path = packed(tmp_path / "a.keras", parts)
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("config.json", "{}")
    refused(path, "'config.json' twice")


def with_weights(change: Callable[[Any], None], parts: dict[str, bytes], path: Path) -> Path:
    """The archive with a file of weights that was changed."""
    content = io.BytesIO(parts["model.weights.h5"])
    with h5py.File(content, "r+") as file:
        change(file)
    return packed(path, {**parts, "model.weights.h5": content.getvalue()})


def declare_much(file: Any) -> None:
    file.create_dataset("more", shape=(1 << 30,), dtype="f4", chunks=(1 << 16,))


def link_outside(file: Any) -> None:
    file["more"] = h5py.ExternalLink("/etc/hostname", "/")


def keep_outside(file: Any) -> None:
    file.create_dataset("more", shape=(16,), dtype="u1", external=[("/etc/hostname", 0, 16)])


def view_outside(file: Any) -> None:
    layout = h5py.VirtualLayout((16,), "u1")
    layout[:] = h5py.VirtualSource("/etc/hostname", "a", (16,), "u1")
    file.create_virtual_dataset("more", layout)


def circle(file: Any) -> None:
    """A group inside itself, which is legal."""
    file["layers"]["again"] = file["layers"]


@pytest.mark.parametrize(
    ("change", "pattern"),
    [
        (declare_much, "declare weights of 4,"),
        (link_outside, "'more' is in another file"),
        (keep_outside, "'more' is in another file"),
        (view_outside, "'more' is in another file"),
    ],
)
def test_what_weights_declare_is_read_first(
    change: Callable[[Any], None], pattern: str, parts: dict[str, bytes], tmp_path: Path
) -> None:
    refused(with_weights(change, parts, tmp_path / "a.keras"), pattern)


def test_a_circle_of_groups_ends(parts: dict[str, bytes], tmp_path: Path) -> None:
    loaded = checkpoint.load(with_weights(circle, parts, tmp_path / "a.keras"))
    assert loaded.size == 48


def test_hdf5_files_are_checked_too(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network().save(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        link_outside(file)
    refused(tmp_path / "a.h5", "in another file")


@pytest.mark.parametrize("units", [10**7, 10**12])
def test_a_layer_larger_than_its_weights_is_not_made(units: int, parts: dict[str, bytes], tmp_path: Path) -> None:
    config = json.loads(parts["config.json"])
    config["config"]["layers"][-1]["config"]["units"] = units
    path = packed(tmp_path / "a.keras", {**parts, "config.json": json.dumps(config).encode()})
    refused(path, f"units {units:,}, and its weights 16,135")


def test_a_layer_without_weights_is_bounded_by_its_output(tmp_path: Path) -> None:
    model = keras.Sequential(
        [keras.Input((48, 48, 1)), layers.UpSampling2D(500, name="wide"), layers.GlobalMaxPooling2D(), layers.Dense(7)]
    )
    model.save(tmp_path / "a.keras")
    refused(tmp_path / "a.keras", "'wide' with an output of")


def test_a_picture_of_a_size_that_no_face_has_is_refused(parts: dict[str, bytes], tmp_path: Path) -> None:
    config = json.loads(parts["config.json"])
    config["config"]["layers"][0]["config"]["batch_shape"] = [None, 10**9, 10**9, 1]
    refused(packed(tmp_path / "a.keras", {**parts, "config.json": json.dumps(config).encode()}), "a.keras")


def test_memory_is_free_again_afterwards(parts: dict[str, bytes], tmp_path: Path) -> None:
    checkpoint.load(packed(tmp_path / "a.keras", parts))
    assert np.zeros(3 << 30, np.uint8).size == 3 << 30


def test_a_file_that_is_hdf5_and_zip_at_once_is_refused(parts: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / "a.keras"
    path.write_bytes(parts["model.weights.h5"] + packed(tmp_path / "b.keras", parts).read_bytes())
    refused(path, "at once")
