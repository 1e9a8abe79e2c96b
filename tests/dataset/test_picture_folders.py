"""Reading Kaggle's folders and archives; every wrong picture is named."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image

from fer_export.dataset import read as readers
from fer_export.dataset.dataset import SPLITS
from fer_export.errors import DataError
from helpers.datasets import check, make_rows, tarred, to_csv


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER_EXPORT_CACHE", str(tmp_path / "cache"))


def picture(value: int, mode: str = "L", size: tuple[int, int] = (48, 48)) -> Image.Image:
    grey = np.add.outer(np.arange(size[1]), np.arange(size[0])).astype(np.uint8) + np.uint8(value)
    return Image.fromarray(grey).convert(mode)


def put(folder: Path, name: str, image: Image.Image | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(image, bytes):
        path.write_bytes(image)
    else:
        image.save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "fer"
    put(root, "train/happy/Training_2.png", picture(2))
    put(root, "train/Anger/Training_10.png", picture(10))
    put(root, "train/disgust/1.png", picture(1))
    put(root, "test/happy/PrivateTest_3.png", picture(3))
    put(root, "test/sad/PublicTest_4.png", picture(4))
    return root


def test_a_folder_is_read_in_the_order_of_its_paths(folder: Path) -> None:
    dataset = readers.read(folder)
    assert [int(face[0, 0, 0]) for face in dataset.pixels] == [3, 4, 10, 1, 2]
    assert dataset.emotions.tolist() == [3, 4, 0, 1, 3]
    assert [SPLITS[index] for index in dataset.usage] == ["PrivateTest", "PublicTest", *["Training"] * 3]
    assert dataset.pixels.shape == (5, 48, 48, 1)
    assert dataset.rows.tolist() == [0, 1, 2, 3, 4]
    assert (dataset.pixels[0, :, :, 0] == np.asarray(picture(3))).all()


def test_folders_may_stand_around_train_and_test(folder: Path) -> None:
    outer = folder.parent / "archive" / "images"
    outer.mkdir(parents=True)
    expected = readers.read(folder)
    folder.rename(outer / "images")
    dataset = readers.read(folder.parent)
    assert (dataset.pixels == expected.pixels).all()
    assert dataset.usage.tolist() == expected.usage.tolist()
    put(folder.parent, "other/images/images/train/happy/1.png", picture(1))
    with pytest.raises(DataError, match="has no train or test folder of pictures"):
        readers.read(folder.parent)


def test_a_test_folder_without_prefixes_is_one_split_of_its_own(folder: Path) -> None:
    for path in list(folder.glob("test/*/*")):
        path.rename(path.with_name(path.name.partition("_")[2]))
    dataset = readers.read(folder)
    assert dataset.splits == ("Training", "Test")
    with pytest.raises(DataError, match="no split PublicTest; choose Test"):
        dataset.split("PublicTest")


def test_jpegs_and_other_modes_become_grey(tmp_path: Path) -> None:
    for mode in ("RGB", "RGBA", "LA", "P", "1"):
        put(tmp_path, f"train/fear/{mode}.png", picture(0, mode))
    Image.fromarray(np.asarray(picture(7))).save(put(tmp_path, "train/fear/a.JPG", b""), "jpeg", quality=95)
    put(tmp_path, "train/fear/a.jpeg", picture(7, "RGB"))
    dataset = readers.read(tmp_path)
    names = sorted(path.name for path in tmp_path.glob("train/fear/*"))
    by_name = dict(zip(names, dataset.pixels[..., 0].astype(int), strict=True))
    for mode in ("RGB", "RGBA", "LA"):
        assert (by_name[f"{mode}.png"] == np.asarray(picture(0))).all()
    assert set(np.unique(by_name["1.png"])) == {0, 255}
    assert abs(by_name["a.JPG"] - np.asarray(picture(7))).max() <= 3
    assert abs(by_name["a.jpeg"] - np.asarray(picture(7))).max() <= 9


def test_a_folders_key_follows_names_and_contents(folder: Path) -> None:
    first = readers.read(folder).sha256
    assert readers.read(folder).sha256 == first
    (folder / "train/happy/Training_2.png").rename(folder / "train/happy/Training_3.png")
    second = readers.read(folder).sha256
    picture(9).save(folder / "train/happy/Training_3.png")
    third = readers.read(folder)
    assert len({first, second, third.sha256}) == 3
    assert third.pixels[4, 0, 0, 0] == 9


def test_a_folders_progress_counts_hashing_and_decoding(folder: Path) -> None:
    total = 2 * sum(path.stat().st_size for path in folder.glob("*/*/*"))
    for steps_expected in (10, 6):
        told = Mock()
        readers.read(folder, told)
        steps = [call.args for call in told.call_args_list]
        assert steps[-1] == (total, total)
        assert len(steps) == steps_expected
        assert steps == sorted(steps)


def test_hidden_files_are_no_pictures(folder: Path) -> None:
    put(folder, ".DS_Store", b"x")
    put(folder, "train/happy/.DS_Store", b"x")
    put(folder, "README.txt", b"x")
    assert len(readers.read(folder)) == 5


def noise() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8))


def png_bytes(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "png")
    return buffer.getvalue()


WRONG_PICTURES: dict[str, tuple[str, Image.Image | bytes, str]] = {
    "small": ("train/sad/x.png", picture(0, size=(47, 48)), "is 47x48 pixels, not 48x48"),
    "large": ("test/sad/PublicTest_x.png", picture(0, size=(96, 96)), "is 96x96 pixels, not 48x48"),
    "empty": ("train/sad/x.png", b"", "is not a readable JPEG or PNG"),
    "text": ("train/sad/x.jpg", b"hello", "is not a readable JPEG or PNG"),
    "cut": ("train/sad/x.png", png_bytes(noise())[:900], "is a damaged picture"),
    "16 bits": ("train/sad/x.png", Image.new("I;16", (48, 48)), "more than 8 bits"),
    "gif": ("train/sad/x.gif", b"GIF89a", "is not a .jpg or .png picture"),
    "nested": ("train/sad/more/x.png", picture(0), "is not a .jpg or .png picture"),
    "loose": ("train/x.png", picture(0), "is not the folder of an emotion"),
    "contempt": ("train/contempt/x.png", picture(0), r"is not the folder of an emotion \(angry, disgust, fear"),
    "unnamed among named": ("test/sad/x.png", picture(0), "unlike the others it is named neither PublicTest_ nor"),
    "Training in test": ("test/sad/Training_1.png", picture(0), "is in test, but its name says Training"),
    "PublicTest in train": ("train/sad/PublicTest_1.png", picture(0), "is in train, but its name says PublicTest"),
    "third folder": ("extra/sad/x.png", picture(0), "is none of test, train, validation"),
    "another case": ("Train/sad/x.png", picture(0), "is the same as Train beside it but for its spelling"),
    "one emotion twice": ("train/angry/x.png", picture(0), "is the same as Anger beside it but for its spelling"),
    "one picture twice": ("train/happy/TRAINING_2.PNG", picture(0), "is the same as TRAINING_2.PNG beside it"),
}


@pytest.mark.parametrize("kind", WRONG_PICTURES)
def test_a_wrong_picture_stops_with_its_path(kind: str, folder: Path) -> None:
    name, image, why = WRONG_PICTURES[kind]
    put(folder, name, image)
    with pytest.raises(DataError, match=why) as caught:
        readers.read(folder)
    named = {
        **{"nested": "train/sad/more", "contempt": "train/contempt", "third folder": "extra"},
        **{"another case": "train", "one emotion twice": "train/angry", "one picture twice": "train/happy/Training_2"},
    }.get(kind, name)
    assert str(folder / named) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_folders_of_another_layout_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no train or test folder of pictures; pass fer2013.csv or"):
        readers.read(tmp_path)
    put(tmp_path, "fer2013.csv", b"")
    with pytest.raises(
        DataError, match=r"of fer2013\.csv none has the columns emotion, pixels and Usage; pass fer2013"
    ):
        readers.read(tmp_path)
    (tmp_path / "train" / "happy").mkdir(parents=True)
    with pytest.raises(DataError, match="hold no pictures"):
        readers.read(tmp_path)


def test_an_unreadable_picture_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    locked, read = folder / "train/happy/Training_2.png", Path.read_bytes

    def refusing(path: Path) -> bytes:
        if path == locked:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refusing)  # permissions do not bind root
    with pytest.raises(DataError, match=r"cannot read .*Training_2\.png: Permission denied"):
        readers.read(folder)


# --- as people have it -------------------------------------------------------------------------------------------


def test_the_folder_of_the_whole_challenge(tmp_path: Path) -> None:
    rows = make_rows(4)
    put(tmp_path, "icml_face_data.csv", to_csv(rows).replace(b"emotion,pixels,Usage", b"emotion, pixels, Usage"))
    put(tmp_path, "train.csv", b"emotion,pixels\n")
    put(tmp_path, "test.csv", b"pixels\n")
    put(tmp_path, "example_submission.csv", b"emotion\n")
    put(tmp_path, "fer2013.tar.gz", b"x")
    check(readers.read(tmp_path), rows)
    (tmp_path / "icml_face_data.csv").unlink()
    put(tmp_path, "fer2013.tar.gz", tarred(("fer2013/fer2013.csv", to_csv(rows))))
    check(readers.read(tmp_path), rows)


def test_litter_is_skipped(folder: Path) -> None:
    for name in (
        "desktop.ini",
        "Thumbs.db",
        "ehthumbs.db",
        "._Training_2.png",
        "x.jpg.crdownload",
        ".ipynb_checkpoints",
    ):
        put(folder, f"train/happy/{name}", b"x")
        put(folder, f"train/{name}", b"x")
        put(folder, name, b"x")
    put(folder, "__MACOSX/train/happy/._1.png", b"x")
    put(folder, "train/__MACOSX/happy/1.png", b"x")
    assert len(readers.read(folder)) == 5


@pytest.mark.parametrize(
    ("parts", "splits"),
    [
        ({"train": 1, "validation": 1}, ("Training", "Validation")),
        ({"Train": 1, "val": 1, "test": 1}, ("Training", "Test", "Validation")),
        ({"training": 1, "PublicTest": 1, "PrivateTest": 1}, ("Training", "PublicTest", "PrivateTest")),
        ({"valid": 1}, ("Validation",)),
    ],
)
def test_every_mix_of_folders(parts: dict[str, int], splits: tuple[str, ...], tmp_path: Path) -> None:
    for part in parts:
        put(tmp_path, f"images/{part}/happy/{part}1.png", picture(1))
    dataset = readers.read(tmp_path)
    assert dataset.splits == splits
    judging = [split for split in splits if split != "Training"]
    if "PublicTest" not in judging:
        with pytest.raises(DataError, match=f"choose {' or '.join(judging)}"):
            dataset.split("PublicTest")


def test_a_set_of_training_faces_alone_has_nothing_to_judge(tmp_path: Path) -> None:
    put(tmp_path, "train/happy/1.png", picture(1))
    with pytest.raises(DataError, match="has only Training: use fer2013.csv, or a folder with train and test"):
        readers.read(tmp_path).split("PublicTest")


def test_all_that_is_wrong_is_said_at_once(folder: Path) -> None:
    put(folder, "train/sad/x.gif", b"GIF89a")
    put(folder, "train/sad/small.png", picture(0, size=(47, 48)))
    put(folder, "test/loose.png", picture(0))
    put(folder, "train/sad/text.jpg", b"hello")
    with pytest.raises(DataError, match="4 entries of .* do not fit") as caught:
        readers.read(folder)
    for name in ("x.gif", "small.png", "loose.png", "text.jpg"):
        assert name in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    for number in range(30):
        put(folder, f"train/sad/{number}.gif", b"x")
    with pytest.raises(DataError, match="and 22 more"):
        readers.read(folder)
