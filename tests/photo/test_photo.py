"""Photos of every mode and format as upright RGB, and what cannot be read in one clear line."""

import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from fer_export.bundle.golden.drawn_face import drawn_face
from fer_export.errors import PhotoError
from fer_export.photo import read as photo

HEIGHT, WIDTH = 6, 9
RGB = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
GREY = RGB[..., 0]


def stored(tmp_path, image, name="photo.png", **options):
    path = tmp_path / name
    image.save(path, **options)
    return path


def in_rgb(grey):
    return np.repeat(np.asarray(grey)[..., None], 3, axis=-1)


def refused(path):
    with pytest.raises(PhotoError) as error:
        photo.read(path)
    message = str(error.value)
    assert "\n" not in message
    assert path.name in message
    return message


def test_rgb_and_grey(tmp_path):
    read = photo.read(stored(tmp_path, Image.fromarray(RGB)))
    assert np.array_equal(read, RGB)
    assert read.dtype == np.uint8
    assert read.flags.c_contiguous
    assert np.array_equal(photo.read(stored(tmp_path, Image.fromarray(GREY))), in_rgb(GREY))


def test_taller_than_a_band(tmp_path):
    tall = np.random.default_rng(1).integers(0, 256, (700, 5, 3), dtype=np.uint8)
    assert np.array_equal(photo.read(stored(tmp_path, Image.fromarray(tall))), tall)


@pytest.mark.parametrize("name", ["a.png", "a.tiff", "a.webp", "a.bmp", "a.gif", "a.ppm", "a.jp2", "a.tga"])
def test_lossless_formats(tmp_path, name):
    options = {"lossless": True} if name == "a.webp" else {}
    few = np.full((HEIGHT, WIDTH, 3), (10, 200, 90), np.uint8)
    few[2:, 3:] = (255, 0, 128)
    assert np.array_equal(photo.read(stored(tmp_path, Image.fromarray(few), name, **options)), few)


@pytest.mark.parametrize(("mode", "name"), [("RGB", "a.jpg"), ("L", "a.jpg"), ("RGB", "a.avif"), ("CMYK", "a.jpg")])
def test_lossy_formats(tmp_path, mode, name):
    plain = np.full((32, 48, 3), (120, 60, 200), np.uint8)
    expected = Image.fromarray(plain).convert(mode).convert("RGB")
    read = photo.read(stored(tmp_path, Image.fromarray(plain).convert(mode), name, quality=95))
    assert np.abs(read.astype(int) - np.asarray(expected)).max() <= 4


def test_bilevel_and_cmyk(tmp_path):
    bits = Image.fromarray(((GREY > 128) * 255).astype(np.uint8)).convert("1")
    assert np.array_equal(photo.read(stored(tmp_path, bits)), in_rgb((GREY > 128) * 255))
    cmyk = Image.fromarray(RGB).convert("CMYK")
    assert np.array_equal(photo.read(stored(tmp_path, cmyk, "a.tiff")), RGB)


def test_lab_is_converted_by_its_meaning(tmp_path):
    colours = np.array([[[255, 255, 255], [200, 40, 40], [40, 90, 200], [90, 90, 90]]], np.uint8)
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    lab = ImageCms.profileToProfile(Image.fromarray(colours), *profiles, outputMode="LAB")
    read = photo.read(stored(tmp_path, lab, "a.tiff"))
    assert np.abs(read.astype(int) - colours).max() <= 5


def test_alpha_is_laid_on_white(tmp_path):
    rgba = np.zeros((2, 2, 4), np.uint8)
    rgba[0, 0] = (255, 0, 0, 255)
    rgba[1, 1] = (0, 0, 0, 51)
    expected = np.full((2, 2, 3), 255, np.uint8)
    expected[0, 0], expected[1, 1] = (255, 0, 0), (204, 204, 204)
    assert np.array_equal(photo.read(stored(tmp_path, Image.fromarray(rgba))), expected)
    grey = Image.fromarray(rgba).convert("LA")
    assert photo.read(stored(tmp_path, grey))[0].tolist() == [[76] * 3, [255] * 3]


def test_transparent_colours_of_palette_grey_and_rgb_are_white(tmp_path):
    palette = Image.new("P", (2, 1))
    palette.putpalette([9, 9, 9, 40, 50, 60])
    palette.putdata([0, 1])
    for transparency in (0, b"\0\xff"):
        read = photo.read(stored(tmp_path, palette, transparency=transparency))
        assert read.tolist() == [[[255] * 3, [40, 50, 60]]]
    assert photo.read(stored(tmp_path, palette)).tolist() == [[[9] * 3, [40, 50, 60]]]
    grey = Image.fromarray(np.array([[7, 90]], np.uint8))
    assert photo.read(stored(tmp_path, grey, transparency=7)).tolist() == [[[255] * 3, [90] * 3]]
    colour = Image.fromarray(np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8))
    assert photo.read(stored(tmp_path, colour, transparency=(1, 2, 3))).tolist() == [[[255] * 3, [4, 5, 6]]]


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([0, 257, 32896, 65535], np.uint16, [0, 1, 128, 255]),
        ([0, 100, 200, 255], np.int32, [0, 100, 200, 255]),
        ([0, 257, 32896, 65535], np.int32, [0, 1, 128, 255]),
        ([-1000, 0, 1000, 3000], np.int32, [0, 64, 128, 255]),
        ([0.0, 0.5, 0.25, 1.0], np.float32, [0, 128, 64, 255]),
        ([0.0, 10.4, 99.6, 255.0], np.float32, [0, 10, 100, 255]),
        ([np.nan, 0.0, 1.0, np.inf], np.float32, [0, 0, 255, 255]),
        ([-5.0, 0.0, 5.0, 15.0], np.float32, [0, 64, 128, 255]),
        ([-3.0, -3.0, -3.0, -3.0], np.float32, [0, 0, 0, 0]),
        ([np.nan] * 4, np.float32, [0, 0, 0, 0]),
    ],
)
def test_more_than_8_bits(tmp_path, values, kind, expected):
    path = stored(tmp_path, Image.fromarray(np.array([values], kind)), "a.tiff")
    assert photo.read(path)[0, :, 0].tolist() == expected
    if kind == np.uint16:
        path = stored(tmp_path, Image.fromarray(np.array([values], kind)), "a.png")
        assert photo.read(path)[0, :, 2].tolist() == expected


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png", "a.tiff"])
def test_animations_are_their_first_frame(tmp_path, name):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ((250, 0, 0), (0, 250, 0), (0, 0, 250))]
    options = {"lossless": True} if name == "a.webp" else {}
    path = stored(tmp_path, frames[0], name, save_all=True, append_images=frames[1:], **options)
    assert photo.read(path)[4, 4].tolist() == [250, 0, 0]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.png", "a.tiff", "a.webp"])
def test_orientation_is_applied(tmp_path, orientation, name):
    turned = {
        1: RGB, 2: RGB[:, ::-1], 3: RGB[::-1, ::-1], 4: RGB[::-1], 5: RGB.transpose(1, 0, 2),
        6: np.rot90(RGB, -1), 7: RGB[::-1, ::-1].transpose(1, 0, 2), 8: np.rot90(RGB),
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True, "exact": True} if name == "a.webp" else {}
    assert np.array_equal(photo.read(stored(tmp_path, Image.fromarray(RGB), name, exif=exif, **options)), turned)


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0rubbish", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12"]
)
def test_damaged_exif_does_not_matter(tmp_path, exif):
    path = stored(tmp_path, Image.fromarray(in_rgb(np.full((16, 16), 90, np.uint8))), "a.jpg", exif=exif)
    assert photo.read(path).shape == (16, 16, 3)


def test_one_pixel(tmp_path):
    assert photo.read(stored(tmp_path, Image.new("RGB", (1, 1), (1, 2, 3)))).tolist() == [[[1, 2, 3]]]


def test_what_is_no_photo(tmp_path):
    text = tmp_path / "notes.jpg"
    text.write_text("not a picture")
    assert "not a picture that Pillow can read; convert it to JPEG or PNG" in refused(text)
    empty = tmp_path / "empty.jpg"
    empty.touch()
    assert "is empty; copy or save it again" in refused(empty)
    assert "does not exist" in refused(tmp_path / "missing.jpg")
    assert "is a folder" in refused(tmp_path)
    pipe = tmp_path / "pipe.jpg"
    os.mkfifo(pipe)
    assert "is not a file" in refused(pipe)


def test_a_name_that_cannot_be_opened_says_so(tmp_path):
    assert "cannot be opened (" in refused(tmp_path / ("long" * 100 + ".jpg"))
    with pytest.raises(PhotoError, match="does not exist"):
        photo.read(Path("null\0.jpg"))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads every file")
def test_a_file_that_may_not_be_read_says_so(tmp_path):
    closed = tmp_path / "closed.jpg"
    closed.write_bytes(b"photo")
    closed.chmod(0)
    assert "cannot be opened (Permission denied); check its name and permissions" in refused(closed)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path):
    path = stored(tmp_path, Image.fromarray(RGB))
    path.chmod(0)
    assert "Permission denied" in refused(path)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.gif", "a.tiff", "a.bmp", "a.jp2"])
def test_cut_off_and_damaged_files(tmp_path, name):
    big = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    path = stored(tmp_path, big, name)
    whole = path.read_bytes()
    refusals = 0
    rng = np.random.default_rng(1)
    for share in (0.05, 0.3, 0.6, 0.9):
        path.write_bytes(whole[: int(share * len(whole))])
        refusals += _refused_or_read(path)
    assert refusals
    for _ in range(20):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), 8):
            damaged[place] = rng.integers(0, 256)
        path.write_bytes(damaged)
        _refused_or_read(path)


def _refused_or_read(path):
    """Whether it was refused; nothing but a photo or a PhotoError of one line comes out."""
    message = ""
    try:
        pixels = photo.read(path)
    except PhotoError as error:
        message = str(error)
    else:
        assert pixels.shape[2] == 3
    assert "\n" not in message
    return bool(message)


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def bilevel_png(path, side):
    """A white PNG of side x side pixels with one bit each: a bomb of a few kB."""
    packer = zlib.compressobj(9)
    row = b"\0" + b"\xff" * (side // 8)
    packed = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b""))
    return path


def test_a_picture_of_400_million_pixels_is_refused_before_it_is_decoded(tmp_path):
    path = bilevel_png(tmp_path / "bomb.png", 20_000)
    assert path.stat().st_size < 100_000
    program = (
        "import re, sys\nfrom pathlib import Path\nfrom fer_export import errors\n"
        "from fer_export.photo import read as photo\n"
        "try:\n    photo.read(Path(sys.argv[1]))\n"
        "except errors.PhotoError as error:\n    print(error)\n"
        "print(int(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1]) // 1024)\n"
    )
    result = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True)
    message, peak = result.stdout.splitlines()
    assert "bomb.png has 20,000 x 20,000 pixels, the limit is 100 million; make it smaller" in message
    assert int(peak) < 200  # MB


def test_the_limit_is_exact_and_a_jpeg_is_decoded_smaller_instead(tmp_path, monkeypatch):
    plain = Image.new("RGB", (160, 120), (200, 100, 50))
    png, jpeg = stored(tmp_path, plain), stored(tmp_path, plain, "a.jpg")
    progressive = stored(tmp_path, plain, "b.jpg", progressive=True)
    monkeypatch.setattr(photo, "LARGEST", 160 * 120)
    assert photo.read(png).shape == photo.read(progressive).shape == (120, 160, 3)
    monkeypatch.setattr(photo, "LARGEST", 160 * 120 - 1)
    assert "160 x 120 pixels" in refused(png)
    assert "160 x 120 pixels" in refused(progressive)
    assert photo.read(jpeg).shape == (60, 80, 3)
    monkeypatch.setattr(photo, "LARGEST", 40 * 30)
    small = photo.read(jpeg)
    assert small.shape == (30, 40, 3)
    assert np.abs(small.astype(int) - (200, 100, 50)).max() <= 4
    for size in ((161, 121), (161, 120), (167, 127), (161, 9)):
        odd = stored(tmp_path, plain.resize(size), "odd.jpg")
        for reduction in (2, 4, 8):
            height, width = -(-size[1] // reduction), -(-size[0] // reduction)
            monkeypatch.setattr(photo, "LARGEST", height * width)
            assert photo.read(odd).shape == (height, width, 3)
    monkeypatch.setattr(photo, "LARGEST", 20 * 15 - 1)
    assert "160 x 120 pixels" in refused(jpeg)


def test_pillows_own_limit_is_left_as_it_was(tmp_path):
    before = Image.MAX_IMAGE_PIXELS
    photo.read(stored(tmp_path, Image.fromarray(RGB)))
    refused(tmp_path / "missing.png")
    assert before == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_without_its_end_marker_is_whole_or_refused(tmp_path, progressive):
    buffer = io.BytesIO()
    Image.fromarray(drawn_face(120)).save(buffer, format="JPEG", progressive=progressive)
    whole, path = buffer.getvalue(), tmp_path / "photo.jpg"
    path.write_bytes(whole)
    sound = photo.read_photo(path)
    assert sound.caution == ""
    path.write_bytes(whole[:-2])
    found = photo.read_photo(path)
    np.testing.assert_array_equal(found.pixels, sound.pixels)
    assert "end marker" in found.caution
    for kept in (0.99, 0.5):
        path.write_bytes(whole[: int(kept * len(whole))])
        with pytest.raises(PhotoError, match="part of the picture is missing"):
            photo.read_photo(path)
