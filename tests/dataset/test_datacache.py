"""The cache of read data sets: instant, keyed by content, rebuilt when unsound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fer_export.dataset import cache as datacache
from fer_export.dataset import csv_table, picture_folder
from fer_export.dataset import read as readers
from fer_export.dataset.dataset import Dataset
from fer_export.errors import DataError
from fer_export.system import cache_folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("FER_EXPORT_CACHE", str(folder))
    return folder


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "fer2013.csv", 5)


def write_csv(path: Path, count: int, seed: int = 0) -> Path:
    pixels = np.random.default_rng(seed).integers(0, 256, (count, 2304))
    rows = [f"{i % 7},{' '.join(map(str, row))},{('Training', 'PublicTest')[i % 2]}\n" for i, row in enumerate(pixels)]
    path.write_text("emotion,pixels,Usage\n" + "".join(rows))
    return path


def same(first: Dataset, second: Dataset) -> bool:
    names = ("pixels", "emotions", "usage", "rows")
    pairs = [(getattr(first, name), getattr(second, name)) for name in names]
    return first.sha256 == second.sha256 and all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in pairs)


@pytest.fixture
def no_parsing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("parsed again")

    monkeypatch.setattr(csv_table, "parse", refuse)
    monkeypatch.setattr(picture_folder, "decode", refuse)


def test_the_second_read_parses_nothing(cache: Path, csv: Path, request: pytest.FixtureRequest) -> None:
    first = readers.read(csv)
    request.getfixturevalue("no_parsing")
    second = readers.read(csv)
    assert same(first, second)
    assert second.pixels.flags.writeable
    assert [path.name for path in cache.iterdir()] == [f"{first.sha256}.faces"]


def test_the_key_is_the_content_not_the_path(
    cache: Path, csv: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    first = readers.read(csv)
    other = tmp_path / "other.csv"
    other.write_bytes(csv.read_bytes())
    write_csv(csv, 6)
    assert len(readers.read(csv)) == 6
    request.getfixturevalue("no_parsing")
    renamed = readers.read(other)
    assert same(first, renamed)
    assert renamed.source == other


def damage(kind: str, sound: bytes) -> bytes:
    position = sound.index(b"\n") + 100
    return {
        "truncated": sound[:-1],
        "empty": b"",
        "header only": sound[: sound.index(b"\n") + 1],
        "longer": sound + b"\0",
        "one bit": sound[:position] + bytes([sound[position] ^ 1]) + sound[position + 1 :],
        "foreign": b"PK\3\4" + bytes(5000),
        "foreign JSON": b"[1, 2]\n" + sound,
        "other version": sound.replace(b'"version": 1', b'"version": 0', 1),
        "other count": sound.replace(b'"faces": 5', b'"faces": "5"', 1),
        "text": "schön\n".encode("latin-1") * 50,
    }[kind]


KINDS = ["truncated", "empty", "header only", "longer", "one bit", "foreign", "foreign JSON", "other version", "text"]


@pytest.mark.parametrize("kind", [*KINDS, "other count"])
def test_an_unsound_entry_is_rebuilt(kind: str, cache: Path, csv: Path) -> None:
    first = readers.read(csv)
    entry = datacache.entry(first.sha256)
    sound = entry.read_bytes()
    entry.write_bytes(damage(kind, sound))
    assert entry.read_bytes() != sound
    assert datacache.load(first.sha256, csv) is None
    assert same(readers.read(csv), first)
    assert entry.read_bytes() == sound


def test_an_entry_under_another_name_is_foreign(cache: Path, csv: Path, tmp_path: Path) -> None:
    first = readers.read(csv)
    second = readers.read(write_csv(tmp_path / "second.csv", 5, seed=1))
    datacache.entry(first.sha256).write_bytes(datacache.entry(second.sha256).read_bytes())
    assert not same(first, second)
    assert same(readers.read(csv), first)


@pytest.mark.parametrize("in_the_way", ["a file for the folder", "a folder for the entry"])
def test_a_cache_that_cannot_be_written_does_no_harm(in_the_way: str, cache: Path, csv: Path) -> None:
    expected = readers.read(csv, cache=False)
    if in_the_way == "a file for the folder":
        cache.write_text("")
    else:
        (datacache.entry(expected.sha256) / "inside").mkdir(parents=True)
    assert same(readers.read(csv), expected)


def test_no_cache_reads_and_writes_none(cache: Path, csv: Path) -> None:
    readers.read(csv, cache=False)
    assert not cache.exists()


def test_a_wrong_file_is_not_kept(cache: Path, csv: Path) -> None:
    csv.write_text(csv.read_text() + "7,1,Training\n")
    with pytest.raises(DataError, match="row 6"):
        readers.read(csv)
    assert not cache.exists()


def test_the_users_cache_folder_is_the_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FER_EXPORT_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert "fer-export" in cache_folder.folder().parts
    monkeypatch.setenv("FER_EXPORT_CACHE", "~/faces")
    assert cache_folder.folder() == Path.home() / "faces"
