"""Faces and their emotions in a video file or a camera's pictures, over time."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import PhotoError, UsageError
from ..photo.read import LARGEST
from ..system import OnStep, Readable, files, silent
from .pipeline import Pipeline
from .source import PipelineSource
from .tracks import TrackedFace, Tracks

if TYPE_CHECKING:
    import av

EVERY = 5
"""Of so many pictures of a video one is searched: six a second of a phone's thirty."""

_RATE = Fraction(30)
"""Pictures a second where a video does not say."""

_CAMERAS = {"linux": ("v4l2", "/dev/video{}"), "darwin": ("avfoundation", "{}")}
"""How FFmpeg opens the camera of a number."""


@dataclass(frozen=True)
class Picture:
    """One picture of a video that was searched for faces."""

    number: int
    """Its number in the video, from 0."""

    seconds: float
    """When it is shown."""

    faces: tuple[TrackedFace, ...]
    """Its faces, the surest first, with emotions smoothed over time."""

    labels: tuple[str, ...]
    """Emotions in the order of the outputs."""

    def to_dict(self, top: int | None = None) -> dict[str, Any]:
        faces = [face.to_dict(top) for face in self.faces]
        return {"frame": self.number, "seconds": round(self.seconds, 3), "faces": faces}


@dataclass(frozen=True)
class VideoJob:
    """What is done with a video."""

    every: int = EVERY
    """Of so many pictures one is searched for faces."""

    largest: bool = False
    """Whether only the largest face of a picture is kept."""

    annotate: Path | None = None
    """A .mp4 to write the video into, with its faces framed and without its sound."""

    seconds: float | None = None
    """How much of it is read; None for all."""


@dataclass(frozen=True)
class VideoResult(Readable):
    """What was found in a video."""

    video: str
    """Its path, or `camera 0`."""

    model: str
    """Name of the network."""

    runtime: str
    """What ran it, such as `litert 2.3.0`."""

    every: int
    """Of so many pictures one was searched."""

    pictures: tuple[Picture, ...]
    """Those that were searched, in their order."""

    annotated: Path | None = None
    """The video that was drawn; None without one."""

    prior: str = ""
    """Which shares of the emotions the answers assume; empty for those of the training faces."""

    error: str | None = None
    """Why reading stopped before the end; None if it did not."""

    @property
    def tracks(self) -> dict[int, list[tuple[float, TrackedFace]]]:
        """Number of each face -> when it was seen, and how."""
        found: dict[int, list[tuple[float, TrackedFace]]] = {}
        for picture in self.pictures:
            for face in picture.faces:
                found.setdefault(face.track, []).append((picture.seconds, face))
        return found

    def shares(self, track: int) -> list[tuple[str, float]]:
        """Emotions of a face with the share of its pictures in which each is the likeliest, the commonest first."""
        counted = Counter(face.prediction.emotion for _, face in self.tracks[track])
        return [(emotion, count / counted.total()) for emotion, count in counted.most_common()]

    def check(self) -> None:
        """Raise PhotoError if the video could not be read to its end."""
        if self.error is not None:
            raise PhotoError(self.error)

    def to_dict(self, top: int | None = None) -> dict[str, Any]:
        return {
            "video": self.video,
            "model": self.model,
            "runtime": self.runtime,
            "every": self.every,
            "pictures": [picture.to_dict(top) for picture in self.pictures],
            "annotated": str(self.annotated) if self.annotated else None,
            "prior": self.prior,
            "error": self.error,
        }


def predict_video(
    source: PipelineSource,
    video: Path | int,
    job: VideoJob = VideoJob(),
    *,
    on_picture: Callable[[Picture], None] = lambda picture: None,
    on_step: OnStep = silent,
) -> VideoResult:
    """The faces of every n-th picture of a video, followed over time.

    source: network and limits.
    video: a file, or the number of a camera, which is read until `job.seconds` are over.
    on_picture: called with each picture as soon as it is searched.
    on_step: called with the task, the pictures read and their number.

    Raises UsageError without PyAV (extra `video`) and for a name to write that is not a .mp4, PhotoError for a file or
    camera that cannot be opened.
    """
    name = str(video) if isinstance(video, Path) else f"camera {video}"
    with contextlib.ExitStack() as stack:
        reader = stack.enter_context(_Reader.open(video))
        writer = stack.enter_context(_writer(job.annotate, video, reader.rate)) if job.annotate else None
        pipeline = stack.enter_context(source.open())
        search = _Search(pipeline, job, writer)
        error = None
        try:
            for number, seconds, pixels in reader.pictures():
                if job.seconds is not None and seconds >= job.seconds:
                    break
                picture = search.add(number, seconds, pixels)
                if picture:
                    on_picture(picture)
                on_step("looking for faces", number + 1, max(reader.count, number + 1))
        except PhotoError as fault:
            if not search.found:
                raise
            error = f"{name}: only its first {search.found[-1].seconds:.1f} s could be read ({fault})"
        runtime = f"{pipeline.runtime.name} {pipeline.runtime.version}"
        said = pipeline.model, runtime, job.every, tuple(search.found)
    return VideoResult(name, *said, job.annotate, pipeline.said_of_prior, error)


@dataclass
class _Search:
    """The pictures searched so far."""

    pipeline: Pipeline
    """What searches."""

    job: VideoJob
    """Which pictures, and what is kept of them."""

    writer: _Writer | None
    """Where every picture is drawn; None for nowhere."""

    found: list[Picture] = field(default_factory=list)
    """Those that were searched."""

    tracks: Tracks = field(default_factory=Tracks)
    """The faces so far."""

    def add(self, number: int, seconds: float, pixels: NDArray[np.uint8]) -> Picture | None:
        """Search a picture where its turn has come, and write it with the faces found last."""
        picture = None
        if number % self.job.every == 0:
            predictions = self.pipeline.predict(pixels)
            if self.job.largest and predictions:
                predictions = (max(predictions, key=lambda each: each.face.box.area),)
            picture = Picture(number, seconds, self.tracks.add(predictions, seconds), self.pipeline.contract.labels)
            self.found.append(picture)
        if self.writer:
            self.writer.add(pixels, self.found[-1].faces)
        return picture


class _Reader:
    """Upright pictures of a video, one after the other."""

    def __init__(self, container: av.container.InputContainer, name: str) -> None:
        if not container.streams.video:
            raise PhotoError(f"{name} holds no pictures; pass a video")
        self._container, self._name = container, name
        self._stream = container.streams.video[0]
        self._stream.thread_type = "AUTO"

    @property
    def rate(self) -> Fraction:
        """Pictures a second."""
        return self._stream.average_rate or _RATE

    @property
    def count(self) -> int:
        """Pictures in all; 0 where the file does not say."""
        return int(self._stream.frames)

    @classmethod
    @contextlib.contextmanager
    def open(cls, video: Path | int) -> Iterator[_Reader]:
        """The reader of a file or a camera."""
        av = _av()
        if isinstance(video, int):
            name, (driver, place) = f"camera {video}", _camera()
            opening: dict[str, Any] = {"file": place.format(video), "format": driver}
        else:
            if not video.is_file():
                raise PhotoError(f"{video} {'is a folder' if video.is_dir() else 'does not exist'}; pass a video")
            # A name such as http://... or concat:... is a file here, never a protocol.
            name, opening = str(video), {"file": f"file:{video}"}
        try:
            container = av.open(**opening)
        except (av.error.FFmpegError, OSError) as error:
            raise PhotoError(f"{name} cannot be opened ({error.strerror or error}); check it in a player") from error
        with container:
            yield cls(container, name)

    def pictures(self) -> Iterator[tuple[int, float, NDArray[np.uint8]]]:
        """Number, seconds and pixels uint8 [H, W, 3] of each; raises PhotoError where it cannot be read on."""
        av = _av()
        try:
            size = self._stream.width * self._stream.height
            if size > LARGEST:
                raise PhotoError(f"{self._name} has pictures of {size:,} pixels, the limit is {LARGEST:,}")
            for number, frame in enumerate(self._container.decode(self._stream)):
                seconds = frame.time if frame.time is not None else float(number / self.rate)
                turned = np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90) % 4)
                yield number, float(seconds), np.ascontiguousarray(turned)
        except (av.error.FFmpegError, OSError) as error:
            raise PhotoError(f"{self._name} cannot be read on ({error.strerror or error})") from error


class _Writer:
    """An .mp4 with framed faces."""

    def __init__(self, container: av.container.OutputContainer, rate: Fraction) -> None:
        self._container, self._rate = container, rate
        self._stream: Any = None

    def add(self, pixels: NDArray[np.uint8], faces: tuple[TrackedFace, ...]) -> None:
        """One more picture; its size is that of the first, made even as the format asks."""
        av = _av()
        from .annotate import framed

        drawn = framed(pixels, [face.prediction for face in faces], [face.track for face in faces])
        if self._stream is None:
            codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
            self._stream = self._container.add_stream(codec, rate=self._rate)
            self._stream.width, self._stream.height = (max(2, side // 2 * 2) for side in drawn.shape[1::-1])
            self._stream.pix_fmt = "yuv420p"
        frame = av.VideoFrame.from_ndarray(drawn, format="rgb24")
        size = {"width": self._stream.width, "height": self._stream.height}
        self._container.mux(self._stream.encode(frame.reformat(**size, format="yuv420p")))

    def finish(self) -> None:
        if self._stream is not None:
            self._container.mux(self._stream.encode())


@contextlib.contextmanager
def _writer(path: Path, video: Path | int, rate: Fraction) -> Iterator[_Writer]:
    """A writer whose file appears whole under its name, or not at all."""
    if path.suffix.lower() != ".mp4":
        raise UsageError(f"the annotated video {path} is written as MP4; pass a name that ends in .mp4")
    if isinstance(video, Path) and path.resolve() == video.resolve():
        raise UsageError(f"the annotated video would replace the video {path}; pass another name")
    files.check_writable(path.parent)
    partial = path.with_name(f".{path.stem}-partial.mp4")
    try:
        with _av().open(str(partial), "w") as container:
            writer = _Writer(container, rate)
            yield writer
            writer.finish()
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _camera() -> tuple[str, str]:
    platform = next((each for each in _CAMERAS if sys.platform.startswith(each)), None)
    if platform is None:
        raise UsageError("a camera can be opened on Linux and macOS only; pass a video file")
    return _CAMERAS[platform]


def _av() -> Any:
    try:
        import av
        import av.error
    except ImportError as error:
        raise UsageError("videos need PyAV, which is not installed; run: pip install 'fer-export[video]'") from error
    return av
