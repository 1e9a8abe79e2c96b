"""Rows of a small fer2013.csv, packed in every way, and the check that they were read."""

from __future__ import annotations

import io
import tarfile
import zipfile

import numpy as np

from fer_export.dataset import read as readers
from fer_export.dataset.dataset import SPLITS

Rows = list[list[str]]


def make_rows(count: int = 6) -> Rows:
    pixels = np.random.default_rng(0).integers(0, 256, (count, 2304))
    pixels[:, :3] = 0, 99, 255
    return [[str(i % 7), " ".join(map(str, row)), SPLITS[i % 3]] for i, row in enumerate(pixels)]


def to_csv(rows: Rows, header: str = "emotion,pixels,Usage", end: str = "\n") -> bytes:
    return end.join([header, *(",".join(row) for row in rows), ""]).encode()


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
