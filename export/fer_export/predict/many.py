"""Many photos on several cores, in the order in which they were given."""

from __future__ import annotations

import contextlib
import glob
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..harmless import file_name
from ..system import OnStep, files, machine, silent
from .pipeline import Pipeline, picture_paths
from .results import PhotoResult, PhotoResults
from .source import PipelineSource

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

STDIN = "-"

VIDEOS = frozenset((".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".3gp", ".ogv", ".wmv"))
"""What a video is called; everything else is a photo."""

ENOUGH = 4
"""Photos for each further process: fewer are read while it starts."""


MOST_THREADS = 4
"""Threads that look for faces in one photo: more wait for one another."""


@dataclass(frozen=True)
class PhotoJob:
    """What is done with each photo."""

    annotate: Path | None = None
    """A .png to draw the result into; of several photos, each has its own beside it."""

    crops: Path | None = None
    """A folder for the faces' crops."""

    largest: bool = False
    """Whether only the largest face is kept."""


def photo_paths(words: Sequence[str], lines: Iterable[str] = ()) -> list[Path]:
    """The photos that words name: files, folders (their pictures, also of folders inside, sorted), patterns.

    lines: what `-` stands for, one photo a line.

    Raises UsageError for a folder or pattern with no picture and where nothing is named at all.
    """
    paths: list[Path] = []
    for word in words:
        if word == STDIN:
            paths += [Path(line.rstrip("\r\n")) for line in lines if line.strip()]
        elif os.path.isdir(word):  # unlike Path's, False for a name that is too long
            paths += _pictures(Path(word))
        elif not os.path.exists(word) and glob.has_magic(word):
            found = sorted(glob.glob(word, recursive=True))
            if not found:
                raise UsageError(f"the pattern {word} names no file; check its folder and suffix")
            paths += map(Path, found)
        else:
            paths.append(Path(word))
    if not paths:
        raise UsageError("the list of photos is empty; pass at least one photo")
    return paths


def is_video(path: Path) -> bool:
    """Whether a path is called like a video."""
    return path.suffix.lower() in VIDEOS


def predict_many(
    source: PipelineSource,
    paths: Sequence[Path],
    job: PhotoJob = PhotoJob(),
    *,
    processes: int | None = None,
    on_result: Callable[[PhotoResult], None] = lambda result: None,
    on_step: OnStep = silent,
) -> PhotoResults:
    """The faces of many photos; one that cannot be read becomes a result with its error, and the next follows.

    processes: by default as many as there are cores and the number of photos is worth.
        A single photo is searched on several threads instead; pass 1 to keep to one core.
    on_result: called with each result, in the order of the photos.

    Raises UsageError for a picture that is not a .png, OutputError when nothing can be written there.
    """
    pictures: Sequence[Path | None] = picture_paths(paths, job.annotate) if job.annotate else [None] * len(paths)
    crops: Sequence[Path | None] = _crop_places(paths, job.crops) if job.crops else [None] * len(paths)
    wanted = processes or min(machine.cores(), 1 + len(paths) // ENOUGH)
    count = 1 if source.uses_keras else max(1, min(wanted, len(paths)))
    results: list[PhotoResult] = []
    # The processes of several have all cores already.
    with source.open(threads=min(machine.cores(), MOST_THREADS) if count == 1 and processes is None else 1) as pipeline:
        places = list(zip(paths, pictures, crops, strict=True))
        found = _here(pipeline, places, job) if count == 1 else _apart(source, count, places, job)
        on_step("looking for faces", 0, len(paths))
        for result in found:
            results.append(result)
            on_result(result)
            on_step("looking for faces", len(results), len(paths))
        runtime = f"{pipeline.runtime.name} {pipeline.runtime.version}"
        return PhotoResults(pipeline.model, runtime, tuple(results), pipeline.assumed, pipeline.said_of_prior)


Place = tuple[Path, Path | None, Path | None]
"""A photo, its annotated picture, and where its crops go."""


def _here(pipeline: Pipeline, places: Sequence[Place], job: PhotoJob) -> Iterator[PhotoResult]:
    for path, picture, crops in places:
        yield pipeline.predict_file(path, picture, crops, largest=job.largest)


def _apart(source: PipelineSource, count: int, places: Sequence[Place], job: PhotoJob) -> Iterator[PhotoResult]:
    """Results in order; where a process ends, the first photo without one is tried alone, and the rest anew."""
    from concurrent.futures.process import BrokenProcessPool

    rest = list(places)
    while rest:
        done = 0
        with contextlib.suppress(BrokenProcessPool), _pool(source, count, job) as pool:
            for result in pool.map(_predict, rest):
                done += 1
                yield result
        rest = rest[done:]
        if rest:
            yield _alone(source, rest.pop(0), job)


def _alone(source: PipelineSource, place: Place, job: PhotoJob) -> PhotoResult:
    """The result of one photo in a process of its own."""
    from concurrent.futures.process import BrokenProcessPool

    try:
        with _pool(source, 1, job) as pool:
            return pool.submit(_predict, place).result()
    except BrokenProcessPool:
        return PhotoResult(
            place[0], error=f"{place[0]} ended the process that read it; make it smaller, or save it again"
        )


def _pool(source: PipelineSource, count: int, job: PhotoJob) -> ProcessPoolExecutor:
    # Both take their time to load, and a single photo needs neither.
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    # Spawned: a process that was forked from one with threads may hang.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(count, mp_context=context, initializer=_open, initargs=(source, job))


_OPENED: list[tuple[Pipeline, PhotoJob]] = []
"""What a worker process opened when it started."""


def _open(source: PipelineSource, job: PhotoJob) -> None:
    _OPENED[:] = [(source.open(), job)]


def _predict(place: Place) -> PhotoResult:
    pipeline, job = _OPENED[0]
    return next(_here(pipeline, [place], job))


def _crop_places(paths: Sequence[Path], folder: Path) -> list[Path]:
    """Folder and stem of each photo; a second photo of the same name is numbered."""
    files.check_writable(folder)
    places: dict[Path, None] = {}
    for path in paths:
        stem, count = file_name(path.stem), 1
        place = folder / stem
        while place in places:
            count += 1
            place = folder / f"{stem}-{count}"
        places[place] = None
    return list(places)


def _pictures(folder: Path) -> list[Path]:
    from PIL import Image

    known = Image.registered_extensions()
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in known and os.path.isfile(path))
    if not found:
        raise UsageError(f"{folder} holds no picture that Pillow can read; check the folder")
    return found
