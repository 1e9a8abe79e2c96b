"""Reading the CSV in all its dresses and Kaggle's folders; every wrong row or picture is named."""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_export.dataset import read as readers
from fer_export.dataset.dataset import SPLITS
from fer_export.errors import DataError

Rows = list[list[str]]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER_EXPORT_CACHE", str(tmp_path / "cache"))


def make_rows(count: int = 6) -> Rows:
    pixels = np.random.default_rng(0).integers(0, 256, (count, 2304))
    pixels[:, :3] = 0, 99, 255
    return [[str(i % 7), " ".join(map(str, row)), SPLITS[i % 3]] for i, row in enumerate(pixels)]


def to_csv(rows: Rows, header: str = "emotion,pixels,Usage", end: str = "\n") -> bytes:
    return end.join([header, *(",".join(row) for row in rows), ""]).encode()


def read_bytes(tmp_path: Path, content: bytes, name: str = "fer2013.csv") -> readers.Dataset:
    path = tmp_path / name
    path.write_bytes(content)
    return readers.read(path)


def check(dataset: readers.Dataset, rows: Rows) -> None:
    assert dataset.pixels.shape == (len(rows), 48, 48, 1)
    assert dataset.pixels.dtype == np.uint8
    expected = [[int(number) for number in row[1].split()] for row in rows]
    assert dataset.pixels.reshape(len(rows), -1).tolist() == expected
    assert dataset.emotions.tolist() == [int(row[0]) for row in rows]
    assert [SPLITS[index] for index in dataset.usage] == [row[2] for row in rows]
    assert dataset.rows.tolist() == list(range(len(rows)))


def zipped(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "fer2013.csv": lambda content: content,
    "fer2013.csv.gz": gzip.compress,
    "fer2013.csv.xz": lzma.compress,
    "fer2013.tar.gz": lambda content: tarred(("fer2013/README", b"x"), ("fer2013/fer2013.csv", content)),
    "challenge.zip": lambda content: zipped(
        ("train.csv", b"emotion,pixels\n"), ("icml_face_data.csv", content), ("test.csv", b"pixels\n")
    ),
    "fer2013.zip": lambda content: zipped(("a/fer2013.csv", content), ("__MACOSX/._fer2013.csv", b"x"), ("note", b"x")),
}


@pytest.mark.parametrize("name", PACKERS)
def test_each_packing_gives_the_same_faces(name: str, tmp_path: Path) -> None:
    stored = PACKERS[name](to_csv(make_rows()))
    dataset = read_bytes(tmp_path, stored, name)
    check(dataset, make_rows())
    assert dataset.sha256 == hashlib.sha256(stored).hexdigest()
    assert dataset.source == tmp_path / name


def quoted(rows: Rows, columns: tuple[int, ...]) -> Rows:
    return [[f'"{field}"' if i in columns else field for i, field in enumerate(row)] for row in rows]


DRESSES: dict[str, Callable[[Rows], bytes]] = {
    "CRLF": lambda rows: to_csv(rows, end="\r\n"),
    "byte order mark": lambda rows: b"\xef\xbb\xbf" + to_csv(rows),
    "quoted pixels": lambda rows: to_csv(quoted(rows, (1,))),
    "all quoted": lambda rows: to_csv(quoted(rows, (0, 1, 2)), '"emotion","pixels","Usage"', "\r\n"),
    "icml_face_data": lambda rows: to_csv([[e, u, p] for e, p, u in rows], "emotion, Usage, pixels"),
    "upper case": lambda rows: to_csv(rows, " EMOTION , Pixels,usage "),
    "no last newline": lambda rows: to_csv(rows)[:-1],
    "blank end": lambda rows: to_csv(rows) + b"\n \r\n\n",
    "wide spaces": lambda rows: to_csv([[e, "  " + p.replace(" ", "  ") + " ", u] for e, p, u in rows]),
    "one wide row": lambda rows: to_csv([rows[0], [rows[1][0], rows[1][1] + " ", rows[1][2]], *rows[2:]]),
    "leading zeros": lambda rows: to_csv([[e, " ".join(n.zfill(3) for n in p.split()), u] for e, p, u in rows]),
    "padded fields": lambda rows: to_csv([[f" {e} ", f" {p} ", f" {u} "] for e, p, u in rows]),
}


@pytest.mark.parametrize("dress", DRESSES)
def test_each_dress_gives_the_same_faces(dress: str, tmp_path: Path) -> None:
    check(read_bytes(tmp_path, DRESSES[dress](make_rows())), make_rows())


@pytest.mark.parametrize("digit", [0, 7, 10, 99, 100, 255])
def test_rows_of_one_number_of_every_width(digit: int, tmp_path: Path) -> None:
    rows = [["3", " ".join([str(digit)] * 2304), "Training"]] * 2
    check(read_bytes(tmp_path, to_csv(rows)), rows)


def test_pieces_that_end_within_a_row_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fer_export.dataset.csv_table.CHUNK", 5000)
    content = to_csv(make_rows(9))
    check(read_bytes(tmp_path, content), make_rows(9))
    with pytest.raises(DataError, match=r"row 10 \(line 11\): the emotion is '7'"):
        read_bytes(tmp_path, content + b"7,1,Training\n")
    blank = content.replace(b"\n" + content.split(b"\n")[6], b"\n\n" + content.split(b"\n")[6])
    with pytest.raises(DataError, match=r"row 6 \(line 7\): the line is blank"):
        read_bytes(tmp_path, blank)


@pytest.mark.parametrize("name", PACKERS)
def test_progress_ends_at_the_whole(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fer_export.dataset.csv_table.CHUNK", 20_000)
    steps: list[tuple[int, int]] = []
    path = tmp_path / name
    path.write_bytes(PACKERS[name](to_csv(make_rows(12))))
    readers.read(path, lambda done, total: steps.append((done, total)))
    size = path.stat().st_size
    assert steps[-1] == (size, size)
    assert {total for _, total in steps} == {size}
    assert steps == sorted(steps)
    assert len(steps) > 3


def with_pixels(change: Callable[[list[str]], list[str]]) -> Callable[[Rows], Rows]:
    return lambda rows: [*rows[:3], [rows[3][0], " ".join(change(rows[3][1].split())), rows[3][2]], *rows[4:]]


def with_field(column: int, value: str) -> Callable[[Rows], Rows]:
    return lambda rows: [*rows[:3], [value if i == column else field for i, field in enumerate(rows[3])], *rows[4:]]


WRONG_ROWS: dict[str, tuple[Callable[[Rows], Rows], str]] = {
    "2303 pixels": (with_pixels(lambda p: p[:-1]), "has 2303 pixels instead of 2304"),
    "2305 pixels": (with_pixels(lambda p: [*p, "1"]), "has 2305 pixels instead of 2304"),
    "no pixels": (with_field(1, ""), "has 0 pixels instead of 2304"),
    "256": (with_pixels(lambda p: [*p[:-1], "256"]), "pixel 2304 is '256', not a whole number from 0 to 255"),
    "999": (with_pixels(lambda p: ["999", *p[1:]]), "pixel 1 is '999'"),
    "1000": (with_pixels(lambda p: ["1000", *p[1:]]), "pixel 1 is '1000'"),
    "negative": (with_pixels(lambda p: [p[0], "-3", *p[2:]]), "pixel 2 is '-3'"),
    "a word": (with_pixels(lambda p: [p[0], "x", *p[2:]]), "pixel 2 is 'x'"),
    "a decimal": (with_pixels(lambda p: ["1.5", *p[1:]]), "pixel 1 is '1.5'"),
    "a slash": (with_pixels(lambda p: ["1/2", *p[1:]]), "pixel 1 is '1/2'"),
    "a foreign digit": (with_pixels(lambda p: ["\u0663", *p[1:]]), "pixel 1 is"),
    "tab with a minus": (with_pixels(lambda p: ["1\t-2", *p[2:]]), "pixel 2 is '-2'"),
    "label 7": (with_field(0, "7"), "the emotion is '7', not a number from 0"),
    "label -1": (with_field(0, "-1"), "the emotion is '-1'"),
    "label name": (with_field(0, "happy"), "the emotion is 'happy'"),
    "no label": (with_field(0, ""), "the emotion is ''"),
    "unknown Usage": (with_field(2, "Validation"), "the Usage is 'Validation', not Training, PublicTest or"),
    "Test as Usage": (with_field(2, "Test"), "the Usage is 'Test'"),
    "lower-case Usage": (with_field(2, "training"), "the Usage is 'training'"),
    "half a quote": (with_field(2, '"Training'), "the Usage is"),
    "4 columns": (with_field(2, "Training,1"), "has 4 columns instead of 3"),
    "2 columns": (lambda rows: [*rows[:3], rows[3][:2], *rows[4:]], "has 2 columns instead of 3"),
    "blank": (lambda rows: [*rows[:3], [""], *rows[4:]], "the line is blank"),
    "spaces": (lambda rows: [*rows[:3], ["  "], *rows[4:]], "the line is blank"),
    "too long": (with_pixels(lambda p: [" " * 70000, *p]), "the line is longer than 65536 bytes"),
}


@pytest.mark.parametrize("kind", WRONG_ROWS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_wrong_row_stops_with_its_number(kind: str, end: str, tmp_path: Path) -> None:
    change, why = WRONG_ROWS[kind]
    with pytest.raises(DataError) as caught:
        read_bytes(tmp_path, to_csv(change(make_rows()), end=end))
    message = str(caught.value)
    assert f"fer2013.csv, row 4 (line 5): {why}" in message
    assert message.isascii()
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize(("first", "second"), [("2303 pixels", "label 7"), ("label 7", "256"), ("256", "2 columns")])
def test_the_first_wrong_row_is_named(first: str, second: str, tmp_path: Path) -> None:
    rows = make_rows()
    wrong = [*WRONG_ROWS[first][0](rows)[:4], *WRONG_ROWS[second][0](rows)[3:]]
    with pytest.raises(DataError, match=r"row 4 \(line 5\)") as caught:
        read_bytes(tmp_path, to_csv(wrong))
    assert WRONG_ROWS[first][1] in str(caught.value)


def test_a_file_cut_within_a_row_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"row 6 \(line 7\)"):
        read_bytes(tmp_path, to_csv(make_rows())[:-200])


ONE = to_csv(make_rows(1)).split(b"\n")[1] + b"\n"

WRONG_FILES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "empty gz": (gzip.compress(b""), "is empty"),
    "header only": (b"emotion,pixels,Usage\n", "a header and no rows"),
    "header alone": (b"emotion,pixels,Usage", "a header and no rows"),
    "header and blanks": (b"emotion,pixels,Usage\n\n\n", "a header and no rows"),
    "no header": (ONE, "is not a FER2013 CSV: its first line is '0,0 99 255"),
    "no Usage": (b"emotion,pixels\n" + ONE, "lacks the column Usage"),
    "no emotion": (b"pixels,Usage\n" + ONE, "lacks the column emotion"),
    "a fourth column": (b"emotion,pixels,Usage,id\n" + ONE, "more than the three columns"),
    "a column twice": (b"emotion,pixels,Usage,Usage\n" + ONE, "more than the three columns"),
    "another name": (b"label,pixels,Usage\n" + ONE, "lacks the column emotion"),
    "binary": (bytes(range(256)) * 40, "is not a FER2013 CSV"),
    "zeros": (bytes(200_000), "is not a FER2013 CSV"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(99), "is not a FER2013 CSV"),
    "UTF-16": (("emotion,pixels,Usage\n").encode("utf-16"), "is not a FER2013 CSV"),
    "cut gz": (gzip.compress(to_csv(make_rows()))[:-20], "is damaged or cut short"),
    "cut xz": (lzma.compress(to_csv(make_rows()))[:-30], "is damaged or cut short"),
    "cut zip": (PACKERS["fer2013.zip"](to_csv(make_rows()))[:-40], "is damaged or cut short"),
    "gz header": (b"\x1f\x8b", "is damaged or cut short"),
    "damaged gz": (gzip.compress(ONE)[:30] + b"\0\1\2\3" * 500, "is damaged or cut short"),
    "xz of noise": (b"\xfd7zXZ\0" + bytes(50), "is damaged or cut short"),
    "zip without CSV": (zipped(("train/angry/1.png", b"x")), "holds no CSV file; unpack it"),
    "zip of two": (zipped(("a.csv", ONE), ("b.csv", ONE)), r"holds 2 CSV files \(a.csv, b.csv\), not one with emotion"),
    "empty zip": (zipped(), "holds no CSV file"),
}


@pytest.mark.parametrize("kind", WRONG_FILES)
def test_a_wrong_file_gives_one_clear_line(kind: str, tmp_path: Path) -> None:
    content, why = WRONG_FILES[kind]
    with pytest.raises(DataError, match=why) as caught:
        read_bytes(tmp_path, content)
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 300 + len(str(tmp_path))


def test_a_damaged_zip_member_is_refused(tmp_path: Path) -> None:
    stored = bytearray(zipped(("fer2013.csv", to_csv(make_rows()))))
    stored[len(stored) // 2] ^= 0xFF
    with pytest.raises(DataError, match=r"damaged or cut short|row \d"):
        read_bytes(tmp_path, bytes(stored))


def test_no_such_file_and_no_file_at_all(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv does not exist; pass fer2013\.csv"):
        readers.read(tmp_path / "none.csv")
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot read .*file/inside"):
        readers.read(tmp_path / "file" / "inside")


# --- folders -----------------------------------------------------------------------------------------------------


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
        steps: list[tuple[int, int]] = []
        readers.read(folder, lambda done, whole, steps=steps: steps.append((done, whole)))  # type: ignore[misc]
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


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind this user")
def test_an_unreadable_picture_is_named(folder: Path) -> None:
    path = folder / "train/happy/Training_2.png"
    path.chmod(0)
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
