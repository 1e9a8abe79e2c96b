"""The contract as a document: there and back, and every field that is missing, foreign or misshapen is refused."""

import json
from pathlib import Path

import pytest

from fer_export.contract import photo as photo_contract
from fer_export.contract.photo import CROP, PhotoContract, contract_for
from fer_export.dataset.emotions import FER2013
from fer_export.errors import BundleError

RESULT = Path(__file__).parents[2] / "benchmarks" / "results" / "crop_margin.json"


def document():
    return json.loads(json.dumps(contract_for(FER2013, 48).to_dict()))


def changed(place, value):
    """The document with another value at a place like `detectors.0.size`; None removes it."""
    whole = document()
    *way, last = [int(step) if step.isdigit() else step for step in place.split(".")]
    part = whole
    for step in way:
        part = part[step]
    if value is None:
        del part[last]
    else:
        part[last] = value
    return whole


def test_there_and_back():
    contract = contract_for(("happy", "sad"), 64)
    assert PhotoContract.from_dict(json.loads(json.dumps(contract.to_dict()))) == contract


def old_document(version):
    """A contract as an older version of this package wrote it."""
    old = document()
    old["version"], old["merge"] = version, 300
    for detector in old["detectors"]:
        del detector["margin"]
        if version == 1:
            del detector["windows"]
    return old


@pytest.mark.parametrize("version", [1, 2])
def test_old_versions_are_read_and_written_as_they_were(version):
    contract = PhotoContract.from_dict(old_document(version))
    assert contract.version == version
    assert contract.merge.cover == 300
    assert {rule.margin for rule in contract.detectors} == {0}
    assert json.loads(json.dumps(contract.to_dict())) == old_document(version)


def test_an_old_version_that_lacks_a_field_is_refused():
    old = old_document(2)
    del old["merge"]
    with pytest.raises(BundleError, match="lacks merge"):
        PhotoContract.from_dict(old)


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ("format", "something else", "is not a fer-export photo contract"),
        ("version", 4, "of version 4 and this fer-export reads up to 3; update fer-export"),
        ("merge", None, "lacks merge"),
        ("merge", 300, "merge of contract.json: expected object"),
        ("merge.same", None, "merge lacks same"),
        ("detectors.0.margin", 401, "margin of detectors: expected int <= 400"),
        ("crop.scale", None, "crop lacks scale"),
        ("detectors.1.sha256", None, "detectors lacks sha256"),
        ("detectors.0.grids.0.cells", None, "grids lacks cells"),
        ("colour", 1, "has the unknown field colour"),
        ("grey.gamma", 1, "grey has the unknown field gamma"),
        ("size", "48", "size of contract.json: expected int, got str"),
        ("size", True, "size of contract.json: expected int, got bool"),
        ("crop.scale", 1.5, "contract.json: scale of crop: expected int, got float"),
        ("labels", 7, "labels of contract.json: expected array, got int"),
        ("labels", "happy", "labels of contract.json: expected array, got str"),
        ("labels", ["happy", 7], "labels of contract.json: expected str, got int"),
        ("crop", [], "crop of contract.json: expected object, got array"),
        ("detectors", [7], "detectors of contract.json: expected object, got int"),
        ("detectors.0.grids", 7, "grids of detectors: expected array, got int"),
        ("size", 0, "size of contract.json: expected int >= 1"),
        ("detectors.2.windows", 0, "windows of detectors: expected int >= 1"),
        ("detectors.0.size", -128, "size of detectors: expected int >= 1"),
        ("crop.shift_y", -(10**9), "shift_y of crop: expected int >= -1000000"),
        ("crop.scale", 10**400, "contract.json"),
        ("crop.scale", float("inf"), "scale of crop: expected int"),
        ("grey.red", 19594, "grey does not weigh 2^shift"),
    ],
)
def test_a_document_that_is_not_the_contract_is_refused(place, value, words):
    with pytest.raises(BundleError) as refused:
        PhotoContract.from_dict(changed(place, value))
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "make_bundle()" in str(refused.value)


@pytest.mark.parametrize("whole", [None, [], "contract", 7])
def test_what_is_no_object_is_refused(whole):
    with pytest.raises(BundleError, match="expected object"):
        PhotoContract.from_dict(whole)


def test_the_crop_is_the_measured_one():
    measured = json.loads(RESULT.read_text())["measured"]
    rounded = {name: 10 * round(measured[name]["median"] / 10) for name in ("scale", "shift_x", "shift_y")}
    assert rounded == {"scale": CROP.scale, "shift_x": CROP.shift_x, "shift_y": CROP.shift_y}


def test_the_numbers_stand_in_the_contract_only():
    """No other module writes down a crop or a detector's hash."""
    numbers = ["CropRule(scale=", *(rule.sha256 for rule in photo_contract.DETECTORS)]
    package = Path(photo_contract.__file__).parents[1]
    holders = {
        path.name
        for path in package.rglob("*.py")
        if any(number in path.read_text(encoding="utf-8") for number in numbers)
    }
    assert holders == {"photo.py"}
