"""The rule that makes faces of candidates, by hand."""

from dataclasses import replace

import pytest

from fer_export.contract.photo import DETECTORS, MergeRule, PhotoContract, contract_for
from fer_export.photo.crop import Box
from fer_export.photo.merging import Face, merged

SIZE = (200, 200)
SHORT, FULL = "short.tflite", "full.tflite"
RULES = (
    replace(DETECTORS[0], file=SHORT),
    replace(DETECTORS[1], file=FULL),
    replace(DETECTORS[0], file=SHORT, windows=2),
)
CONTRACT = replace(
    contract_for(("happy",), 48),
    detectors=RULES,
    merge=MergeRule(same=400, cover=300, score=600, size=12, alone=800, small=0, small_alone=1000),
)
OLD = replace(
    CONTRACT, merge=MergeRule(same=1000, cover=300, score=0, size=1, alone=1000, small=0, small_alone=1000), version=2
)


def short(left, top, side, score):
    return Face(Box(left, top, left + side, top + side), score, SHORT)


def full(left, top, side, score):
    return Face(Box(left, top, left + side, top + side), score, FULL)


def faces(*by_rule, contract=CONTRACT):
    """(box, score) of the faces made of what each rule finds."""
    found = [(rule, by_rule[i] if i < len(by_rule) else []) for i, rule in enumerate(RULES)]
    boxes = merged(found, SIZE, contract)
    return [((face.box.left, face.box.top, face.box.right - face.box.left), round(face.score, 6)) for face in boxes]


def test_a_face_has_the_box_of_the_surest_and_the_mean_score_of_both_files():
    assert faces([short(10, 10, 50, 0.7)], [full(14, 10, 50, 0.9)]) == [((14, 10, 50), 0.8)]


def test_the_first_detectors_box_does_not_block_surer_ones():
    wide = short(0, 0, 100, 0.6)  # across two people
    people = [short(0, 20, 40, 0.95), short(55, 20, 40, 0.94)]
    seen = [full(0, 20, 40, 0.9), full(55, 20, 40, 0.9)]
    assert [box for box, _ in faces([wide], seen, people)] == [(0, 20, 40), (55, 20, 40)]


def test_what_one_network_alone_takes_for_a_face_is_not_one_beside_a_face():
    sure = short(10, 10, 50, 0.7), full(10, 10, 50, 0.9)
    fist = short(100, 100, 50, 0.99)
    assert faces([fist, sure[0]], [sure[1]], [fist]) == [((10, 10, 50), 0.8)]
    assert faces([], [], [fist]) == []


def test_the_surest_of_a_whole_photo_counts_alone():
    assert faces([short(10, 10, 50, 0.8), short(100, 100, 50, 0.79)]) == [((10, 10, 50), 0.8)]
    assert faces([short(10, 10, 50, 0.79)]) == []
    assert faces([short(10, 10, 50, 0.85)], contract=replace(CONTRACT, merge=replace(CONTRACT.merge, score=900))) == []
    assert faces([short(10, 10, 11, 0.9)]) == []


def test_a_small_face_counts_by_its_own_score():
    small = replace(CONTRACT, merge=replace(CONTRACT.merge, small=150, small_alone=800))  # below 30 of 200 pixels
    beside, unseen = [short(100, 100, 60, 0.7)], [full(100, 100, 60, 0.7)]
    assert faces(beside, unseen, [short(5, 5, 29, 0.8)], contract=small) == [((5, 5, 29), 0.8), ((100, 100, 60), 0.7)]
    assert faces(beside, unseen, [short(5, 5, 30, 0.99)], contract=small) == [((100, 100, 60), 0.7)]
    assert faces(beside, unseen, [short(5, 5, 29, 0.79)], contract=small) == [((100, 100, 60), 0.7)]
    assert faces(beside, unseen, [short(5, 5, 29, 0.8)]) == [((100, 100, 60), 0.7)]


def test_documents_of_version_3_without_small_have_no_small_faces():
    document = CONTRACT.to_dict()
    del document["merge"]["small"], document["merge"]["small_alone"]
    assert PhotoContract.from_dict(document) == CONTRACT


def test_a_confirming_box_has_to_overlap_by_more_than_the_limit():
    lead = short(0, 0, 70, 0.79)
    assert faces([lead], [full(30, 0, 70, 0.7)]) == []  # 40 * 70 of 100 * 70: exactly 400 thousandths
    assert faces([lead], [full(29, 0, 70, 0.7)]) == [((0, 0, 70), 0.745)]


def test_the_least_score_and_size_are_the_contracts():
    pair = [short(10, 10, 20, 0.7)], [full(10, 10, 20, 0.5)]
    assert len(faces(*pair)) == 1
    stricter = replace(CONTRACT, merge=replace(CONTRACT.merge, score=601))
    larger = replace(CONTRACT, merge=replace(CONTRACT.merge, size=21))
    assert faces(*pair, contract=stricter) == faces(*pair, contract=larger) == []


def test_the_surest_face_comes_first_whatever_its_size_and_of_equal_ones_the_largest():
    found = [short(0, 0, 20, 0.9), short(60, 0, 40, 0.8), short(120, 0, 30, 0.8)]
    seen = [full(0, 0, 20, 0.9), full(60, 0, 40, 0.8), full(120, 0, 30, 0.8)]
    assert [box for box, _ in faces(found, seen)] == [(0, 0, 20), (60, 0, 40), (120, 0, 30)]


def test_a_face_inside_a_surer_one_is_dropped():
    assert [box for box, _ in faces([short(0, 0, 90, 0.9)], [full(0, 0, 90, 0.9)], [short(10, 10, 20, 0.7)])] == [
        (0, 0, 90)
    ]
    both = [short(0, 0, 90, 0.9), short(10, 10, 20, 0.7)], [full(0, 0, 90, 0.9), full(10, 10, 20, 0.7)]
    assert [box for box, _ in faces(*both)] == [(0, 0, 90)]


@pytest.mark.parametrize(("left", "kept"), [(-26, False), (-25, True), (174, True), (175, False)])
def test_a_box_counts_while_its_centre_lies_in_the_photo(left, kept):
    assert bool(faces([short(left, 50, 50, 0.9)], [full(left, 50, 50, 0.9)])) is kept
    upright = [Face(Box(f.box.top, f.box.left, f.box.bottom, f.box.right), 0.9, f.detector)
               for f in (short(left, 50, 50, 0.9), full(left, 50, 50, 0.9))]  # fmt: skip
    assert bool(faces(upright[:1], upright[1:])) is kept


def test_no_candidate_no_face():
    assert faces() == []


def test_of_an_old_contract_a_later_detector_adds_only_new_faces():
    first, inside = short(0, 0, 40, 0.5), full(10, 10, 10, 0.99)
    slightly, again = full(30, 30, 40, 0.9), full(32, 30, 40, 0.8)  # of one detector: both stay
    found = faces([first], [inside, slightly, again], contract=OLD)
    assert [box for box, _ in found] == [(0, 0, 40), (30, 30, 40), (32, 30, 40)]


def test_of_an_old_contract_windows_add_each_face_once_and_boxes_beside_the_photo_are_dropped():
    new, again = short(50, 50, 40, 0.9), short(52, 50, 40, 0.8)
    found = faces([short(-60, 10, 50, 0.9)], [], [new, again], contract=OLD)
    assert [box for box, _ in found] == [(50, 50, 40)]
