"""Reading the CSV in all its dresses; every wrong row is named."""

from __future__ import annotations

import gzip
import hashlib
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

from fer_export.dataset import read as readers
from fer_export.errors import DataError
from helpers.datasets import Rows, check, make_rows, tarred, to_csv, zipped


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER_EXPORT_CACHE", str(tmp_path / "cache"))


def read_bytes(tmp_path: Path, content: bytes, name: str = "fer2013.csv") -> readers.Dataset:
    path = tmp_path / name
    path.write_bytes(content)
    return readers.read(path)


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
    "row numbers of pandas": lambda rows: to_csv(
        [[str(i), *row] for i, row in enumerate(rows)], ",emotion,pixels,Usage"
    ),
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
