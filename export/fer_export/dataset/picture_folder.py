"""FER2013 as folders of pictures, the layouts of Kaggle: `train/<emotion>/*.jpg` beside `test/`, `validation/`, `val/`.

Pictures are .jpg, .jpeg or .png of 48x48 pixels. train/ is Training. Elsewhere, names that begin with PublicTest_ or
PrivateTest_ tell the split; where no name does, test/ is the split Test and validation/ Validation, never PublicTest.
Pictures are read in the order of their relative paths. Litter (.DS_Store, Thumbs.db, __MACOSX) is skipped; whatever
else does not fit is refused, all of it in one message.
"""

from __future__ import annotations

import hashlib
import itertools
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
from .litter import is_litter
from .problems import Problem, folder_error

_SUFFIXES = (".jpg", ".jpeg", ".png")
_PARTS = {
    **{"train": "Training", "training": "Training", "test": "Test", "testing": "Test"},
    **{"validation": "Validation", "val": "Validation", "valid": "Validation", "dev": "Validation"},
    **{"publictest": "PublicTest", "privatetest": "PrivateTest"},
}
"""Folders of pictures in lower case, and the split of pictures whose names do not tell it."""

DEPTH = 3
"""Folders that may stand around the one with train and test: `archive/images/images`."""

MOST_FOLDERS = 64
"""Folders of one depth that are looked into."""

_MOVE = "rename it or move it elsewhere"


class Picture(NamedTuple):
    """One picture of a folder."""

    path: str
    """Below the folder, with "/"."""

    size: int
    """Bytes."""

    emotion: int
    """Position in FER2013's emotions."""

    usage: int
    """Position in dataset.SPLITS."""


def place(folder: Path) -> Path | None:
    """The folder that holds train, test or the like: this one, or the only one in it, as archives are often unpacked.

    None without, and where there are two at the same depth; it looks DEPTH folders deep.
    """
    level = [folder]
    try:
        for _ in range(DEPTH + 1):
            if found := [path for path in level if _parts(path)]:
                return found[0] if len(found) == 1 else None
            inner = (Path(entry) for path in level for entry in _entries(path) if entry.is_dir())
            level = list(itertools.islice(inner, MOST_FOLDERS))
    except OSError as error:
        raise DataError(f"cannot read {error.filename}: {error.strerror}; check its permissions") from error
    return None


def find(folder: Path) -> tuple[list[Picture], list[Problem]]:
    """The pictures of a folder, sorted by path, and what does not fit in it.

    Raises DataError for a folder without pictures.
    """
    pictures, problems = list[Picture](), list[Problem]()
    try:
        for part in _parts(folder):
            found, wrong = _part_pictures(folder, Path(part))
            pictures += found
            problems += wrong
        problems += _strangers(folder)
        problems += _collisions(_parts(folder), lambda entry: entry.name.lower())
    except OSError as error:
        raise DataError(f"cannot read {error.filename}: {error.strerror}; check its permissions") from error
    if not pictures and not problems:
        raise DataError(f"{folder}: its train and test folders hold no pictures; unpack the data set again")
    return sorted(pictures), problems


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
    """The faces of these pictures in grey. Raises DataError that names those that are not readable or not 48x48."""
    pixels = np.empty((len(pictures), SIDE, SIDE, 1), np.uint8)
    wrong: list[Problem] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, about pictures that are refused below or need no alpha
        for position, picture in enumerate(pictures):
            face = _grey(folder / picture.path)
            if isinstance(face, Problem):
                wrong.append(face)
            else:
                pixels[position, :, :, 0] = face
            done(picture.size)
    if wrong:
        raise folder_error(folder, wrong)
    emotions = np.array([picture.emotion for picture in pictures], np.uint8)
    return Table(pixels, emotions, np.array([picture.usage for picture in pictures], np.uint8))


def damaged(folder: Path, pictures: list[Picture]) -> list[Problem]:
    """What is wrong with pictures that are not readable or not 48x48."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        faces = (_grey(folder / picture.path) for picture in pictures)
        return [face for face in faces if isinstance(face, Problem)]


def _parts(folder: Path) -> list[os.DirEntry[str]]:
    return [entry for entry in _entries(folder) if entry.is_dir() and entry.name.lower() in _PARTS]


def _strangers(folder: Path) -> Iterator[Problem]:
    """Folders of emotions that no part holds."""
    for entry in _entries(folder):
        if entry.is_dir() and entry.name.lower() not in _PARTS and _holds_emotions(Path(entry)):
            known = ", ".join(sorted({"train", "validation", "test"}))
            yield Problem(entry.path, f"is none of {known} and would be ignored", "move it elsewhere")


def _collisions(entries: list[os.DirEntry[str]], key: Callable[[os.DirEntry[str]], str]) -> Iterator[Problem]:
    """Entries that have the same key as an earlier one: they could not stand side by side everywhere."""
    seen: dict[str, str] = {}
    for entry in entries:
        first = seen.setdefault(key(entry), entry.name)
        if first != entry.name:
            yield Problem(entry.path, f"is the same as {first} beside it but for its spelling", "put them into one")


def _part_pictures(folder: Path, path: Path) -> tuple[list[Picture], list[Problem]]:
    """The pictures of train/, test/ or the like, and what does not fit in it."""
    pictures, problems = list[Picture](), list[Problem]()
    folders = []
    for emotion in _entries(path):
        name = canonical(emotion.name)
        if not emotion.is_dir() or name not in FER2013:
            why = f"is not the folder of an emotion ({', '.join(FER2013)})"
            problems.append(Problem(emotion.path, why, _MOVE))
            continue
        folders.append(emotion)
        entries = _entries(Path(emotion))
        for entry in entries:
            if not entry.is_file() or not entry.name.lower().endswith(_SUFFIXES):
                problems.append(Problem(entry.path, "is not a .jpg or .png picture", "move it elsewhere"))
                continue
            relative = Path(entry).relative_to(folder).as_posix()
            pictures.append(Picture(relative, entry.stat().st_size, FER2013.index(name), -1))
        problems += _collisions(entries, lambda entry: entry.name.lower())
    problems += _collisions(folders, lambda entry: canonical(entry.name))
    found, wrong = _with_split(folder, pictures, path.name)
    return found, [*problems, *wrong]


def _with_split(folder: Path, pictures: list[Picture], part: str) -> tuple[list[Picture], list[Problem]]:
    """Split by folder and name. A name that contradicts its folder or its neighbours is a problem."""
    named = [_named_split(picture) for picture in pictures]
    default = _PARTS[part.lower()]
    telling = default != "Training" and any(named)
    found, problems = [], []
    for picture, name in zip(pictures, named, strict=True):
        why = None
        if name and (name == "Training") != (default == "Training"):
            why = f"its name says {name}"
        elif telling and not name:
            why = "unlike the others it is named neither PublicTest_ nor PrivateTest_"
        if why:
            problems.append(Problem(str(folder / picture.path), f"is in {part}, but {why}", _MOVE))
        found.append(picture._replace(usage=SPLITS.index(name or default)))
    return found, problems


def _named_split(picture: Picture) -> str | None:
    name = picture.path.rpartition("/")[2].lower()
    return next((split for split in SPLITS[:3] if name.startswith(f"{split.lower()}_")), None)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted((entry for entry in entries if not is_litter(entry.name)), key=lambda entry: entry.name)


def _holds_emotions(folder: Path) -> bool:
    return any(entry.is_dir() and canonical(entry.name) in FER2013 for entry in _entries(folder))


def _content(folder: Path, picture: Picture) -> bytes:
    path = folder / picture.path
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}; check its permissions") from error


def _grey(path: Path) -> NDArray[np.uint8] | Problem:
    """One picture as uint8 [48, 48], or what is wrong with it.

    Luma is ITU-R 601, which leaves equal red, green and blue as they are.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path, formats=("JPEG", "PNG")) as image:
            if image.size != (SIDE, SIDE):
                width, height = image.size
                return Problem(
                    str(path), f"is {width}x{height} pixels, not {SIDE}x{SIDE}", "pass FER2013's own pictures"
                )
            if image.mode[0] in "IF":
                return Problem(str(path), "has more than 8 bits a pixel", "save it as 8-bit grey")
            return np.asarray(image if image.mode == "L" else image.convert("L"))
    except UnidentifiedImageError:
        return Problem(str(path), "is not a readable JPEG or PNG picture", "unpack the data set again")
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        return Problem(str(path), f"is a damaged picture ({error})", "unpack the data set again")
