"""FER2013 as folders of pictures, the layout Kaggle ships: `train/<emotion>/*.jpg`, `test/<emotion>/*.jpg`.

Pictures are .jpg, .jpeg or .png of 48x48 pixels. train/ is Training. In test/, names that begin with PublicTest_ or
PrivateTest_ tell the split; where no name does, all of test/ is the split Test, never PublicTest. Pictures are read in
the order of their relative paths. Hidden files (.DS_Store) are skipped; whatever else does not fit stops the reading.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .csv_table import Table
from .dataset import SIDE, SPLITS
from .emotions import FER2013, canonical

_SUFFIXES = (".jpg", ".jpeg", ".png")
_PARTS = ("train", "test")


class Picture(NamedTuple):
    """One picture: its path below the folder, with "/", its size in bytes, emotion and split as in Table."""

    path: str
    size: int
    emotion: int
    usage: int


def find(folder: Path) -> list[Picture]:
    """The pictures of a folder, sorted by path. Raises DataError for another layout and for what does not fit in it."""
    try:
        pictures = sorted(_pictures(folder))
    except OSError as error:
        raise DataError(f"cannot read {error.filename}: {error.strerror}; check its permissions") from error
    if not pictures:
        raise DataError(f"{folder}: its train and test folders hold no pictures; unpack the data set again")
    return pictures


def digest(folder: Path, pictures: list[Picture], done: Callable[[int], None]) -> str:
    """SHA-256 over the sorted relative paths and contents, hex. `done` gets the bytes of each picture."""
    sha256 = hashlib.sha256()
    for picture in pictures:
        content = _content(folder, picture)
        path = os.fsencode(picture.path)
        sha256.update(b"%d %d\n%b%b" % (len(path), len(content), path, content))
        done(picture.size)
    return sha256.hexdigest()


def decode(folder: Path, pictures: list[Picture], done: Callable[[int], None]) -> Table:
    """The faces of these pictures in grey. Raises DataError for one that is not readable or not 48x48."""
    pixels = np.empty((len(pictures), SIDE, SIDE, 1), np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, about pictures that are refused below or need no alpha
        for position, picture in enumerate(pictures):
            pixels[position, :, :, 0] = _grey(folder / picture.path)
            done(picture.size)
    emotions = np.array([picture.emotion for picture in pictures], np.uint8)
    return Table(pixels, emotions, np.array([picture.usage for picture in pictures], np.uint8))


def _pictures(folder: Path) -> Iterator[Picture]:
    parts = {entry.name.lower(): Path(entry) for entry in _entries(folder) if entry.name.lower() in _PARTS}
    if not parts:
        csv = sorted(entry.name for entry in _entries(folder) if entry.name.lower().endswith(".csv"))
        fix = f"pass the file {folder / csv[0]}" if csv else "pass fer2013.csv or the folder that holds train and test"
        raise DataError(f"{folder} has no train or test folder of pictures; {fix}")
    for entry in _entries(folder):
        if entry.is_dir() and entry.name.lower() not in _PARTS and _holds_emotions(Path(entry)):
            raise DataError(f"{entry.path} is neither train nor test and would be ignored; move it elsewhere")
    for part, path in parts.items():
        found = list(_part_pictures(folder, path, part))
        yield from _with_split(folder, found, part)


def _part_pictures(folder: Path, path: Path, part: str) -> Iterator[Picture]:
    """The pictures of train/ or test/, not yet with their split."""
    for emotion in _entries(path):
        name = canonical(emotion.name)
        if not emotion.is_dir() or name not in FER2013:
            raise DataError(
                f"{emotion.path} is not the folder of an emotion ({', '.join(FER2013)}); rename it or move it elsewhere"
            )
        for entry in _entries(Path(emotion)):
            if not entry.is_file() or not entry.name.lower().endswith(_SUFFIXES):
                raise DataError(f"{entry.path} is not a .jpg or .png picture; move it elsewhere")
            relative = Path(entry).relative_to(folder).as_posix()
            yield Picture(relative, entry.stat().st_size, FER2013.index(name), -1)


def _with_split(folder: Path, pictures: list[Picture], part: str) -> Iterator[Picture]:
    """Split by folder and name. A name that contradicts its folder or its neighbours is refused."""
    named = [_named_split(picture) for picture in pictures]
    telling = part == "test" and any(named)
    for picture, name in zip(pictures, named, strict=True):
        why = None
        if name and (name == "Training") != (part == "train"):
            why = f"its name says {name}"
        elif telling and not name:
            why = "unlike the others it is named neither PublicTest_ nor PrivateTest_"
        if why:
            raise DataError(f"{folder / picture.path} is in {part}, but {why}; rename it or move it elsewhere")
        split = name or ("Training" if part == "train" else "Test")
        yield picture._replace(usage=SPLITS.index(split))


def _named_split(picture: Picture) -> str | None:
    name = picture.path.rpartition("/")[2].lower()
    return next((split for split in SPLITS[:3] if name.startswith(f"{split.lower()}_")), None)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name)


def _holds_emotions(folder: Path) -> bool:
    return any(entry.is_dir() and canonical(entry.name) in FER2013 for entry in _entries(folder))


def _content(folder: Path, picture: Picture) -> bytes:
    path = folder / picture.path
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}; check its permissions") from error


def _grey(path: Path) -> NDArray[np.uint8]:
    """One picture as uint8 [48, 48]. Luma is ITU-R 601, which leaves equal red, green and blue as they are."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path, formats=("JPEG", "PNG")) as image:
            if image.size != (SIDE, SIDE):
                width, height = image.size
                raise DataError(f"{path} is {width}x{height} pixels, not {SIDE}x{SIDE}; give FER2013's own pictures")
            if image.mode[0] in "IF":
                raise DataError(f"{path} has more than 8 bits a pixel; save it as 8-bit grey")
            return np.asarray(image if image.mode == "L" else image.convert("L"))
    except UnidentifiedImageError as error:
        raise DataError(f"{path} is not a readable JPEG or PNG picture; unpack the data set again") from error
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise DataError(f"{path} is a damaged picture ({error}); unpack the data set again") from error
