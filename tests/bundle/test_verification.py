"""verify: a bundle as it was made passes; anything else is named."""

import base64
import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from fer_export.bundle.golden import kernel_sets, photos
from fer_export.bundle.golden.kernel_sets import KernelSet
from fer_export.bundle.verify import verify
from fer_export.cli import main
from fer_export.errors import BundleError
from fer_export.photo.detector import Detector
from helpers import bundles

GOLDEN = "golden/golden.json"
FLOAT = "models/tiny-fp32.tflite"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return bundles.tiny(tmp_path_factory)[1]


@pytest.fixture
def copy(made, tmp_path):
    return bundles.copied(made, tmp_path)


@pytest.mark.slow
def test_a_bundle_as_it_was_made_passes(made, capfd):
    folder = made.places[0]
    result = verify(folder)
    assert result.passed, result.difference
    assert result.files == sum(path.is_file() for path in folder.rglob("*"))
    assert result.bytes == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) == made.bytes
    assert (result.photos, result.vectors) == (len(made.golden.photos), len(made.golden.gray))
    assert result.largest_box == 0
    assert len(result.replayed) == 6
    for each in result.replayed:
        assert each.largest <= each.allowed
        assert each.runtime == each.recorded
    assert main(["verify", str(folder)]) == 0
    said = capfd.readouterr().out
    assert "VERIFIED" in said
    assert f"{result.vectors} grey faces" in said
    assert main(["verify", str(folder), "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == json.loads(json.dumps(result.to_dict()))


def places_of(size):
    return sorted({0, 1, size // 3, size // 2, size - 2, size - 1} & set(range(size)))


@pytest.mark.slow
def test_a_flipped_byte_anywhere_is_found(copy):
    flips = 0
    for path in sorted(path for path in copy.rglob("*") if path.is_file()):
        whole = path.read_bytes()
        # The manifest has no SHA-256 elsewhere, so that many of its bytes are tried.
        for place in range(0, len(whole), 5) if path.name == "manifest.json" else places_of(len(whole)):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            try:
                result = verify(copy)
            except BundleError:
                assert path.name == "manifest.json"
            else:
                assert not result.passed, (path, place)
                assert path.name in result.difference
            flips += 1
        path.write_bytes(whole)
    assert flips > 1000
    assert verify(copy).passed


def test_what_is_missing_foreign_or_cut_is_named(copy, capfd):
    (copy / ".DS_Store").write_bytes(b"x")
    assert ".DS_Store" in verify(copy).difference
    assert main(["verify", str(copy)]) == 1
    said = capfd.readouterr()
    assert said.out.startswith("DIFFERS")
    assert len(said.out.splitlines()) == 1
    assert said.err == ""
    (copy / ".DS_Store").unlink()
    (copy / "models/more").mkdir()
    assert "models/more" in verify(copy).difference
    (copy / "models/more").rmdir()
    (copy / "models/more").symlink_to(copy / "labels.txt")
    with pytest.raises(BundleError, match="models/more is a link"):
        verify(copy)
    (copy / "models/more").unlink()
    (copy / "README.md").unlink()
    assert "README.md is missing" in verify(copy).difference


def other_labels(folder):
    path = folder / "labels.txt"
    path.write_text("\n".join(reversed(path.read_text().split())) + "\n")


def exchanged_models(folder):
    """The float file under the name of the int8 one."""
    (folder / "models/tiny-int8.tflite").write_bytes((folder / "models/tiny-fp32.tflite").read_bytes())


def repainted(folder):
    photo = next(p for p in photos.pictures() if p.name == "noise").pixels.copy()
    photo[20, 20] ^= 1
    (folder / "golden/noise.png").write_bytes(photos.png(photo))


def golden_change(change):
    return lambda folder: bundles.rewrite(folder / GOLDEN, change)


def moved_box(document):
    for place in (document["photos"][0]["faces"][0], document["photos"][0]["crops"][0]):
        place["box"][0] += 2


def box_within_a_pixel(document):
    for place in (document["photos"][0]["faces"][0], document["photos"][0]["crops"][0]):
        place["box"][0] += 1


def lost_face(document):
    document["photos"][0]["faces"] = []


def moved_square(document):
    document["photos"][0]["crops"][0]["square"][0] += 1


def other_grey(document):
    crop = document["photos"][0]["crops"][0]
    content = bytearray(base64.b64decode(crop["gray"]))
    content[100] ^= 1
    crop.update(gray=base64.b64encode(content).decode(), sha256=hashlib.sha256(content).hexdigest())


def other_answer(document):
    document["variants"][0]["probabilities"][3][1] += 1 / 256


def other_float_answer(document):
    document["variants"][2]["probabilities"][3][1] += 3e-5


def other_photo(document):
    document["photos"][0]["sha256"] = "0" * 64


def lenient_detector(folder):
    bundles.rewrite(folder / "contract.json", lambda document: document["detectors"][0].update(threshold=980))


def wider_crop(folder):
    bundles.rewrite(
        folder / "contract.json", lambda document: document["crop"].update(scale=document["crop"]["scale"] + 50)
    )


def greener(folder):
    bundles.rewrite(
        folder / "contract.json",
        lambda document: document["grey"].update(
            red=document["grey"]["red"] - 900, green=document["grey"]["green"] + 900
        ),
    )


TAMPERED = {
    "labels": (other_labels, "labels.txt does not hold the contract's labels"),
    "models": (exchanged_models, "tiny-int8.tflite is a file of another precision"),
    "photo": (repainted, "noise.png decodes to other pixels"),
    "photo's hash": (golden_change(other_photo), "face.png decodes to other pixels"),
    "box": (golden_change(moved_box), "face.png: face 1 is found 2 pixels"),
    "face": (golden_change(lost_face), "the detectors find 1 faces, recorded are 0"),
    "square": (golden_change(moved_square), "crop 1 of golden/face.png has another square"),
    "grey": (golden_change(other_grey), "crop 1 of golden/face.png has other grey bytes"),
    "int8 step": (golden_change(other_answer), "tiny-int8.tflite on litert-xnnpack: vector 4 differs by 0.0039"),
    "float": (golden_change(other_float_answer), "tiny-fp32.tflite on litert-xnnpack: vector 4 differs by 3e-05"),
    "threshold": (lenient_detector, "from its recorded box"),
    "margin": (wider_crop, "another square"),
    "luma": (greener, "other grey bytes"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TAMPERED)
def test_a_replay_finds_what_hashes_cannot(copy, name):
    """Everything is hashed again after the change, as by someone who makes bundles another way."""
    change, words = TAMPERED[name]
    change(copy)
    bundles.reseal(copy)
    result = verify(copy)
    assert not result.passed
    assert words in result.difference
    assert "\n" not in result.difference


def test_a_manifest_that_misnames_its_network_is_found(copy):
    bundles.reseal(copy, lambda document: document["checkpoint"].update(sha256="0" * 64))
    assert "another checkpoint_sha256" in verify(copy).difference
    bundles.reseal(copy, lambda document: document.update(model="report-512-7"))
    assert "another model" in verify(copy).difference


def test_a_manifest_that_misnames_the_calibration_is_found(copy):
    bundles.reseal(copy, lambda document: document["calibration"].update(count=300))
    assert "was not calibrated as" in verify(copy).difference


def test_a_variant_without_answers_is_refused(copy):
    bundles.rewrite(copy / GOLDEN, lambda document: document["variants"].pop())
    bundles.reseal(copy)
    with pytest.raises(BundleError, match="every variant"):
        verify(copy)


def test_a_photo_that_is_not_listed_is_refused(copy):
    bundles.rewrite(copy / GOLDEN, lambda document: document["photos"][0].update(file="../../etc/face.png"))
    bundles.reseal(copy)
    with pytest.raises(BundleError, match="not listed"):
        verify(copy)


@pytest.mark.slow
def test_another_runtime_gets_the_wider_limit(copy, monkeypatch):
    """A step off passes where the runtime is another version, several steps do not, and top-1 must hold."""
    monkeypatch.setattr(KernelSet, "runtime", property(lambda self: f"{self.package} 99"))
    bundles.rewrite(copy / GOLDEN, other_answer)
    bundles.reseal(copy)
    result = verify(copy)
    assert result.passed, result.difference
    [first, *_] = result.replayed
    assert first.runtime == "ai-edge-litert 99"
    assert first.allowed > first.largest == pytest.approx(1 / 256, rel=1e-3)
    bundles.rewrite(copy / GOLDEN, lambda document: document["variants"][0].update(elsewhere=0.0039, tolerance=0.0039))
    bundles.reseal(copy)
    assert "vector 4 differs" in verify(copy).difference


@pytest.mark.slow
@pytest.mark.parametrize(("change", "passes"), [(1 / 256, True), (2 / 256, False)], ids=["a step", "two steps"])
def test_other_processors_may_be_a_step_off(copy, monkeypatch, change, passes):
    """The softmax of TFLite is another kernel on arm64; on the processors that recorded, int8 is equal."""
    monkeypatch.setattr("platform.machine", lambda: "aarch64")

    def off(document):
        document["variants"][0]["probabilities"][3] = [1 - change, change, 0, 0, 0, 0]

    bundles.rewrite(copy / GOLDEN, off)
    bundles.reseal(copy)
    given = np.array(json.loads((copy / GOLDEN).read_text())["variants"][0]["probabilities"], np.float32)
    given[3] = [1, 0, 0, 0, 0, 0]
    run = {True: lambda content, faces: given}
    monkeypatch.setattr(
        kernel_sets,
        "find",
        lambda name, find=kernel_sets.find: replace(find(name), run=run.get("xnn" in name, find(name).run)),
    )
    bundles.rewrite(copy / GOLDEN, lambda document: document["variants"][2].update(document["variants"][0], file=FLOAT))
    bundles.rewrite(copy / GOLDEN, lambda document: document["variants"][2].update(tolerance=0.01, elsewhere=0.01))
    bundles.reseal(copy)
    result = verify(copy)
    assert result.passed is passes, result.difference
    if passes:
        [first, *_] = result.replayed
        assert (first.runtime.split(", ")[1], first.allowed) == ("aarch64", 1 / 256)


@pytest.mark.slow
def test_a_box_may_be_a_pixel_off_and_no_more(made, monkeypatch):
    found = Detector.faces

    def moved(pixels):
        def faces(self, photo):
            boxes = found(self, photo)
            return tuple(replace(face, box=replace(face.box, top=face.box.top + pixels)) for face in boxes)

        return faces

    monkeypatch.setattr(Detector, "faces", moved(1))
    result = verify(made.places[0])
    assert result.passed, result.difference
    assert result.largest_box == 1
    monkeypatch.setattr(Detector, "faces", moved(-2))
    assert "face 1 is found 2 pixels from its recorded box" in verify(made.places[0]).difference


@pytest.mark.slow
@pytest.mark.parametrize(
    ("second", "passes"), [(0.15, False), (0.22, True)], ids=["leads by more than the limit", "leads by less"]
)
def test_another_emotion_counts_where_the_first_led_by_more_than_the_limit(copy, monkeypatch, second, passes):
    # On the processors that recorded, int8 has no limit to lead by.
    monkeypatch.setattr("platform.machine", lambda: "aarch64")

    def recorded(document):
        variant = document["variants"][0]
        variant.update(elsewhere=0.1, tolerance=0.1)
        variant["probabilities"][3] = [0.3, second, 0.1, 0.1, 0.1, 0.1]

    bundles.rewrite(copy / GOLDEN, recorded)
    bundles.reseal(copy)
    given = np.array(json.loads((copy / GOLDEN).read_text())["variants"][0]["probabilities"], np.float32)
    given[3, :2] = 0.21, 0.24
    find = kernel_sets.find

    def answering(name):
        return replace(find(name), run=lambda content, faces: given) if name == "litert-xnnpack" else find(name)

    # The float file is given the same answers.
    bundles.rewrite(copy / GOLDEN, lambda document: document["variants"][2].update(document["variants"][0], file=FLOAT))
    bundles.reseal(copy)
    monkeypatch.setattr(kernel_sets, "find", answering)
    result = verify(copy)
    assert result.passed is passes, result.difference
    if not passes:
        assert "tiny-int8.tflite on litert-xnnpack: vector 4 has another emotion" in result.difference
