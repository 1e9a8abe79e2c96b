"""Golden vectors: the photos cover what matters, and what is written is read back or refused."""

import json

import numpy as np
import pytest
from PIL import Image

from fer_export.bundle.folder import GOLDEN_VECTORS, Bundle
from fer_export.bundle.golden import kernel_sets, photos
from fer_export.bundle.golden import vectors as golden
from fer_export.bundle.golden.vectors import Golden
from fer_export.errors import BundleError
from fer_export.photo import read as photo
from helpers import bundles


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return Bundle.open(bundles.tiny(tmp_path_factory)[1].places[0])


@pytest.fixture(scope="module")
def vectors(bundle):
    return Golden.from_bytes(bundle.read(GOLDEN_VECTORS), bundle.contract)


@pytest.mark.slow
def test_photos_are_the_same_bytes_again_and_small(tmp_path):
    first, again = photos.pictures(), photos.pictures()
    written = [photos.png(picture.pixels) for picture in first]
    assert written == [photos.png(picture.pixels) for picture in again]
    assert sum(map(len, written)) < 600_000
    for picture, content in zip(first, written, strict=True):
        path = tmp_path / f"{picture.name}.png"
        path.write_bytes(content)
        np.testing.assert_array_equal(photo.read(path), picture.pixels)
        with Image.open(path) as opened:
            assert opened.info == {}


def test_photos_cover_what_tells_implementations_apart(vectors):
    faces = [len(one.faces) for one in vectors.photos]
    assert 0 in faces
    assert 1 in faces
    assert max(faces) >= 3
    assert {face.detector for one in vectors.photos for face in one.faces} == {
        "face_detection_short_range.tflite",
        "face_detection_full_range_sparse.tflite",
    }
    assert any(one.width >= 1500 for one in vectors.photos)
    assert any(one.width == one.height == 1 for one in vectors.photos)
    found = [(one, face.box) for one in vectors.photos for face in one.faces]
    assert any(box.left < 0 or box.bottom > one.height for one, box in found), "a found face at the border"
    crops = [(one, crop) for one in vectors.photos for crop in one.crops]
    assert any(crop.box.left >= one.width for one, crop in crops), "wholly outside"
    assert any(crop.box.left == crop.box.right and crop.box.top == crop.box.bottom for _, crop in crops), "no size"
    assert any(crop.box.right < crop.box.left for _, crop in crops), "turned over"
    assert any(crop.box.left < 0 and crop.box.right > one.width for one, crop in crops), "larger than the picture"
    assert any(crop.square.side < 16 for _, crop in crops), "enlarged"
    assert len({crop.gray.tobytes() for _, crop in crops}) > 20


def test_grey_faces_are_area_averages_of_pillows_grey(bundle, vectors):
    """Every pixel is repeated until each output pixel covers whole ones; their mean, a half rounded up."""
    size, compared = bundle.contract.size, 0
    for one in vectors.photos:
        with Image.open(bundle.folder / one.file) as picture:
            grey = np.asarray(picture.convert("L"))
        for crop in one.crops:
            left, top, side = crop.square.left, crop.square.top, crop.square.side
            if side > 130:
                continue
            cut = grey[top : top + side, left : left + side].repeat(size, axis=0).repeat(size, axis=1)
            sums = cut.reshape(size, side, size, side).sum(axis=(1, 3), dtype=np.int64)
            np.testing.assert_array_equal(crop.gray[..., 0], (2 * sums + side * side) // (2 * side * side))
            compared += 1
    assert compared > 15


def test_they_are_read_back_as_they_were_made(bundle, vectors, tmp_path_factory):
    made = bundles.tiny(tmp_path_factory)[1].golden
    assert vectors.to_dict() == made.to_dict()
    np.testing.assert_array_equal(vectors.gray, made.gray)
    for read, written in zip(vectors.variants, made.variants, strict=True):
        np.testing.assert_array_equal(read.probabilities, written.probabilities)
        assert read.probabilities.dtype == np.float32


def test_every_variant_answers_on_every_kernel_set(bundle, vectors):
    found = {(variant.file, variant.kernels): variant for variant in vectors.variants}
    assert len(found) == len(vectors.variants) == 6
    for (file, kernels), variant in found.items():
        shape = (len(vectors.gray), len(bundle.contract.labels))
        assert variant.probabilities.shape == shape
        np.testing.assert_allclose(variant.probabilities.sum(axis=1), 1, atol=0.02)
        int8 = {"litert-xnnpack": 1 / 256, "litert-builtin": variant.elsewhere, "onnxruntime": 1e-6}
        assert variant.tolerance == (int8[kernels] if "int8" in file else 1e-5)
        assert variant.elsewhere >= (4 / 256 if "int8" in file else 1e-4)
    for precision in ("int8", "fp32"):
        xnnpack, builtin = (
            found[f"models/tiny-{precision}.tflite", f"litert-{name}"] for name in ("xnnpack", "builtin")
        )
        assert np.abs(xnnpack.probabilities - builtin.probabilities).max() <= xnnpack.elsewhere


def test_the_kernel_sets_are_what_they_say(bundle):
    """XNNPACK leaves no op to the builtin kernels, and the other set has no delegate at all: int8 answers differ."""
    content = bundle.default.read_bytes()
    faces = np.random.default_rng(0).integers(0, 256, (64, 16, 16, 1), np.uint8)
    sets = kernel_sets.of_format("tflite")
    assert [kernels.name for kernels in sets] == ["litert-xnnpack", "litert-builtin"]
    xnnpack, builtin = (kernels.run(content, faces) for kernels in sets)
    assert 0 < np.abs(xnnpack - builtin).max() < 0.1
    assert kernel_sets.find("litert-gpu") is None


def put(*path, value):
    def change(document):
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = value

    return change


BROKEN = {
    "newer": (put("version", value=2), "version 2"),
    "other": (put("format", value="x"), "not a fer-export golden vectors"),
    "count": (put("vectors", value=3), "crops"),
    "foreign": (put("photos", 0, "camera", value="x"), "unknown field camera"),
    "box": (put("photos", 0, "faces", 0, "box", value=[1, 2, 3]), "box of faces: expected array of length 4, got 3"),
    "fraction": (put("photos", 0, "faces", 0, "box", value=[1, 2, 3, 4.5]), "box of faces: expected int, got float"),
    "far": (put("photos", 0, "crops", 0, "box", value=[1, 2, 3, 1 << 40]), "box of crops: expected int <= 2147483647"),
    "square": (put("photos", 0, "crops", 0, "square", value="x"), "square"),
    "base64": (put("photos", 0, "crops", 0, "gray", value="?"), "base64"),
    "short": (put("photos", 0, "crops", 0, "gray", value="AAAA"), "16x16"),
    "kernels": (put("variants", 0, "kernels", value="gpu"), "kernel set"),
    "tolerance": (put("variants", 0, "tolerance", value=-1.0), "limits"),
    "lenient": (put("variants", 0, "elsewhere", value=2.0), "limits"),
    "rows": (put("variants", 0, "probabilities", value=[[0.5, 0.5]]), "rows of 6"),
    "ragged": (put("variants", 0, "probabilities", 0, value=[1.0]), "table|rows"),
    "words": (put("variants", 0, "probabilities", 0, 0, value="much"), "expected float, got str"),
    "negative": (put("variants", 0, "probabilities", 0, 0, value=-0.5), "expected float >= 0"),
    "infinite": (put("variants", 0, "tolerance", value=float("inf")), "not a number|expected float"),
    "huge": (put("variants", 0, "tolerance", value=10**400), "out of range"),
    "no photos": (put("photos", value=[]), "0 crops"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_document_is_refused_in_one_line(bundle, name):
    change, words = BROKEN[name]
    document = json.loads(bundle.read(GOLDEN_VECTORS))
    change(document)
    with pytest.raises(BundleError, match=words) as caught:
        Golden.from_bytes(json.dumps(document).encode(), bundle.contract)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


def test_portraits_are_left_out_where_matplotlib_has_none(monkeypatch):
    with_portrait = [picture.name for picture in photos.pictures()]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert [picture.name for picture in photos.pictures()] == [n for n in with_portrait if n != "portrait"]


def test_least_limits_stand_above_the_tolerances():
    tolerances = [kernels.int8_tolerance for kernels in kernel_sets.KERNEL_SETS if kernels.int8_tolerance]
    assert golden.LEAST_ELSEWHERE[True] > max(tolerances)
    assert golden.LEAST_ELSEWHERE[False] > golden.FLOAT_TOLERANCE
