"""A network is read whatever its file is called; another file is refused by what it is, with what helps."""

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from fer_export.checkpoint import checkpoint, file_kinds
from fer_export.errors import CheckpointError
from helpers.networks import grey, report_like, scaled

LABELS = "anger,disgust,fear,happiness"


@pytest.fixture(scope="module")
def network():
    return report_like(filters=2, classes=4)


@pytest.fixture(scope="module")
def saved(network, tmp_path_factory):
    """A folder with network.keras and network.h5."""
    folder = tmp_path_factory.mktemp("saved")
    for suffix in (".keras", ".h5"):
        network.save(folder / f"network{suffix}")
    return folder


def unpacked(path: Path, folder: Path) -> Path:
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    return folder


def packed(folder: Path, path: Path, top: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for part in file_kinds.PARTS:
            archive.write(folder / part, top + part)
        archive.writestr("__MACOSX/._config.json", b"\0")
    return path


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("network.keras", "face.h5"),
        ("network.keras", "FACE.KERAS"),
        ("network.keras", "face"),
        ("network.h5", "face.keras"),
        ("network.h5", "face.model"),
        ("network.h5", "FACE.HDF5"),
    ],
)
def test_the_name_of_a_file_does_not_matter(source, name, saved, network, tmp_path):
    path = shutil.copy(saved / source, tmp_path / name)
    read = checkpoint.load(path, labels=LABELS)
    assert read.name == "face"
    assert np.array_equal(read.network(scaled(grey(3))), network(scaled(grey(3))))


def test_an_archive_may_be_a_folder_or_have_one_on_top(saved, network, tmp_path):
    folder = unpacked(saved / "network.keras", tmp_path / "face")
    again = packed(folder, tmp_path / "again.keras", "face/")
    expected = network(scaled(grey(3)))
    for path in (folder, again):
        read = checkpoint.load(path, labels=LABELS)
        assert np.array_equal(read.network(scaled(grey(3))), expected)
    (folder / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match=rf"^{folder} is cut off or damaged"):
        checkpoint.load(folder)


def test_an_archive_with_two_networks_is_refused(saved, tmp_path):
    folder = unpacked(saved / "network.keras", tmp_path / "face")
    path = tmp_path / "two.keras"
    with zipfile.ZipFile(path, "w") as archive:
        for part in file_kinds.PARTS:
            archive.write(folder / part, f"one/{part}")
            archive.write(folder / part, f"two/{part}")
    with pytest.raises(CheckpointError, match="holds 2 networks; pack one of them alone"):
        checkpoint.load(path)


OTHERS = {
    "network.pkl": (b"\x80\x04\x95", "Python pickle"),
    "network.pth": (b"\0\0\0", "PyTorch"),
    "network.onnx": (b"\x08\x09", "ONNX file"),
    "network.py": (b"import keras", "Python source"),
    "network.pb": (b"\n\x10", "SavedModel's folder"),
    "ck-1.index": (b"\0\0", "TensorFlow checkpoint"),
    "network.tar.gz": (b"\x1f\x8b\x08", "unpack it"),
    "network.ipynb": (b'{"cells": []}', "notebook"),
    "network.bin": (b"abc", "not a Keras network"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_file_is_refused_by_what_it_is(name, tmp_path):
    content, said = OTHERS[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=rf"{name} is .*{said}"):
        checkpoint.load(tmp_path / name)


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        ("models/best.h5", "holds models/best.h5; unpack it"),
        ("face/saved_model.pb", "holds a SavedModel; unpack it"),
        ("archive/data.pkl", "PyTorch"),
        ("readme.txt", "without a Keras network in it"),
    ],
)
def test_another_zip_file_is_refused_by_what_it_holds(inside, said, tmp_path):
    path = tmp_path / "network.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(inside, b"x")
    with pytest.raises(CheckpointError, match=said):
        checkpoint.load(path)


def test_names_in_a_zip_file_are_shown_harmlessly(tmp_path):
    path = tmp_path / "network.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("\x1b[31mred.h5", b"x")
    with pytest.raises(CheckpointError) as refused:
        checkpoint.load(path)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        ("best.keras", "network=.*best.keras"),
        ("1/saved_model.pb", "holds 1; pass that: `network=.*1`"),
        ("ck-1.index", "TensorFlow checkpoint"),
        ("a.txt", "without model.keras"),
    ],
)
def test_another_folder_is_refused_by_what_it_holds(inside, said, tmp_path):
    (tmp_path / inside).parent.mkdir(exist_ok=True)
    (tmp_path / inside).write_bytes(b"x")
    with pytest.raises(CheckpointError, match=said):
        checkpoint.load(tmp_path)


def test_an_address_is_not_fetched():
    with pytest.raises(CheckpointError, match="is an address; download the file"):
        checkpoint.load("https://example.org/face.keras")
