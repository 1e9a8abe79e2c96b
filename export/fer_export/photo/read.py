"""Photos of any format and mode that Pillow reads, as upright RGB.

Rules: an animation is its first frame; alpha is composited on white; orientation (EXIF) is applied; 16-bit grey is
    divided by 257; 32-bit grey counts as bytes, as 16 bits or as 0..1 where its values fit, else its own range is
    spread over 0..255. A JPEG of more than LARGEST pixels is decoded at a half, quarter or eighth of its size; one that
    lacks nothing but its end marker is read.
"""

from __future__ import annotations

import contextlib
import io
import stat
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import PhotoError, PhotoSizeError

if TYPE_CHECKING:
    from PIL.Image import Image

LARGEST = 100_000_000
"""Pixels of a decoded photo: some 700 MB while it is read, 300 MB afterwards."""

_BAND = 256

_REDUCTIONS = (1, 2, 4, 8)
_ORIENTATION = 0x0112


_START, _END = b"\xff\xd8", b"\xff\xd9"
"""Markers of a JPEG file."""

_FILLER = b"\x55\xaa" * 2048
"""Bytes that would become pixels where some are missing."""

UNFINISHED = "the file ends without its end marker; every pixel is there"


@dataclass(frozen=True)
class Photo:
    """A photo that was read."""

    pixels: NDArray[np.uint8]
    """Upright, uint8 [H, W, 3], RGB."""

    caution: str = ""
    """What is wrong with the file though its pixels are there; empty for nothing."""


def read(path: Path) -> NDArray[np.uint8]:
    """The upright photo: uint8 [H, W, 3], RGB. Raises PhotoError, in one line."""
    return read_photo(path).pixels


def read_photo(path: Path) -> Photo:
    """The upright photo and what is wrong with its file. Raises PhotoError, in one line."""
    _check_file(path)
    return _decoded(path, path, LARGEST)


def _check_file(path: Path) -> None:
    """Raises PhotoError unless the path names a file with something in it that may be read."""
    try:
        found = path.stat()
        if stat.S_ISREG(found.st_mode):
            with path.open("rb") as file:
                first = file.read(1)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise PhotoError(f"{path} does not exist; pass a photo") from error
    except OSError as error:
        raise _closed(path, error) from error
    if not stat.S_ISREG(found.st_mode):
        what = "is a folder" if stat.S_ISDIR(found.st_mode) else "is not a file"
        raise PhotoError(f"{path} {what}; pass a photo")
    if not first:
        raise PhotoError(f"{path} is empty; copy or save it again")


def _closed(path: Path | str, error: OSError) -> PhotoError:
    return PhotoError(f"{path} cannot be opened ({error.strerror or error}); check its name and permissions")


def decode(content: bytes, most: int = LARGEST) -> NDArray[np.uint8]:
    """The upright photo in the bytes of a file: uint8 [H, W, 3], RGB; raises PhotoError.

    most: pixels above which a photo is refused with PhotoSizeError, or a JPEG decoded smaller.
    """
    return _decoded(io.BytesIO(content), "the photo", most).pixels


def _decoded(source: Path | io.BytesIO, path: Path | str, most: int) -> Photo:
    from PIL import Image, UnidentifiedImageError

    try:
        # The size is checked here, before anything is decoded; frames inside other formats are left to Pillow.
        with _pixel_limit(None):
            image = Image.open(source)
        with image, _pixel_limit(most):
            _fit(image, path, most)
            image.load()
            pixels, orientation = _rgb(image), _orientation(image)
            image.close()  # turning copies: the picture twice and its pixels would be three
            return Photo(_upright(pixels, orientation))
    except UnidentifiedImageError as error:
        raise PhotoError(f"{path} is not a picture that Pillow can read; convert it to JPEG or PNG") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(path, "more", most) from error
    except PhotoError:
        raise
    except MemoryError as error:
        raise PhotoError(f"{path} does not fit in memory; make it smaller") from error
    except Exception as error:  # Pillow's formats raise many kinds of errors on damaged files
        if isinstance(error, OSError) and error.errno is not None:
            raise _closed(path, error) from error
        content = source.read_bytes() if isinstance(source, Path) else source.getvalue()
        if content.startswith(_START) and _END not in content[-2:] and "truncated" in str(error):
            return _unfinished(content, path, most)
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise PhotoError(f"{path} cannot be read ({reason}); save it again as JPEG or PNG") from error


def _unfinished(content: bytes, path: Path | str, most: int) -> Photo:
    """A JPEG without its end marker: whole if bytes added before that marker change no pixel."""
    ended, filled = (_decoded(io.BytesIO(content + each + _END), path, most).pixels for each in (b"", _FILLER))
    if not np.array_equal(ended, filled):
        raise PhotoError(f"{path} ends too early: a part of the picture is missing; copy or save it again")
    return Photo(ended, UNFINISHED)


def _fit(image: Image, path: Path | str, most: int) -> None:
    """Refuse a picture of too many pixels; decode a JPEG at a smaller size."""
    width, height = image.size
    # A progressive file is held as coefficients of the full size whatever size comes out.
    reducible = image.format in ("JPEG", "MPO") and not image.info.get("progressive")
    for reduction in _REDUCTIONS if reducible else _REDUCTIONS[:1]:
        small = -(-width // reduction), -(-height // reduction)
        if small[0] * small[1] <= most:
            if reduction > 1:
                # Pillow reduces by no more than the whole part of the quotient.
                image.draft(None, (max(1, width // reduction), max(1, height // reduction)))
            return
    raise _too_large(path, f"{width:,} x {height:,}", most)


def _too_large(path: Path | str, size: str, most: int) -> PhotoError:
    return PhotoSizeError(f"{path} has {size} pixels, the limit is {most / 10**6:g} million; make it smaller")


def _rgb(image: Image) -> NDArray[np.uint8]:
    """Any mode to uint8 [H, W, 3]."""
    scale = _scale(image) if image.mode.startswith(("I", "F")) else None
    result = np.empty((image.height, image.width, 3), np.uint8)
    for top, band in _bands(image):
        if scale:
            low, high = scale
            levels = np.nan_to_num(np.asarray(band, np.float64), nan=low, posinf=high, neginf=low)
            levels = (np.clip(levels, low, high) - low) * (255 / (high - low))
            result[top : top + _BAND] = np.floor(levels + 0.5).astype(np.uint8)[..., None]
        else:
            result[top : top + _BAND] = np.asarray(_opaque(band))
    return result


def _bands(image: Image) -> Iterator[tuple[int, Image]]:
    """The picture a few rows at a time, as conversions need several times the memory of their input."""
    for top in range(0, image.height, _BAND):
        yield top, image.crop((0, top, image.width, min(top + _BAND, image.height)))


def _opaque(image: Image) -> Image:
    """An 8-bit picture in RGB, alpha on white."""
    from PIL import Image as Images
    from PIL import ImageCms

    if image.mode == "LAB":
        profiles: tuple[Any, Any] = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, *profiles, outputMode="RGB")
        assert converted is not None
        return converted
    if image.mode == "La":
        image = image.convert("LA")
    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    return Images.alpha_composite(Images.new("RGBA", image.size, "white"), image).convert("RGB")


def _scale(image: Image) -> tuple[float, float]:
    """The values that become 0 and 255 of a picture of more than 8 bits."""
    if image.mode.startswith("I;16"):
        return 0.0, 65535.0
    bands = [values[np.isfinite(values)] for values in (np.asarray(band) for _, band in _bands(image))]
    extremes = [(float(values.min()), float(values.max())) for values in bands if values.size]
    low = min((low for low, _ in extremes), default=0.0)
    high = max((high for _, high in extremes), default=1.0)
    limits = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
    fitting = [limit for limit in limits if low >= 0 and high <= limit]
    if fitting:
        return 0.0, fitting[0]
    return low, high if high > low else low + 1


def _orientation(image: Image) -> int:
    """The EXIF orientation; a damaged one counts as none."""
    with contextlib.suppress(Exception):
        return int(image.getexif().get(_ORIENTATION, 1))
    return 1


def _upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Turn and mirror the picture as its EXIF orientation says."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


@contextlib.contextmanager
def _pixel_limit(pixels: int | None) -> Iterator[None]:
    """Pillow's own limit set for a while; more pixels than that raise, and other warnings are dropped."""
    from PIL import Image

    usual = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = pixels
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = usual
